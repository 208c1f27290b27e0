"""Reads YAML in which a key that is given twice is an error, not a silent loss of the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class RepeatedKeyError(yaml.YAMLError):
    """Keys that a mapping gives more than once; the text names each with its lines."""


def read_yaml(text: str) -> Any:
    """The values of a YAML text, plain types only.

    Raises:
        RepeatedKeyError: naming every key that stands twice in one mapping.
        yaml.YAMLError: no YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    repeated = [] if root is None else list(_repeated_keys(root, set()))
    if repeated:
        raise RepeatedKeyError("; ".join(repeated))
    return yaml.safe_load(text)


def _repeated_keys(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """A sentence for each repeated key, in the order of the text; aliased nodes are visited once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    first_lines: dict[str, int] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            line = key.start_mark.line + 1
            if key.value in first_lines:
                yield f"key '{key.value}' stands in line {first_lines[key.value]} and again in line {line}; keep one"
            first_lines.setdefault(key.value, line)
        yield from _repeated_keys(value, seen)
