"""What Yosys is to synthesise: one job per stage and stream of a project, or its whole top."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from generator.errors import ToolError

INSTANCES = "rtl/instances.json"
"""Lists module, parameters, memories and sources of the top and of every stage and stream."""

SYNTHESIS = {
    "xcup": "synth_xilinx -family xcup -flatten -noiopad -noclkbuf",
    "xc7": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
    "ecp5": "synth_ecp5",
}
"""Family -> Yosys' command."""

FAMILIES = tuple(SYNTHESIS)

STATISTICS = "stat.json"
NETLIST = "netlist.json"

_SEED = 20230508
_DIGEST_FORMAT = 1

_FAMILY = "Family"
_PRIMITIVE_FAMILIES = ("xcup", "xc7")
"""Families whose DSP slices the RTL instantiates; the others infer them."""

Parameter = tuple[str, str]
"""Name and Verilog literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One Yosys run.

    Attributes:
        texts: (relative path, text) of the sources in compile order, then of the memory files.
        sources: how many of `texts` are sources.
    """

    name: str
    kind: str
    module: str
    parameters: tuple[Parameter, ...]
    texts: tuple[tuple[str, str], ...]
    sources: int

    def script(self, family: str, netlist: bool = False) -> str:
        """The commands; paths are relative to the run's folder.

        Args:
            family: one of FAMILIES; a module with the parameter `Family` is told which primitives to use.
            netlist: also write the mapped netlist.
        """
        lines = [f"read_verilog -sv -defer ./{path}" for path, _ in self.texts[: self.sources]]
        parameters = dict(self.parameters)
        if _has_parameter(self, _FAMILY):
            parameters[_FAMILY] = _literal(family if family in _PRIMITIVE_FAMILIES else "generic")
        if parameters:
            settings = " ".join(f"-set {name} {value}" for name, value in sorted(parameters.items()))
            lines.append(f"chparam {settings} {self.module}")
        lines += [
            f"hierarchy -top {self.module}",  # unchecked: primitives are declared by the next command
            SYNTHESIS[family],
            f"tee -q -o ./{STATISTICS} stat -json",
        ]
        if netlist:
            lines.append(f"write_json ./{NETLIST}")
        return "\n".join(lines) + "\n"

    def digest(self, family: str, version: str) -> str:
        """What decides the result, and nothing else: equal jobs are one run."""
        parts = [str(_DIGEST_FORMAT), version, self.script(family), *(part for entry in self.texts for part in entry)]
        state = hashlib.sha256()
        for part in parts:
            state.update(hashlib.sha256(part.encode()).digest())
        return state.hexdigest()


def stage_jobs(project: Path) -> Iterator[Job]:
    """One job per stage and stream of rtl/instances.json, ROM contents replaced by shape."""
    instances, rtl = _instances(project)
    stems: dict[tuple[str, str], str] = {}
    for entry in instances["instances"]:
        sources = [(path, _read(rtl, path)) for path in entry["files"]]
        parameters = {name: _literal(value) for name, value in entry["parameters"].items()}
        contents: dict[str, str] = {}
        for memory in entry["memories"]:
            # A module that appends to the parameter gets a stem for it: files of one parameter share the first's.
            width, depth, suffix = int(memory["width_bits"]), int(memory["depth_words"]), memory.get("suffix", "")
            stem = stems.setdefault((entry["name"], memory["parameter"]), rom_name(width, depth))
            contents[stem + suffix] = rom_text(width, depth)
            parameters[memory["parameter"]] = _literal(f"./{stem}")
        yield Job(
            name=entry["name"],
            kind=entry["kind"],
            module=entry["module"],
            parameters=tuple(sorted(parameters.items())),
            texts=(*sources, *sorted(contents.items())),
            sources=len(sources),
        )


def top_job(project: Path) -> Job:
    """The whole design, with the real contents of its memories."""
    instances, rtl = _instances(project)
    top = instances["top"]
    sources = [(path, _read(rtl, path)) for path in top["files"]]
    taken = {path for path, _ in sources}
    data = [
        (path.relative_to(rtl).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(rtl.rglob("*"))
        if path.is_file() and path.suffix in (".mem", ".hex", ".svh", ".vh")
    ]
    return Job(
        name=top["module"],
        kind="top",
        module=top["module"],
        parameters=(),
        texts=(*sources, *(entry for entry in data if entry[0] not in taken)),
        sources=len(sources),
    )


def rom_name(width_bits: int, depth_words: int) -> str:
    """File name of the stand-in contents of a ROM of that shape."""
    return f"rom_{width_bits}x{depth_words}.mem"


@cache
def rom_text(width_bits: int, depth_words: int) -> str:
    """Pseudo-random words, the same in every process: `$readmemh` form, one word a line."""
    source = random.Random(f"{_SEED}:{width_bits}x{depth_words}")
    digits = (width_bits + 3) // 4
    return "".join(f"{source.getrandbits(width_bits):0{digits}x}\n" for _ in range(depth_words))


def _instances(project: Path) -> tuple[dict[str, Any], Path]:
    """The parsed rtl/instances.json and the folder that its paths are relative to."""
    path = project / INSTANCES
    try:
        return json.loads(path.read_text(encoding="utf-8")), path.parent
    except OSError as error:
        raise ToolError(
            f"project {project}: expected {INSTANCES}, found none; write the project with tailor generate"
        ) from error
    except ValueError as error:
        raise ToolError(f"project {project}: {INSTANCES} is damaged ({error}); generate it anew") from error


def _read(rtl: Path, path: str) -> str:
    try:
        return (rtl / path).read_text(encoding="utf-8")
    except OSError as error:
        raise ToolError(f"project {rtl.parent}: rtl/{path} is missing; generate the project anew") from error


def _has_parameter(job: Job, name: str) -> bool:
    """Whether the job's module declares a parameter of that name."""
    for _, text in job.texts[: job.sources]:
        code = re.sub(r"//[^\n]*", "", text)
        header = re.search(rf"\bmodule\s+{re.escape(job.module)}\b([^;]*);", code)
        if header:
            return re.search(rf"\bparameter\b[^,)]*\b{name}\s*=", header[1]) is not None
    return False


def _literal(value: object) -> str:
    """A parameter's value as Yosys' chparam takes it."""
    if isinstance(value, dict):
        return str(value["verilog"])
    if isinstance(value, str):
        return f'"{value}"'
    number = int(str(value))
    return str(number) if number >= 0 else f"32'sb{number % 2**32:b}"
