"""The checker: every rule finds its planted fault, and nothing else is found."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from generator.assets import asset_folder
from generator.backends.hls_tcl import Dialect
from generator.cli.main import run
from generator.errors import ToolError
from generator.tools.hls_ast import rewrite_pragmas
from generator.tools.hls_check import run_check
from generator.tools.hls_grammar import check_pragma, load_grammar, parse_pragma

DATA = Path(__file__).parents[2] / "data" / "hls"
FILES = ("planted.h", "planted.cpp")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="the checker reads g++'s standard headers")

Expected = set[tuple[str, int, str]]


def expected_findings(dialect: Dialect) -> Expected:
    """(file, line, rule) of every `expect` comment that holds for a dialect."""
    found: Expected = set()
    for name in FILES:
        for number, line in enumerate((DATA / name).read_text().splitlines(), 1):
            _, mark, rules = line.partition("// expect: ")
            for rule in rules.split(", ") if mark else ():
                *only, word = rule.split()
                if not only or only == [str(dialect)]:
                    found.add((f"firmware/{name.replace('planted.cpp', 'planted_top.cpp')}", number, word))
    return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made of the planted faults."""
    project = tmp_path_factory.mktemp("planted")
    (project / "firmware").mkdir()
    shutil.copy(DATA / "planted.h", project / "firmware")
    shutil.copy(DATA / "planted.cpp", project / "firmware" / "planted_top.cpp")
    shutil.copytree(asset_folder("templates") / "hls" / "csim", project / "csim")
    (project / "design.json").write_text(json.dumps({"name": "planted_top"}))
    return project


@needs_compiler
@pytest.mark.parametrize("dialect", list(Dialect), ids=str)
def test_every_planted_fault_is_found_and_nothing_else(planted: Path, dialect: Dialect) -> None:
    result = run_check(planted, dialect)
    assert {(found.file, found.line, found.rule) for found in result.findings} == expected_findings(dialect)


@needs_compiler
def test_a_finding_says_where_what_and_why(planted: Path) -> None:
    result = run_check(planted)
    texts = {re.sub(r":\d+:", ":N:", str(found), count=1) for found in result.findings}
    assert {
        "firmware/planted.h:N: unknown-pragma: pragma PIPELIN: vitis_hls does not know it; is PIPELINE meant?",
        "firmware/planted.h:N: bad-name: pragma RESET: variable=ring: is no static variable",
        "firmware/planted.h:N: unlabelled-loop: a loop needs a label, by which reports and directives name it",
        "firmware/planted.h:N: recursion: helper -> recursive -> helper: functions that call each other have no "
        "hardware of a known size",
        "firmware/planted.h:N: dynamic-memory: new expr: memory is sized when the hardware is built "
        "(UG1399, Unsupported C/C++ Constructs, Dynamic Memory Usage)",
        "firmware/planted_top.cpp:N: bad-name: pragma INTERFACE: port=z: the top has no such parameter",
    } <= texts


@needs_compiler
def test_the_command_answers_with_the_findings(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(planted), "--dialect", "vivado_hls", "--json"]) == 1
    captured = capsys.readouterr()
    payload = json.loads(captured.out)
    assert payload.keys() == {"dialect", "findings"}
    assert payload["dialect"] == "vivado_hls"
    assert {tuple(found.values())[:3] for found in payload["findings"]} == expected_findings(Dialect.VIVADO_HLS)
    count = len(payload["findings"])
    assert captured.err == f"Error: check {planted}: {count} lines would be refused or misread, expected 0\n"


@needs_compiler
def test_text_that_does_not_parse_is_a_finding(planted: Path, tmp_path: Path) -> None:
    project = tmp_path / "broken"
    shutil.copytree(planted, project)
    (project / "firmware" / "planted_top.cpp").write_text("void planted_top() {\n    int x = y;\n}\n")
    result = run_check(project)
    assert [str(found) for found in result.findings] == [
        "firmware/planted_top.cpp:2: syntax: use of undeclared identifier 'y'"
    ]


def test_a_missing_firmware_is_named(tmp_path: Path) -> None:
    (tmp_path / "design.json").write_text(json.dumps({"name": "net"}))
    with pytest.raises(ToolError) as error:
        run_check(tmp_path)
    assert str(error.value) == f"check: {tmp_path / 'firmware' / 'net.cpp'} is missing; generate the project again"


@pytest.mark.parametrize("dialect", list(Dialect), ids=str)
def test_every_entry_of_a_grammar_is_cited_and_consistent(dialect: Dialect) -> None:
    grammar = load_grammar(dialect)
    assert grammar.dialect is dialect
    guide = {"vitis_hls": "UG1399, ", "vivado_hls": "UG902, "}[dialect]
    for rule in grammar.pragmas.values():
        assert rule.cite.startswith(guide)
        assert rule.places <= {"function", "loop", "block", "top"}
        assert rule.excludes <= grammar.pragmas.keys()
        assert set(rule.needs) <= rule.options.keys()
    assert all(rule.cite and rule.message for rule in grammar.constructs)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("HLS pipeline ii=1", []),
        ("HLS PIPELINE II = 1", []),
        ("HLS INTERFACE mode=axis port=x", []),
        ("HLS PIPELINE II=one", ["pragma PIPELINE: II=one: expected a whole number"]),
        ("HLS PIPELINE style=fast", ["pragma PIPELINE: style=fast: expected one of stp, frp, flp"]),
        ("HLS STREAM variable= depth=2", ["pragma STREAM: variable=: a value is missing"]),
        ("HLS INLINE of", ["pragma INLINE: 'of' is no word of it; is off meant?"]),
    ],
)
def test_a_pragma_is_held_against_its_grammar(text: str, faults: list[str]) -> None:
    pragma = parse_pragma(text)
    assert pragma is not None
    found = [message.split(" (UG")[0] for _, message in check_pragma(pragma, load_grammar(Dialect.VITIS_HLS))]
    assert found == [fault.replace("II=", "ii=") for fault in faults]


def test_pragma_lines_keep_their_place() -> None:
    text = "a\n#pragma once\n  #pragma HLS A \\\n  b=1 // why\nc\n"
    assert rewrite_pragmas(text) == 'a\n#pragma once\n_Pragma("HLS A    b=1")\n\nc\n'
