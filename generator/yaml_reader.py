"""Walks parsed YAML: every problem and every note is collected, with the key where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from generator.errors import NumericsError
from generator.fixed_point import FixedPoint, parse_format

_Choice = TypeVar("_Choice", bound=StrEnum)


def nearest(name: str, known: Iterable[str]) -> str:
    """The ending of a message about an unknown name: the nearest known one, or all of them."""
    names = list(known)
    folded = {entry.lower(): entry for entry in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    if close:
        return f"the nearest known one is {folded[close[0]]!r}"
    return f"known are {', '.join(names)}" if names else "none is known here"


class MappingReader:
    """Reads values out of mappings; a wrong one becomes a problem and some value of the right type.

    Attributes:
        problems: what is wrong, a sentence each.
        notes: what is allowed and has no effect.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []

    def mapping(
        self, data: object, where: str, known: tuple[str, ...], noted: tuple[str, ...] = ()
    ) -> dict[str, object]:
        """The entries of a mapping; unknown keys become problems, noted ones notes."""
        entries = self.named(data, where, empty_is_problem=where == "the file")
        kept: dict[str, object] = {}
        prefix = "" if where == "the file" else f"{where}."
        for key, value in entries.items():
            if key in known:
                kept[key] = value
            elif key in noted:
                self.notes.append(f"{prefix}{key} has no effect here and is ignored")
            else:
                self.problems.append(f"unknown key {key!r} in {where}; {nearest(key, known)}")
        return kept

    def named(self, data: object, where: str, *, empty_is_problem: bool = False) -> dict[str, object]:
        """Keys and values of a mapping; nothing counts as an empty one."""
        if data is None and not empty_is_problem:
            return {}
        if not isinstance(data, Mapping):
            self.problems.append(f"{where}: expected keys and values, got {_shown(data)}")
            return {}
        return {str(key): value for key, value in data.items()}

    def format(self, given: object, where: str) -> FixedPoint | None:
        """A fixed-point format; None where it is left open."""
        if given is None or given in ("auto", "from_checkpoint"):
            return None
        try:
            return parse_format(given if isinstance(given, str) else repr(given))
        except NumericsError as error:
            self.problems.append(f"{where}: {error}")
            return None

    def count(self, given: object, where: str, alternatives: str = "") -> int:
        """A whole number of at least 1."""
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            self.problems.append(f"{where}: expected a whole number of at least 1{alternatives}, got {_shown(given)}")
            return 1
        return given

    def positive(self, given: object, where: str, unit: str) -> float:
        """A number above 0."""
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
            self.problems.append(f"{where}: expected {unit} above 0, got {_shown(given)}")
            return 0.0
        return float(given)

    def text(self, given: object, where: str) -> str:
        """Text that is not empty."""
        if not isinstance(given, str) or not given:
            self.problems.append(f"{where}: expected text, got {_shown(given)}")
            return ""
        return given

    def one_of(self, given: object, where: str, known: tuple[str, ...]) -> str:
        """One of some words."""
        if isinstance(given, str) and given in known:
            return given
        self.problems.append(f"{where}: {_shown(given)} is not one of {', '.join(known)}")
        return known[0]

    def enum(self, given: object, where: str, kind: type[_Choice], extra: tuple[str, ...] = ()) -> _Choice | None:
        """A member of an enumeration; None where it is none."""
        known = (*extra, *kind)
        if isinstance(given, str) and given in tuple(kind):
            return kind(given)
        self.problems.append(f"{where}: {_shown(given)} is not one of {', '.join(known)}")
        return None


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
