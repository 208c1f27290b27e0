"""The grammar of a dialect's pragmas: read from generator/hls_grammar, and one pragma held against it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from generator.backends.hls_tcl import Dialect

_FOLDER = Path(__file__).resolve().parent.parent / "hls_grammar"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRule:
    """What the value of `key=value` must be.

    Attributes:
        least: it is a whole number, at least this.
        values: it is one of these, in lower case.
        name: it names something: array, stream, static, variable, port.
    """

    least: int | None = None
    values: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PragmaRule:
    """One pragma of a dialect; the fields are explained at the top of vitis_hls.yaml.

    Attributes:
        cite: guide and section.
    """

    name: str
    cite: str
    places: frozenset[str]
    first: bool
    once: bool
    words: frozenset[str]
    one_of: tuple[str, ...]
    key: str | None
    options: Mapping[str, OptionRule]
    needs: tuple[str, ...]
    excludes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstructRule:
    """A construct that cannot be synthesised.

    Attributes:
        cursors: libclang's names of what it looks like.
        calls: functions that may not be called.
        types: types of namespace std that may not be used.
        virtual, function_pointer: the construct is one of these.
    """

    rule: str
    message: str
    cite: str
    cursors: frozenset[str]
    calls: frozenset[str]
    types: frozenset[str]
    virtual: bool
    function_pointer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What a dialect takes.

    Attributes:
        macros: that its compiler defines.
    """

    dialect: Dialect
    releases: str
    macros: tuple[str, ...]
    pragmas: Mapping[str, PragmaRule]
    constructs: tuple[ConstructRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pragma:
    """A pragma as it stands in the preprocessed text: `HLS NAME word key=value ...`.

    Attributes:
        name: in upper case.
        words: bare words, in lower case.
        options: keys in lower case; values as they stand.
    """

    name: str
    words: tuple[str, ...]
    options: Mapping[str, str]

    @property
    def switched_off(self) -> bool:
        """It takes something back."""
        return "off" in self.words


@cache
def load_grammar(dialect: Dialect) -> Grammar:
    """The grammar of a dialect."""
    content = yaml.safe_load((_FOLDER / f"{dialect}.yaml").read_text(encoding="utf-8"))
    return Grammar(
        dialect=Dialect(content["dialect"]),
        releases=content["releases"],
        macros=tuple(content["macros"]),
        pragmas={name: _pragma_rule(name, entry) for name, entry in content["pragmas"].items()},
        constructs=tuple(_construct_rule(entry) for entry in content["constructs"]),
    )


def _pragma_rule(name: str, entry: Mapping[str, Any]) -> PragmaRule:
    return PragmaRule(
        name=name,
        cite=entry["cite"],
        places=frozenset(entry["places"]),
        first=entry.get("first", False),
        once=entry.get("once", False),
        words=frozenset(word.lower() for word in entry.get("words", ())),
        one_of=tuple(word.lower() for word in entry.get("one_of", ())),
        key=entry.get("key"),
        options={key: _option_rule(option) for key, option in entry.get("options", {}).items()},
        needs=tuple(entry.get("needs", ())),
        excludes=frozenset(entry.get("excludes", ())),
    )


def _option_rule(entry: Mapping[str, Any]) -> OptionRule:
    return OptionRule(
        least=entry.get("number"),
        values=tuple(value.lower() for value in entry.get("values", ())),
        name=entry.get("name"),
    )


def _construct_rule(entry: Mapping[str, Any]) -> ConstructRule:
    return ConstructRule(
        rule=entry["rule"],
        message=entry["message"],
        cite=entry["cite"],
        cursors=frozenset(entry.get("cursors", ())),
        calls=frozenset(entry.get("calls", ())),
        types=frozenset(entry.get("types", ())),
        virtual=entry.get("virtual", False),
        function_pointer=entry.get("function_pointer", False),
    )


def parse_pragma(text: str) -> Pragma | None:
    """`HLS PIPELINE II=1` as its parts; None where it is not for HLS."""
    tokens = re.sub(r"\s*=\s*(?=[^\s=]+(\s|$))", "=", text).split()
    if len(tokens) < 2 or tokens[0].upper() != "HLS":
        return None
    bare = tuple(token.lower() for token in tokens[2:] if "=" not in token)
    pairs = (token.split("=", 1) for token in tokens[2:] if "=" in token)
    return Pragma(name=tokens[1].upper(), words=bare, options={key.lower(): value for key, value in pairs})


def check_pragma(pragma: Pragma, grammar: Grammar) -> list[tuple[str, str]]:
    """What is wrong with a pragma's own text: (rule, message) pairs; places and names are judged elsewhere."""
    rule = grammar.pragmas.get(pragma.name)
    if rule is None:
        hint = _nearest(pragma.name, grammar.pragmas)
        return [("unknown-pragma", f"pragma {pragma.name}: {grammar.dialect} does not know it{hint}")]
    faults: list[tuple[str, str]] = []

    def fault(kind: str, text: str) -> None:
        faults.append((kind, f"pragma {pragma.name}: {text} ({rule.cite})"))

    known = {*rule.words, *rule.one_of}
    for word in pragma.words:
        if word not in known:
            fault("unknown-option", f"{word!r} is no word of it{_nearest(word, known)}")
    given = [word for word in pragma.words if word in rule.one_of]
    if rule.key is not None and rule.key in pragma.options:
        given.append(pragma.options[rule.key].lower())
    if rule.one_of and (len(given) != 1 or given[0] not in rule.one_of):
        fault("missing-option", f"exactly one of {', '.join(rule.one_of)} is needed, got {', '.join(given) or 'none'}")
    for key, value in pragma.options.items():
        option = rule.options.get(key)
        if key == rule.key:
            continue
        if option is None:
            fault("unknown-option", f"{key!r} is no option of it{_nearest(key, rule.options)}")
        elif (text := _wrong_value(value, option)) is not None:
            fault("bad-value", f"{key}={value}: {text}")
    for key in rule.needs:
        if key not in pragma.options:
            fault("missing-option", f"{key}= is needed")
    return faults


def _wrong_value(value: str, option: OptionRule) -> str | None:
    if option.least is not None:
        try:
            number = int(value, 0)
        except ValueError:
            return "expected a whole number"
        return None if number >= option.least else f"expected at least {option.least}"
    if option.values and value.lower() not in option.values:
        return f"expected one of {', '.join(option.values)}"
    return None if value else "a value is missing"


def _nearest(word: str, known: Mapping[str, object] | set[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; is {close[0]} meant?" if close else ""
