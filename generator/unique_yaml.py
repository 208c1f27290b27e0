"""Safe YAML whose mappings name every key once; PyYAML itself lets the last one win without a word."""

from __future__ import annotations

import yaml

_MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> object:
    """The plain values of one YAML document.

    Raises:
        yaml.MarkedYAMLError: no YAML, or a key that stands twice in one mapping; the mark is on the second.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check_keys(root)
        document: object = loader.construct_document(root)
        return document
    finally:
        loader.dispose()


def _check_keys(root: yaml.Node) -> None:
    pending, visited = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in visited:  # an alias
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                pending.append(value)
                if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                    continue
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    raise yaml.MarkedYAMLError(
                        problem=f"key {key.value!r} stands twice, first in line {lines[name]}; keep one",
                        problem_mark=key.start_mark,
                    )
                lines[name] = line
