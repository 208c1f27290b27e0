"""The vendors' scripts, run in a real Tcl interpreter against tables of the vendors' commands.

The tables prove spelling, options and order; that a vendor's tool then succeeds is not claimed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from generator.backends.hls import plan_hls
from generator.backends.hls_tcl import plan_tcl
from generator.design import Design
from generator.fixed_point import parse_format
from generator.graph import Shape
from tests.generator.backends.stage_models import ConvSpec, make_conv, make_design, make_stream
from tests.vivado_tcl.vendor_shell import Run, find_errors, interpreter, load_table, run_script

pytestmark = pytest.mark.skipif(interpreter() is None, reason="neither tclsh nor Python's tkinter is installed")

HLS_WORDS = "reset=1 csim=1 synth=1 cosim=1 export=1 vsynth=1"


def small_design() -> Design:
    shape, fmt = Shape(height=3, width=3, channels=1), parse_format("ap_fixed<8,4>")
    stage = make_conv(np.random.default_rng(0), ConvSpec(name="c", out_channels=1), "x", "y", shape, fmt)
    streams = (make_stream("x", shape, fmt, 1), make_stream("y", stage.out_shape, stage.out_format, 1))
    return make_design("net", (stage,), streams)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `generate` leaves it, with what the vendors' tools would have written since."""
    for path, text in plan_hls(small_design()).files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    for path, text in (
        ("tb_data/csim_results.log", "0.5 1\n"),
        ("tb_data/rtl_cosim_results.log", "0.5 1\n"),
        ("net_prj/solution1/syn/verilog/net.v", "module net(); endmodule\n"),
        ("net_prj/solution1/syn/verilog/net_conv_weight_rom.dat", "00\n"),
        ("rtl/net.sv", "module net(); endmodule\n"),
        ("rtl/lib/conv_stage.sv", "module conv_stage(); endmodule\n"),
        ("rtl/filelist.f", "lib/conv_stage.sv\nnet.sv\n"),
        ("rtl/mem/c_weight.mem", "00\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def run_hls(project: Path, words: str = HLS_WORDS) -> Run:
    return run_script(project / "build_prj.tcl", ["-f", "build_prj.tcl", words], load_table("vitis_hls"))


def test_build_prj_gives_legal_commands_in_order(project: Path) -> None:
    run = run_hls(project)
    assert run.returncode == 0, run.output
    assert find_errors(run.commands, load_table("vitis_hls")) == []
    steps = [words[0] for words in run.commands if words[0].endswith("_design")]
    assert steps == ["csim_design", "csynth_design", "cosim_design", "export_design"]
    assert run.commands[0] == ("open_project", "-reset", "net_prj")
    assert ("set_part", "xcu200-fsgd2104-2-e") in run.commands
    assert ("create_clock", "-period", "5", "-name", "default") in run.commands
    assert run.commands[-1][:6] == ("exec", "vivado", "-mode", "batch", "-source", "vivado_synth.tcl")


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ("reset=0 csim=1 synth=0 cosim=0 export=0", ["csim_design"]),
        ("csim=0 synth=1 cosim=0", ["csynth_design"]),
        ("csim=0 synth=1 cosim=1", ["csynth_design", "cosim_design"]),
        ("csim=0 synth=1 cosim=0 export=1", ["csynth_design", "export_design"]),
    ],
)
def test_each_word_of_build_prj_switches_its_step(project: Path, words: str, steps: list[str]) -> None:
    run = run_hls(project, words)
    assert run.returncode == 0, run.output
    assert find_errors(run.commands, load_table("vitis_hls")) == []
    assert [command[0] for command in run.commands if command[0].endswith("_design")] == steps
    assert not any(command[0] == "exec" for command in run.commands)


def test_build_prj_refuses_an_unknown_word(project: Path) -> None:
    run = run_hls(project, "csimm=1")
    assert run.returncode == 2
    assert run.output.strip() == (
        "ERROR: option 'csimm=1': expected one of cosim csim export reset synth vsynth, =0 or =1"
    )
    assert run.commands == ()


def test_build_prj_fails_where_cosim_differs_from_csim(project: Path) -> None:
    (project / "tb_data/rtl_cosim_results.log").write_text("0.5 1.25\n")
    run = run_hls(project)
    assert run.returncode == 1
    assert "ERROR: tb_data/csim_results.log and tb_data/rtl_cosim_results.log differ" in run.output
    assert run.commands[-1][0] == "cosim_design"


