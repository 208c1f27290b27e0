"""What must hold of the emitted C++: where pragmas stand and what they name, how loops are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from clang.cindex import Cursor, CursorKind

from generator.tools.hls_ast import Finding, Source, pragma_text
from generator.tools.hls_constructs import find_constructs, find_recursion
from generator.tools.hls_grammar import Grammar, OptionRule, Pragma, PragmaRule, check_pragma, parse_pragma
from generator.tools.hls_names import Scope, array_dimensions, has_constant_bounds

_LOOPS = (CursorKind.FOR_STMT, CursorKind.WHILE_STMT, CursorKind.DO_STMT, CursorKind.CXX_FOR_RANGE_STMT)
_DATAFLOW_FORM = (CursorKind.DECL_STMT, CursorKind.CALL_EXPR, CursorKind.UNEXPOSED_EXPR, CursorKind.NULL_STMT)


def find_faults(source: Source, top: str, grammar: Grammar) -> tuple[Finding, ...]:
    """Everything that is wrong with a firmware, in the order of files and lines.

    Args:
        top: name of the function that becomes the hardware's top.
    """
    found = [Finding(file=file, line=line, rule="syntax", message=text) for file, line, text in source.faults]
    walker = _Walker(source, top, grammar)
    walker.walk()
    found += [*walker.findings, *find_constructs(source, grammar), *find_recursion(source)]
    return tuple(sorted(dict.fromkeys(found), key=lambda entry: (entry.file, entry.line, entry.rule)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """Where a statement stands.

    Attributes:
        flattened: inside a loop that is pipelined or unrolled, so that loops within are unrolled.
        labels: used so far in the function; shared by all of its statements.
    """

    scope: Scope
    flattened: bool = False
    labels: set[str] = field(default_factory=set)


class _Walker:
    """Goes through every function once; what it finds is in `findings`."""

    def __init__(self, source: Source, top: str, grammar: Grammar) -> None:
        self._source = source
        self._top = top
        self._grammar = grammar
        self.findings: list[Finding] = []

    def walk(self) -> None:
        """Look at all declarations and at all bodies of functions."""
        shared = Scope.of(
            declaration
            for declaration in self._source.declarations
            if declaration.kind is CursorKind.VAR_DECL and declaration.semantic_parent.kind in _NAMESPACES
        )
        for declaration in self._source.declarations:
            if (text := pragma_text(declaration)) is not None:
                self._report(declaration, "misplaced-pragma", f"#pragma {text}: stands outside of all functions")
        for function, body in self._source.functions:
            is_top = function.spelling == self._top and function.semantic_parent.kind is CursorKind.TRANSLATION_UNIT
            scope = shared.inside(function)
            self._block(body, "top" if is_top else "function", _Context(scope=scope))

    def _report(self, cursor: Cursor, rule: str, message: str) -> None:
        self.findings.append(self._source.finding(cursor, rule, message))

    # ---- Statements

    def _block(self, body: Cursor, place: str, context: _Context) -> None:
        """A compound statement; `place` says whose: the top's, a function's, a loop's, or a mere block."""
        context = replace(context, scope=context.scope.copy())
        earlier: list[Pragma] = []
        statements: list[Cursor] = []
        for statement in body.get_children():
            text = pragma_text(statement)
            if text is None:
                statements.append(statement)
                context.scope.declare(statement)
                self._statement(statement, context)
                continue
            pragma = parse_pragma(text)
            if pragma is None:
                self._report(statement, "unknown-pragma", f"#pragma {text}: is not for HLS")
                continue
            self._pragma(statement, pragma, place, context.scope, earlier, bool(statements))
            earlier.append(pragma)
        if any(pragma.name == "DATAFLOW" for pragma in earlier):
            for statement in statements:
                if statement.kind not in _DATAFLOW_FORM:
                    self._report(
                        statement, "dataflow-form", "a DATAFLOW body holds declarations and calls of stages only"
                    )

    def _statement(self, statement: Cursor, context: _Context, label: str | None = None) -> None:
        if statement.kind in _LOOPS:
            self._loop(statement, label, context)
        elif statement.kind is CursorKind.COMPOUND_STMT:
            self._block(statement, "block", context)
        elif (text := pragma_text(statement)) is not None:
            self._report(statement, "misplaced-pragma", f"#pragma {text}: must stand in a block of its own")
        else:
            name = statement.spelling if statement.kind is CursorKind.LABEL_STMT else None
            for child in statement.get_children():
                self._statement(child, context, name)

    # ---- Loops

    def _loop(self, loop: Cursor, label: str | None, context: _Context) -> None:
        if label is None:
            self._report(loop, "unlabelled-loop", "a loop needs a label, by which reports and directives name it")
        elif label in context.labels:
            self._report(loop, "duplicate-label", f"the label {label!r} stands twice in one function")
        else:
            context.labels.add(label)
        *head, body = sorted(loop.get_children(), key=lambda part: part.kind is CursorKind.COMPOUND_STMT)
        pragmas = [pragma for pragma in map(_parsed, body.get_children()) if pragma and not pragma.switched_off]
        pipelined = any(pragma.name == "PIPELINE" for pragma in pragmas)
        unrolled = any(pragma.name == "UNROLL" for pragma in pragmas)
        self._bounds(loop, label, pipelined, unrolled, context)
        inner = replace(context, scope=context.scope.copy(), flattened=context.flattened or pipelined or unrolled)
        for part in head:
            inner.scope.declare(part)
            self._statement(part, inner)
        if body.kind is CursorKind.COMPOUND_STMT:
            self._block(body, "loop", inner)
        else:
            self._statement(body, inner)

    def _bounds(self, loop: Cursor, label: str | None, pipelined: bool, unrolled: bool, context: _Context) -> None:
        if has_constant_bounds(loop):
            return
        name = f"loop {label or '(unnamed)'}"
        if loop.kind is CursorKind.FOR_STMT:
            self._report(loop, "loop-bound", f"{name}: a for loop needs bounds known when the hardware is built")
        elif unrolled or context.flattened:
            self._report(
                loop, "loop-bound", f"{name}: is unrolled, so its bounds must be known when the hardware is built"
            )
        elif not pipelined:
            self._report(loop, "loop-bound", f"{name}: ends when its data do, which only a stage's pipelined loop may")

    # ---- Pragmas

    def _pragma(
        self, cursor: Cursor, pragma: Pragma, place: str, scope: Scope, earlier: list[Pragma], late: bool
    ) -> None:
        for kind, text in check_pragma(pragma, self._grammar):
            self._report(cursor, kind, text)
        rule = self._grammar.pragmas.get(pragma.name)
        if rule is None:
            return
        name = f"pragma {pragma.name}"
        if place not in rule.places and not (place == "top" and "function" in rule.places):
            where = " or ".join(_PLACES[entry] for entry in sorted(rule.places))
            self._report(
                cursor,
                "misplaced-pragma",
                f"{name}: stands in {_PLACES[place]}, belongs into {where} ({rule.cite})",
            )
        elif rule.first and late:
            self._report(cursor, "misplaced-pragma", f"{name}: must stand before all statements ({rule.cite})")
        if rule.once and any(other.name == pragma.name for other in earlier):
            self._report(cursor, "duplicate-pragma", f"{name}: stands twice in one body ({rule.cite})")
        for other in earlier:
            if other.name in rule.excludes and not other.switched_off and not pragma.switched_off:
                self._report(cursor, "conflicting-pragmas", f"{name}: excludes {other.name} ({rule.cite})")
        for fault in self._names(pragma, rule, scope):
            self._report(cursor, "bad-name", f"{name}: {fault}")

    def _names(self, pragma: Pragma, rule: PragmaRule, scope: Scope) -> Iterator[str]:
        """What is wrong with the things that a pragma names."""
        for key, option in rule.options.items():
            value = pragma.options.get(key)
            if option.name is None or not value:
                continue
            if option.name == "port":
                if value != "return" and value not in scope.parameters:
                    yield f"{key}={value}: the top has no such parameter"
                continue
            declaration = scope.find(value.split(".")[0].split("[")[0])
            if declaration is None:
                yield f"{key}={value}: no such variable is visible here"
            elif (text := _wrong_kind(declaration, option)) is not None:
                yield f"{key}={value}: {text}"
            elif option.name == "array":
                dimension = pragma.options.get("dim", "0")
                most = array_dimensions(declaration.type)
                if most and dimension.isdigit() and int(dimension) > most:
                    yield f"dim={dimension}: {value} has {most}"


_NAMESPACES = (CursorKind.NAMESPACE, CursorKind.TRANSLATION_UNIT)
_PLACES = {"top": "the top's body", "function": "a function's body", "loop": "a loop's body", "block": "a block"}


def _parsed(statement: Cursor) -> Pragma | None:
    text = pragma_text(statement)
    return None if text is None else parse_pragma(text)


def _wrong_kind(declaration: Cursor, option: OptionRule) -> str | None:
    match option.name:
        case "array":
            return None if array_dimensions(declaration.type) != 0 else "is no array"
        case "stream":
            return None if "stream" in declaration.type.get_canonical().spelling else "is no hls::stream"
        case "static":
            kept = declaration.storage_class.name == "STATIC" or declaration.semantic_parent.kind in _NAMESPACES
            return None if kept and declaration.kind is CursorKind.VAR_DECL else "is no static variable"
        case _:
            return None
