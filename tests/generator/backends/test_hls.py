"""The text of the HLS project: its files, its pragmas, and that it is always the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from generator.backends.hls import order_weights, plan_hls
from generator.design import Design, Multiplier, Storage
from generator.errors import ConfigError, GraphError
from generator.fixed_point import parse_format
from generator.graph import Shape
from generator.tools.csim_build import ap_types_folder
from tests.generator.backends.stage_models import ConvSpec, make_conv, make_design, make_pool, make_stream

PRAGMAS = Path(__file__).parents[2] / "data" / "tcl" / "hls_pragmas.yaml"
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="csim needs g++")


def small_design() -> Design:
    """A conv with an identity, one with a projection, one without, a pool: every kind of memory."""
    rng = np.random.default_rng(4)
    shape, fmt = Shape(height=4, width=4, channels=4), parse_format("ap_fixed<8,3,AP_RND_CONV,AP_SAT>")
    first = make_conv(rng, ConvSpec(name="l.0", out_channels=4, pe=2, skip="identity"), "x", "a", shape, fmt)
    second = make_conv(
        rng,
        ConvSpec(name="l.1", out_channels=6, simd=2, stride=2, skip="projection"),
        "a",
        "b",
        shape,
        first.out_format,
    )
    second = replace(second, multiplier=Multiplier.DSP)
    pool = make_pool("b", "y", second.out_shape, second.out_format, "ap_fixed<8,3,AP_RND_CONV,AP_SAT>")
    streams = (
        make_stream("x", shape, fmt, 1),
        replace(make_stream("a", shape, first.out_format, 2), storage=Storage.BRAM, depth_words=40),
        replace(make_stream("b", second.out_shape, second.out_format, 1), storage=Storage.LUTRAM, depth_words=3),
        make_stream("y", Shape(height=1, width=1, channels=6), pool.result, 1),
    )
    return make_design("small", (first, second, pool), streams)


def test_the_project_is_laid_out_as_hls4ml_users_know_it() -> None:
    paths = [path for path, _ in plan_hls(small_design()).files]
    static = ("firmware/tailor/", "csim/")
    assert [path for path in paths if not path.startswith(static)] == [
        "build_prj.tcl",
        "firmware/defines.h",
        "firmware/parameters.h",
        "firmware/small.cpp",
        "firmware/small.h",
        "firmware/weights.h",
        "firmware/weights/l_0_bias.txt",
        "firmware/weights/l_0_weight.txt",
        "firmware/weights/l_1_bias.txt",
        "firmware/weights/l_1_skip_bias.txt",
        "firmware/weights/l_1_skip_weight.txt",
        "firmware/weights/l_1_weight.txt",
        "ooc.xdc",
        "project.tcl",
        "small_test.cpp",
        "vivado_synth.tcl",
    ]
    assert [path for path in paths if path.startswith("csim/")] == ["csim/ap_axi_sdata.h", "csim/hls_stream.h"]


def test_the_top_reads_as_the_dataflow() -> None:
    text = plan_hls(small_design()).text("firmware/small.cpp")
    body = text[text.index("    // (4,4,4)") :]
    assert body == (
        "    // (4,4,4) of ap_fixed<8,3>, 1 channel a word\n"
        '    static hls::stream<ap_uint<8>> x_stream("x_stream");\n'
        "    TAILOR_FIFO(x_stream, 64, srl)\n"
        "    // (4,4,4) of ap_fixed<8,4>, 2 channels a word\n"
        '    static hls::stream<ap_uint<16>> a("a");\n'
        "    TAILOR_FIFO(a, 40, bram)\n"
        "    // (2,2,6) of ap_fixed<8,4>, 1 channel a word\n"
        '    static hls::stream<ap_uint<8>> b("b");\n'
        "    TAILOR_FIFO(b, 3, lutram)\n"
        "    // (1,1,6) of ap_fixed<8,3>, 1 channel a word\n"
        '    static hls::stream<ap_uint<8>> y_stream("y_stream");\n'
        "    TAILOR_FIFO(y_stream, 6, srl)\n"
        "\n"
        "    tailor::receive<x_config>(x, x_stream, x_tlast_error);\n"
        "    tailor::conv<l_0_config>(x_stream, a, l_0_weight, l_0_bias);\n"
        "    tailor::conv_projected<l_1_config>(a, b, l_1_weight, l_1_bias, l_1_skip_weight, l_1_skip_bias);\n"
        "    tailor::pool<pool_config>(b, y_stream);\n"
        "    tailor::transmit<y_config>(y_stream, y);\n"
        "}\n"
    )


def test_weights_stand_in_the_order_of_the_beats() -> None:
    design = small_design()
    stage = design.stages[0]
    ordered = order_weights(stage.weight, stage)
    beats = [
        (group, row, column, channel)
        for group in range(2)
        for row in range(3)
        for column in range(3)
        for channel in range(4)
    ]
    assert ordered.shape == (len(beats), 2)
    for beat, (group, row, column, channel) in enumerate(beats):
        assert ordered[beat].tolist() == stage.weight[row, column, channel, 2 * group : 2 * group + 2].tolist()
    written = plan_hls(design).text("firmware/weights/l_0_weight.txt").split(",")
    assert [float(word) * 2.0**stage.weight_format.fraction_bits for word in written] == ordered.ravel().tolist()


def test_two_processes_emit_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "from tests.generator.backends.test_hls import small_design\n"
        "from generator.backends.hls import plan_hls\n"
        "print(plan_hls(small_design()).digest)\n"
    )
    root = Path(__file__).parents[3]
    digests = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={"PYTHONPATH": str(root), "PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    assert digests == {plan_hls(small_design()).digest}


def test_no_file_tells_who_where_or_when() -> None:
    for path, text in plan_hls(small_design()).files:
        assert str(Path.home()) not in text, path
        assert str(Path(__file__).parents[3]) not in text, path
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), path


def expand(text: str, folder: Path) -> str:
    """The C++ after the preprocessor, macros of the dialect expanded."""
    for path, content in plan_hls(small_design()).files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    (folder / "expanded.cpp").write_text(text)
    argv = ["g++", "-std=c++11", "-E", "-P", "-Icsim", "-isystem", str(ap_types_folder()), "expanded.cpp"]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True).stdout


@needs_compiler
def test_pragmas_are_spelled_as_the_guide_has_them(tmp_path: Path) -> None:
    table = yaml.safe_load(PRAGMAS.read_text())["pragmas"]
    pragmas = re.findall(r"#pragma HLS ([A-Z].*)", expand('#include "firmware/small.cpp"\n', tmp_path))
    assert {pragma.split()[0] for pragma in pragmas} == set(table)
    assert [problem for pragma in pragmas for problem in pragma_errors(pragma, table)] == []
    assert "STREAM variable=a depth=40" in pragmas
    assert "BIND_STORAGE variable=a type=fifo impl=bram" in pragmas
    assert "DEPENDENCE variable=ring inter false" in pragmas
    assert "PIPELINE II=1 style=frp" in pragmas


@pytest.mark.parametrize(
    ("pragma", "problem"),
    [
        ("PIPELINE II=1 style=free", "PIPELINE: style=free"),
        ("BIND_STORAGE variable=a type=fifo impl=srl16", "BIND_STORAGE: impl=srl16"),
        ("STREAM variable=a depth=words", "STREAM: depth=words"),
        ("RESET variable", "RESET: variable"),
        ("RESOURCE variable=a core=FIFO_SRL", "RESOURCE is no pragma"),
    ],
)
def test_the_guide_says_no(pragma: str, problem: str) -> None:
    assert pragma_errors(pragma, yaml.safe_load(PRAGMAS.read_text())["pragmas"]) == [problem]


def pragma_errors(pragma: str, table: dict[str, dict]) -> list[str]:
    """What the guide's table objects to in one pragma."""
    name, *words = pragma.split()
    if name not in table:
        return [f"{name} is no pragma"]
    errors = []
    for word in words:
        key, equals, value = word.partition("=")
        kind = table[name]["options"].get(key)
        if not equals:
            legal = word in table[name]["words"]
        elif isinstance(kind, list):
            legal = value in kind
        else:
            legal = kind is not None and re.fullmatch(r"\d+" if kind == "number" else r"\w+", value) is not None
        if not legal:
            errors.append(f"{name}: {word}")
    return errors


