"""A Tcl interpreter that knows a vendor's commands only as a table, and records their use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

DATA = Path(__file__).parents[1] / "data" / "tcl"

# Runs under either interpreter. Every table command becomes a procedure that writes its words down, one
# list a line; `exec` is recorded too, never run; `exit` ends the run with its code.
_PRELUDE = """
set recorded [open {log} w]
proc record {{words}} {{ puts $::recorded $words; flush $::recorded }}
{procedures}
rename exec vendor_exec
proc exec {{args}} {{ record [list exec {{*}}$args] }}
set argv0 {script}
set argv [list {arguments}]
set argc [llength $argv]
source {script}
"""
_PROCEDURE = "proc {name} {{args}} {{ record [list {name} {{*}}$args]; return {value} }}"

# `python -c` in the place of tclsh.
_TKINTER = """
import sys, tkinter
tcl = tkinter.Tcl()
ended = []
def leave(code="0"):
    ended.append(int(code))
    raise SystemExit
tcl.createcommand("exit", leave)
try:
    tcl.eval(open(sys.argv[1]).read())
except tkinter.TclError as error:
    if not ended:
        print(error, file=sys.stderr)
        sys.exit(1)
sys.exit(ended[0] if ended else 0)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """How a script ended, and the vendor commands it gave, each a tuple of words."""

    returncode: int
    output: str
    commands: tuple[tuple[str, ...], ...]


def interpreter() -> list[str] | None:
    """The command that runs a Tcl file: tclsh, else Python's tkinter; None if there is neither."""
    if tclsh := shutil.which("tclsh"):
        return [tclsh]
    try:
        import tkinter  # noqa: F401
    except ImportError:
        return None
    return [sys.executable, "-c", _TKINTER]


def load_table(tool: str) -> Mapping[str, dict]:
    """The command table of `vitis_hls` or `vivado`."""
    return yaml.safe_load((DATA / f"{tool}.yaml").read_text())["commands"]


def run_script(
    script: Path,
    arguments: Sequence[str],
    table: Mapping[str, dict],
    slack: str = "0.125",
    returns: Mapping[str, str] | None = None,
) -> Run:
    """Run a script in its own folder; commands outside the table are unknown to it.

    Args:
        slack: of the worst path, where the script asks for it.
        returns: what single commands answer, in the place of the table's answers.
    """
    answers = {name: entry.get("returns", "{}") for name, entry in table.items()} | dict(returns or {})
    procedures = [
        _PROCEDURE.format(name=name, value=slack if answer == "slack" else answer) for name, answer in answers.items()
    ]
    log = script.parent / "commands.log"
    prelude = script.parent / "prelude.tcl"
    prelude.write_text(
        _PRELUDE.format(
            log=log,
            script=script,
            procedures="\n".join(procedures),
            arguments=" ".join("{" + argument + "}" for argument in arguments),
        )
    )
    words = interpreter()
    assert words is not None
    done = subprocess.run([*words, str(prelude)], cwd=script.parent, capture_output=True, text=True, check=False)
    commands = tuple(split_list(line) for line in log.read_text().splitlines())
    return Run(done.returncode, done.stdout + done.stderr, commands)


def split_list(text: str) -> tuple[str, ...]:
    """The elements of a Tcl list, as far as a script's words need: bare, in braces, one level deep or more."""
    words: list[str] = []
    depth, word, open_word = 0, "", False
    for character in text:
        if character == "{" and (depth or not open_word):
            depth += 1
            if depth == 1:
                open_word = True
                continue
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                continue
        elif character == " " and depth == 0:
            if open_word:
                words.append(word)
            word, open_word = "", False
            continue
        word += character
        open_word = True
    return (*words, word) if open_word else tuple(words)


def find_errors(commands: Sequence[Sequence[str]], table: Mapping[str, dict]) -> list[str]:
    """What a vendor's guide would object to: options, their values, counts of words, order."""
    errors: list[str] = []
    seen: set[str] = set()
    for name, *words in commands:
        if name == "exec":
            continue
        entry = table[name]
        errors += [f"{name}: {problem}" for problem in _word_errors(words, entry)]
        errors += [f"{name}: before any {needed}" for needed in entry.get("after", []) if needed not in seen]
        errors += [f"{name}: after {late}" for late in entry.get("before", []) if late in seen]
        seen.add(name)
    return errors


def _word_errors(words: Sequence[str], entry: dict) -> list[str]:
    errors: list[str] = []
    used: set[str] = set()
    plain = 0
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            plain += 1
            continue
        used.add(word)
        kind = entry["options"].get(word)
        if kind is None:
            errors.append(f"unknown option {word}")
        elif kind != "flag" and not rest:
            errors.append(f"{word} without a value")
        elif kind != "flag":
            value = rest.pop(0)
            if isinstance(kind, list) and value not in kind:
                errors.append(f"{word} {value}, expected one of {', '.join(kind)}")
    least, most = entry["arguments"]
    if not least <= plain <= most:
        errors.append(f"{plain} arguments, expected {least} to {most}")
    errors += [f"without {option}" for option in entry.get("required", []) if option not in used]
    return errors
