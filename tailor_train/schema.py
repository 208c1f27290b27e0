"""Rules for single values of a configuration: each turns a YAML value into the right type or says what it expects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tailor_train.naming import nearest

Rule = Callable[[Any], Any]
"""Returns the value; raises ValueError whose text completes the sentence `expected ...`."""


def text() -> Rule:
    """A text that is not empty."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError("a text")
        return value

    return check


def flag() -> Rule:
    """true or false."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value

    return check


def integer(*, minimum: int, maximum: int | None = None, many: bool = False) -> Rule:
    """An integer in a range, or with `many` a list of them."""
    bounds = f"an integer of at least {minimum}" if maximum is None else f"an integer from {minimum} to {maximum}"

    def one(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(bounds)
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueError(bounds)
        return value

    def list_of(value: Any) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"a list, each {bounds}")
        return tuple(one(item) for item in value)

    return list_of if many else one


def number(*, minimum: float, maximum: float = math.inf) -> Rule:
    """A number in a range; `1e-4`, which YAML takes for a text, is understood."""
    bounds = f"a number of at least {minimum:g}" if maximum == math.inf else f"a number from {minimum:g} to {maximum:g}"

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(bounds)
        try:
            result = float(value)
        except ValueError:
            raise ValueError(bounds) from None
        if not minimum <= result <= maximum or math.isinf(result):
            raise ValueError(bounds)
        return value if isinstance(value, int) else result

    return check


def choice(*names: str, factories: bool = False, later: tuple[str, ...] = ()) -> Rule:
    """One of some names, or with `factories` also `package.module:callable`."""
    listed = ", ".join(names) + (", or package.module:callable" if factories else "")

    def check(value: Any) -> str:
        if value in names or (factories and isinstance(value, str) and ":" in value):
            return str(value)
        if value in later:
            raise ValueError(f"{listed} ('{value}' is not available in this version)")
        raise ValueError(f"{listed}{nearest(str(value), names)}")

    return check


def mapping(values: Rule | None = None) -> Rule:
    """A mapping with text keys, each value by the rule if there is one."""

    def check(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError("a mapping")
        return {key: item if values is None else values(item) for key, item in value.items()}

    return check


def optional(rule: Rule, none: str | None = None) -> Rule:
    """null, or the word that stands for it, becomes None; anything else goes by the rule."""

    def check(value: Any) -> Any:
        if value is None or (none is not None and value == none):
            return None
        try:
            return rule(value)
        except ValueError as error:
            raise ValueError(f"{none or 'null'} or {error}") from None

    return check