def test_a_project_cannot_be_called_main() -> None:
    with pytest.raises(ConfigError) as error:
        plan_hls(replace(small_design(), name="main"))
    assert str(error.value) == (
        "project name 'main': is a word of C++ or of the emitted files; set another ProjectName"
    )


def test_two_stages_cannot_share_a_name() -> None:
    design = small_design()
    first, second, pool = design.stages
    with pytest.raises(GraphError) as error:
        plan_hls(replace(design, stages=(first, replace(second, name="l_0"), replace(pool, name="x"))))
    assert str(error.value) == "design 'small': two stages would be called l_0, x; rename a layer"


@needs_compiler
def test_every_loop_is_labelled(tmp_path: Path) -> None:
    for path, text in plan_hls(small_design()).files:
        if not path.startswith("firmware/tailor/") or path.endswith(("rom.h", "loop_monitor.h")):
            continue
        lines = [line.strip() for line in text.splitlines()]
        for before, line in pairwise(lines):
            if re.match(r"(for|while) \(", line):
                assert re.fullmatch(r"\w+_loop:", before), f"{path}: {line}"


@needs_compiler
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('hls::stream<int> s("main_to_add"); s.write(1); s.read(); s.read();',
         "csim: stream 'main_to_add': read from an empty stream: its writer delivered too few words"),
        ('hls::stream<int> s("skip", 1); s.write(1); s.write(2);',
         "csim: stream 'skip': write to a full stream: it is too shallow"),
        ("tailor::LoopMonitor<4, 2> monitor; monitor.next_call(); monitor.writes(3); monitor.next_iteration(true); "
         "monitor.reads(3);",
         "csim: ring address 3 is read 1 iterations after it was written; the loop promises 2"),
        ("tailor::LoopMonitor<4, 2> monitor; for (;;) monitor.next_iteration(false);",
         "csim: a stage waits for room that never comes; its ring or shift register is too small"),
    ],
)  # fmt: skip
def test_csim_stops_with_a_reason(tmp_path: Path, body: str, message: str) -> None:
    lib = Path(__file__).parents[3] / "templates" / "hls"
    (tmp_path / "t.cpp").write_text(
        f'#include "hls_stream.h"\n#include "loop_monitor.h"\nint main() {{ {body} return 0; }}\n'
    )
    subprocess.run(["g++", "-std=c++11", f"-I{lib}/csim", f"-I{lib}/lib", "t.cpp", "-o", "t"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "t"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.strip() == message