def run_vivado(project: Path, source: str, **options: object) -> Run:
    return run_script(project / "vivado_synth.tcl", [source], load_table("vivado"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "verilog", "table"),
    [
        ("rtl", "lib/conv_stage.sv net.sv", "mem/c_weight.mem"),
        ("hls", "net.v", "net_conv_weight_rom.dat"),
    ],
)
def test_vivado_synth_implements_out_of_context(project: Path, source: str, verilog: str, table: str) -> None:
    run = run_vivado(project, source)
    assert run.returncode == 0, run.output
    assert find_errors(run.commands, load_table("vivado")) == []
    assert ("read_verilog", "-sv", verilog) in run.commands
    assert ("read_mem", table) in run.commands
    flow = ["synth_design", "opt_design", "place_design", "phys_opt_design", "route_design"]
    assert [words[0] for words in run.commands if words[0] in flow] == flow
    synth = next(words for words in run.commands if words[0] == "synth_design")
    assert synth[1:] == ("-top", "net", "-part", "xcu200-fsgd2104-2-e", "-mode", "out_of_context")
    assert ("report_utilization", "-file", f"{project}/vivado_{source}/utilization.rpt") in run.commands
    assert "INFO: worst negative slack (WNS) 0.125 ns at 5 ns" in run.output


@pytest.mark.parametrize(
    ("arguments", "options", "code", "message"),
    [
        ("rtl", {"slack": "-0.041"}, 1, "ERROR: timing not met"),
        ("rtl", {"returns": {"get_timing_paths": "{}"}}, 1, "ERROR: no timed path; is ap_clk constrained in ooc.xdc?"),
        ("vhdl", {}, 2, "ERROR: expected -tclargs rtl or -tclargs hls, got 'vhdl'"),
    ],
)
def test_vivado_synth_fails_with_a_reason(
    project: Path, arguments: str, options: dict[str, object], code: int, message: str
) -> None:
    run = run_vivado(project, arguments, **options)
    assert run.returncode == code
    assert message in run.output.splitlines()


def test_vivado_synth_wants_verilog(project: Path) -> None:
    shutil.rmtree(project / "net_prj")
    run = run_vivado(project, "hls")
    assert run.returncode == 2
    assert run.output.strip() == (
        "ERROR: there is no folder net_prj/solution1/syn/verilog; generate the project, or run C synthesis first"
    )


def test_constraints_are_legal(project: Path) -> None:
    run = run_script(project / "ooc.xdc", [], load_table("vivado"))
    assert run.returncode == 0, run.output
    assert find_errors(run.commands, load_table("vivado")) == []
    assert run.commands[-1] == ("create_clock", "-name", "ap_clk", "-period", "5", "port_1")


# The table itself must be able to say no.

HLS_FAULTS = (
    ("csynth_design", "csynth_desing", 'invalid command name "csynth_desing"'),
    ("csim_design -clean", "csim_design -claen", "csim_design: unknown option -claen"),
    ("-format ip_catalog", "-format ip", "export_design: -format ip, expected one of ip_catalog, xo, syn_dcp, sysgen"),
    ("-trace_level none", "-trace_level", "cosim_design: -trace_level without a value"),
    ("create_clock -period $clock_period", "create_clock", "create_clock: without -period"),
    ("set_top $project_name\n", "", "open_solution: before any set_top"),
    ("set_top $project_name\n", "set_top\n", "set_top: 0 arguments, expected 1 to 1"),
    ("        csim_design -clean", "        csynth_design\n        set_part $part", "set_part: after csynth_design"),
)
VIVADO_FAULTS = (
    ("route_design\n", "rout_design\n", 'invalid command name "rout_design"'),
    ("place_design\n", "", "phys_opt_design: before any place_design"),
    (
        "-mode out_of_context\nreport",
        "-mode ooc\nreport",
        "synth_design: -mode ooc, expected one of default, out_of_context",
    ),
    ("-force $reports", "-overwrite $reports", "write_checkpoint: unknown option -overwrite"),
    ("opt_design\nplace_design", "place_design\nopt_design", "opt_design: after place_design"),
)


@pytest.mark.parametrize(("script", "tool", "fault"), [
    *(("build_prj.tcl", "vitis_hls", fault) for fault in HLS_FAULTS),
    *(("vivado_synth.tcl", "vivado", fault) for fault in VIVADO_FAULTS),
])  # fmt: skip
def test_planted_errors_are_found(project: Path, script: str, tool: str, fault: tuple[str, str, str]) -> None:
    correct, wrong, message = fault
    text = (project / script).read_text()
    assert correct in text
    (project / script).write_text(text.replace(correct, wrong, 1))
    run = run_hls(project) if tool == "vitis_hls" else run_vivado(project, "rtl")
    assert message in [*run.output.splitlines(), *find_errors(run.commands, load_table(tool))]


def test_names_that_reach_tcl_are_safe() -> None:
    design = small_design()
    object.__setattr__(design, "name", "my.net; exec ls")
    object.__setattr__(design, "device", type(design.device)(**{
        **{field: getattr(design.device, field) for field in design.device.__dataclass_fields__},
        "part": "xcu200-fsgd2104-2-e}; [exec ls]",
    }))  # fmt: skip
    text = plan_tcl(design).text("project.tcl")
    assert "set project_name my_net__exec_ls\n" in text
    assert "set part xcu200-fsgd2104-2-eexecls\n" in text
