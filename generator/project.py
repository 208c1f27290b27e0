"""What can be done with a project folder that `generate` has written; needs no PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from generator.backends.hls_tcl import Dialect
from generator.build_plan import MARKER
from generator.errors import CheckFailed, OutputError, SourceError, ToolError
from generator.report.entries import RESULTS
from generator.tools.cosim import run_cosim
from generator.tools.csim import run_csim
from generator.tools.csim_timed import run_timed
from generator.tools.hls_check import run_check
from generator.tools.nextpnr import FAMILY as ROUTED_FAMILY
from generator.tools.nextpnr import run_nextpnr
from generator.tools.vendor import VENDOR_TOOLS, run_vendor
from generator.tools.yosys import Progress, run_yosys
from generator.trace import Difference

SYNTH_TOOLS = ("yosys", "nextpnr-ecp5", *VENDOR_TOOLS)
"""What `tailor synth` can run."""


def open_project(path: Path) -> Mapping[str, object]:
    """The description of a project on disk.

    Raises:
        SourceError: the folder holds none.
    """
    try:
        description = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"project {path}: has no {MARKER}; name a folder that `tailor generate` wrote") from error
    except ValueError:
        description = None
    if not isinstance(description, dict):
        raise SourceError(f"project {path}: {MARKER} is damaged; generate the project again")
    return description


def csim(path: Path, frames: int) -> dict[str, object]:
    """Compile and run the C++ of a project. Returns the keys of `tailor csim --json`, also kept for the report."""
    open_project(path)
    result = run_csim(path, frames)
    keys = ("frames", "mismatches", "compile_seconds", "seconds_per_frame")
    payload = {key: getattr(result, key) for key in keys} | {"first_difference": plain_difference(result.difference)}
    return store_result(path, "csim", payload)


def plain_difference(difference: Difference | None) -> dict[str, object] | None:
    """Where an executor first goes wrong, as plain values: expected by the reference, given by the executor."""
    if difference is None:
        return None
    place = {key: getattr(difference, key) for key in ("layer", "frame", "row", "column", "channel", "count")}
    return place | {"expected": difference.first, "given": difference.second}


def timed_csim(path: Path, frames: int) -> dict[str, object]:
    """Run the C++ of a project on a clock. Returns the keys of `tailor csim --timed --json`, also kept.

    `deadlock` is None, or says in which cycle, which stages wait for which streams, and in which circle.
    """
    open_project(path)
    result = run_timed(path, frames)
    keys = ("frames", "mismatches", "compile_seconds", "seconds_per_frame", "latency_cycles", "interval_cycles")
    payload = {
        **{key: getattr(result, key) for key in keys},
        "max_occupancy": dict(result.max_occupancy),
        "deadlock": result.deadlock.as_dict() if result.deadlock else None,
    }
    return store_result(path, "csim_timed", payload)


def cosim(path: Path, frames: int, stall_seed: int | None = None) -> dict[str, object]:
    """Simulate the SystemVerilog of a project. Returns the keys of `tailor cosim --json`.

    A run under stalls says nothing about cycles, so the report keeps only one without.
    """
    open_project(path)
    result = run_cosim(path, frames, stall_seed)
    keys = ("frames", "mismatches", "latency_cycles", "interval_cycles", "cycles_per_second")
    payload = {key: getattr(result, key) for key in keys} | {
        "max_occupancy": dict(result.max_occupancy),
        "first_difference": plain_difference(result.difference),
    }
    return payload if stall_seed is not None else store_result(path, "cosim", payload)


def synth(
    path: Path,
    family: str | None = None,
    flatten: bool = False,
    progress: Progress | None = None,
    tool: str = "yosys",
) -> dict[str, object]:
    """Synthesise a project. Returns the keys of `tailor synth --json`.

    Args:
        family: of the primitives, for Yosys; None takes the project's.
        flatten: the whole top in one run of Yosys; every other tool does that anyway.
        tool: one of SYNTH_TOOLS.

    Raises:
        ToolError: the tool is missing or failed, or does not know the family.
    """
    described = open_project(path)
    if tool == "yosys":
        result = run_yosys(path, family or str(described["family"]), flatten, progress).as_dict()
    elif tool == "nextpnr-ecp5":
        if family not in (None, ROUTED_FAMILY):
            raise ToolError(
                f"synth: nextpnr-ecp5 routes for family {ROUTED_FAMILY}, got {family!r}; leave --family out"
            )
        result = run_nextpnr(path, progress).as_dict()
    else:
        if family is not None:
            raise ToolError(f"synth: {tool} takes the project's part, got --family {family}; leave it out")
        result = run_vendor(tool, path)
    return store_result(path, tool, result)


def store_result(path: Path, tool: str, payload: Mapping[str, object]) -> dict[str, object]:
    """Keep a tool's figures below a project, where the report looks for them, and return them."""
    target = path / RESULTS / f"{tool}.json"
    staging = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.write_text(json.dumps(payload, indent=1) + "\n", encoding="utf-8")
        staging.replace(target)
    except OSError as error:
        raise OutputError(f"output {target}: cannot be written ({error.strerror or error})") from error
    return dict(payload)


def check(path: Path, dialect: Dialect | None = None) -> dict[str, object]:
    """Hold the C++ of a project against what its compiler takes. Returns the keys of `tailor check --json`."""
    open_project(path)
    result = run_check(path, dialect)
    keys = ("file", "line", "rule", "message")
    findings = [{key: getattr(finding, key) for key in keys} for finding in result.findings]
    return {"dialect": str(result.dialect), "findings": findings}


def require_clean(path: Path, findings: int) -> None:
    """Raise CheckFailed unless the checker found nothing."""
    if findings:
        raise CheckFailed(f"check {path}: {findings} lines would be refused or misread, expected 0")


def require_no_deadlock(path: Path, deadlock: object) -> None:
    """Raise CheckFailed if a timed csim stopped in mid-frame."""
    if isinstance(deadlock, dict):
        raise CheckFailed(f"csim {path}: {deadlock['message']}")


def require_equal(check: str, path: Path, payload: Mapping[str, object]) -> None:
    """Raise CheckFailed unless a comparison with PyTorch found nothing; says where the first frame goes wrong."""
    if not payload["mismatches"]:
        return
    text = f"{check} {path}: {payload['mismatches']} integers differ from PyTorch's, expected 0"
    first = payload.get("first_difference")
    if isinstance(first, dict):
        text += (
            f"; the first that differs is layer {first['layer']!r}, pixel ({first['row']},{first['column']}), channel "
            f"{first['channel']}: {first['given']}, expected {first['expected']}"
        )
    raise CheckFailed(text)
