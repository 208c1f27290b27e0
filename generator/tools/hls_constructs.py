"""Constructs that no compiler for FPGAs takes: what the grammar lists, and recursion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from clang.cindex import Cursor, CursorKind, TypeKind, conf

from generator.tools.hls_ast import Finding, Source
from generator.tools.hls_grammar import ConstructRule, Grammar

_REFERENCES = (CursorKind.DECL_REF_EXPR, CursorKind.MEMBER_REF_EXPR, CursorKind.OVERLOADED_DECL_REF)
_TYPES = (CursorKind.TYPE_REF, CursorKind.TEMPLATE_REF)
_VARIABLES = (CursorKind.VAR_DECL, CursorKind.PARM_DECL, CursorKind.FIELD_DECL)

Place = tuple[str, int, int]
"""Of a function: file, line, column; the same for a template and what is made of it."""


def find_constructs(source: Source, grammar: Grammar) -> Iterator[Finding]:
    """Everything in the firmware that one of the grammar's rules refuses."""
    seekers = _Seekers.of(grammar)
    for declaration in source.top_level:
        for part in declaration.walk_preorder():
            for rule, what in seekers.look(part):
                yield source.finding(part, rule.rule, f"{what}: {rule.message} ({rule.cite})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seekers:
    """The rules of a grammar by what they look for."""

    cursors: Mapping[str, ConstructRule]
    calls: Mapping[str, ConstructRule]
    types: Mapping[str, ConstructRule]
    virtual: tuple[ConstructRule, ...]
    function_pointer: tuple[ConstructRule, ...]

    @classmethod
    def of(cls, grammar: Grammar) -> _Seekers:
        rules = grammar.constructs
        return cls(
            cursors={name: rule for rule in rules for name in rule.cursors},
            calls={name: rule for rule in rules for name in rule.calls},
            types={name: rule for rule in rules for name in rule.types},
            virtual=tuple(rule for rule in rules if rule.virtual),
            function_pointer=tuple(rule for rule in rules if rule.function_pointer),
        )

    def look(self, part: Cursor) -> Iterator[tuple[ConstructRule, str]]:
        """The rules that refuse a cursor, each with a name for what stands there."""
        kind = part.kind
        if (rule := self.cursors.get(kind.name)) is not None:
            yield rule, kind.name.lower().removeprefix("cxx_").replace("_", " ")
        elif kind in _REFERENCES:
            if (rule := self.calls.get(part.spelling)) is not None and not _is_method(part.referenced):
                yield rule, part.spelling
        elif kind in _TYPES:
            name = part.spelling.split("<")[0].split("::")[-1].split()[-1]
            if (rule := self.types.get(name)) is not None and _in_std(part.referenced):
                yield rule, f"std::{name}"
        elif kind in _VARIABLES and _is_function_pointer(part):
            yield from ((rule, part.spelling) for rule in self.function_pointer)
        elif kind is CursorKind.CXX_METHOD and part.is_virtual_method():
            yield from ((rule, part.spelling) for rule in self.virtual)


def _is_method(target: Cursor | None) -> bool:
    return target is not None and target.kind is CursorKind.CXX_METHOD


def _in_std(cursor: Cursor | None) -> bool:
    parent = None if cursor is None else cursor.semantic_parent
    while parent is not None and parent.kind is not CursorKind.TRANSLATION_UNIT:
        if parent.spelling == "std":
            return True
        parent = parent.semantic_parent
    return False


def _is_function_pointer(variable: Cursor) -> bool:
    kind = variable.type.get_canonical()
    return kind.kind is TypeKind.POINTER and kind.get_pointee().kind is TypeKind.FUNCTIONPROTO


def find_recursion(source: Source) -> Iterator[Finding]:
    """Every circle of functions that call each other, at one of them."""
    functions = {_place(function): function for function, _ in source.functions}
    names = frozenset(function.spelling for function in functions.values())
    calls = {
        _place(function): {target for target in _targets(body, names) if target in functions}
        for function, body in source.functions
    }
    while calls:
        try:
            tuple(TopologicalSorter(calls).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            chain = " -> ".join(functions[place].spelling for place in circle)
            message = f"{chain}: functions that call each other have no hardware of a known size"
            yield source.finding(functions[circle[0]], "recursion", message)
            calls[circle[0]] = calls[circle[0]] - {circle[1]}
            continue
        return


def _targets(body: Cursor, names: frozenset[str]) -> Iterator[Place]:
    """The functions of these names that a body names."""
    for part in body.walk_preorder():
        if part.kind is CursorKind.OVERLOADED_DECL_REF:
            if part.spelling in names:
                for index in range(conf.lib.clang_getNumOverloadedDecls(part)):
                    yield _place(conf.lib.clang_getOverloadedDecl(part, index))
        elif part.kind in _REFERENCES and part.spelling in names and part.referenced is not None:
            yield _place(part.referenced)


def _place(cursor: Cursor) -> Place:
    place = cursor.canonical.location
    return (place.file.name if place.file else "", place.line, place.column)
