"""Reads emitted C++ with libclang, so that pragmas stand in the syntax tree where the compiler sees them.

Clang drops pragmas that it does not know. So `_Pragma(text)` is defined as a static_assert that always holds and
carries the text: macros expand as they do for the compiler, and the declaration stands in its block. Lines
that begin with `#pragma` are rewritten to `_Pragma` first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, Index, TranslationUnit

from generator.errors import ToolError
from generator.tools.csim_build import COMPILER, ap_types_folder
from generator.tools.hls_grammar import Grammar
from generator.tools.run import require_tool, run_command

_MARK = "tailor-pragma "
_DEFINE = f'#define _Pragma(text) static_assert(true, "{_MARK}" text);\n'
_ENTRY = "tailor_check.cpp"
_TEXT_PRAGMA = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+(?!once\b)((?:[^\n\\]|\\\n|\\.)*)$", re.MULTILINE)
_HINT = "install a C++11 compiler, e.g. `apt install g++`: its standard headers are read"


_CLASSES = (
    CursorKind.CLASS_DECL,
    CursorKind.STRUCT_DECL,
    CursorKind.CLASS_TEMPLATE,
    CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION,
)
_FUNCTIONS = (
    CursorKind.FUNCTION_DECL,
    CursorKind.FUNCTION_TEMPLATE,
    CursorKind.CXX_METHOD,
    CursorKind.CONSTRUCTOR,
    CursorKind.DESTRUCTOR,
    CursorKind.CONVERSION_FUNCTION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A line that a compiler for FPGAs would refuse, misread or silently ignore.

    Attributes:
        file: below the project's folder.
        rule: a short name of what is broken.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A parsed firmware; without slots, as what is found in it is kept.

    Attributes:
        root: folder of the project.
        faults: (file below root, line, message) of what does not parse.
    """

    unit: TranslationUnit
    root: Path
    faults: tuple[tuple[str, int, str], ...]

    def place(self, cursor: Cursor) -> tuple[str, int]:
        """File below the root, and line."""
        return _relative(self.root, cursor.location.file.name), cursor.location.line

    def own(self, cursor: Cursor) -> bool:
        """Whether it stands in the firmware, not in a header of the compiler or of csim."""
        file = cursor.location.file
        return file is not None and file.name.startswith(f"{self.root}/firmware/")

    def finding(self, cursor: Cursor, rule: str, message: str) -> Finding:
        """A finding at a cursor's place."""
        file, line = self.place(cursor)
        return Finding(file=file, line=line, rule=rule, message=message)

    @cached_property
    def top_level(self) -> tuple[Cursor, ...]:
        """What the firmware's files declare, as it stands in them."""
        return tuple(cursor for cursor in self.unit.cursor.get_children() if self.own(cursor))

    @cached_property
    def declarations(self) -> tuple[Cursor, ...]:
        """All that the firmware declares outside of functions, members of namespaces and classes included."""
        pending = list(self.top_level)
        for cursor in pending:
            if cursor.kind is CursorKind.NAMESPACE or cursor.kind in _CLASSES:
                pending.extend(cursor.get_children())
        return tuple(pending)

    @cached_property
    def functions(self) -> tuple[tuple[Cursor, Cursor], ...]:
        """The firmware's functions that have a body, with that body."""
        return tuple(self._with_bodies())

    def _with_bodies(self) -> Iterator[tuple[Cursor, Cursor]]:
        for cursor in self.declarations:
            if cursor.kind in _FUNCTIONS:
                for child in cursor.get_children():
                    if child.kind is CursorKind.COMPOUND_STMT:
                        yield cursor, child


def parse_firmware(root: Path, top: str, grammar: Grammar) -> Source:
    """Parse `firmware/<top>.cpp` as a dialect's compiler sees it: weights left out, __SYNTHESIS__ defined.

    Raises:
        ToolError: the files, the vendor's open headers or a compiler's standard headers are missing.
    """
    root = root.resolve()
    unit = root / "firmware" / f"{top}.cpp"
    if not unit.is_file():
        raise ToolError(f"check: {unit} is missing; generate the project again")
    unsaved = [(_ENTRY, _entry(unit))]
    for path in sorted((root / "firmware").rglob("*")):
        if path.suffix in (".h", ".cpp"):
            unsaved.append((str(path), rewrite_pragmas(path.read_text(encoding="utf-8"))))
        elif path.suffix == ".txt":
            unsaved.append((str(path), "0"))
    arguments = ["-x", "c++", "-std=c++11", "-nostdinc", "-Wno-builtin-macro-redefined", f"-I{root}"]
    arguments += [f"-D{macro}" for macro in grammar.macros]
    for folder in (root / "csim", ap_types_folder(), *_standard_folders(root)):
        arguments += ["-isystem", str(folder)]
    parsed = Index.create().parse(_ENTRY, args=arguments, unsaved_files=unsaved)
    return Source(unit=parsed, root=root, faults=tuple(_faults(parsed, root)))


def rewrite_pragmas(text: str) -> str:
    """`#pragma text` as `_Pragma("text")`, every line where it was."""

    def rewrite(match: re.Match[str]) -> str:
        words = match[1].replace("\\\n", " ").split("//")[0].strip()
        quoted = words.replace("\\", "\\\\").replace('"', '\\"')
        return f'_Pragma("{quoted}")' + "\n" * match[0].count("\n")

    return _TEXT_PRAGMA.sub(rewrite, text)


def pragma_text(cursor: Cursor) -> str | None:
    """The text of a pragma's stand-in; None for any other cursor."""
    if cursor.kind is CursorKind.DECL_STMT:
        children = list(cursor.get_children())
        return pragma_text(children[0]) if len(children) == 1 else None
    if cursor.kind is not CursorKind.STATIC_ASSERT:
        return None
    literals = [child.spelling for child in cursor.get_children() if child.kind is CursorKind.STRING_LITERAL]
    text = literals[-1].strip('"') if literals else ""
    return text.removeprefix(_MARK).replace('\\"', '"') if text.startswith(_MARK) else None


def _entry(unit: Path) -> str:
    """The headers that are not the firmware's are read as csim reads them, before __SYNTHESIS__ is defined."""
    headers = ("ap_int.h", "ap_fixed.h", "hls_stream.h", "ap_axi_sdata.h")
    included = "".join(f"#include <{header}>\n" for header in headers)
    return f'{included}#define __SYNTHESIS__\n{_DEFINE}#include "{unit}"\n'


def _standard_folders(root: Path) -> list[str]:
    compiler = require_tool(COMPILER, _HINT)
    printed = run_command((compiler, "-E", "-x", "c++", "-v", "/dev/null"), cwd=root).stderr
    listed = re.search(r"#include <\.\.\.> search starts here:\n(.*?)End of search list", printed, re.DOTALL)
    if listed is None:
        raise ToolError(f"check: {compiler} does not say where its headers are; {_HINT}")
    return [line.strip() for line in listed[1].splitlines()]


def _faults(unit: TranslationUnit, root: Path) -> Iterator[tuple[str, int, str]]:
    for diagnostic in unit.diagnostics:
        if diagnostic.severity >= Diagnostic.Error:
            place = diagnostic.location
            file = place.file.name if place.file else _ENTRY
            yield _relative(root, file), place.line, diagnostic.spelling


def _relative(root: Path, file: str) -> str:
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
