"""Where an executor goes wrong: a wrong weight is found at its layer, in C++ and in RTL."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from generator import flow
from generator.cli.main import run
from generator.errors import ToolError
from generator.source import load_source
from generator.tools.csim import run_csim
from generator.tools.stream_trace import TracedStream, locate, read_traced_streams
from generator.vectors import STREAMS
from tests.generator.passes.designs import hardware

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="csim and cosim need g++")


def write_project(out: Path, source: str, channels: int, **args: object) -> Path:
    """A network as `generate` writes it, on 3 frames of 6 x 6 pixels."""
    config = hardware(18)
    quantized = flow.quantize_network(load_source(source, args={"image_size": 6} | args), config)
    flow.generate(quantized, config, np.random.default_rng(3).normal(0.0, 1.0, (3, channels, 6, 6)), out)
    return out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of three blocks."""
    return write_project(tmp_path_factory.mktemp("trace") / "net", "resnet8", 1, width=2, in_channels=1)


@pytest.fixture(scope="module")
def skip_block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two convs and a skip."""
    return write_project(tmp_path_factory.mktemp("trace") / "block", "skip_block", 2, filters=2)


def write_words(stream: TracedStream, path: Path, values: np.ndarray) -> Path:
    """A recording of a stream: its channels packed, the first in the lowest bits."""
    width, mask = stream.format.width, (1 << stream.format.width) - 1
    rows = (values.reshape(-1, stream.lanes) & mask).tolist()
    words = [sum(value << (width * lane) for lane, value in enumerate(row)) for row in rows]
    path.write_text("".join(f"{word:x}\n" for word in words))
    return path


def test_the_first_layer_in_the_order_of_the_data_is_named(project: Path, tmp_path: Path) -> None:
    streams = read_traced_streams(project)
    files = {s.name: write_words(s, tmp_path / f"{s.name}.txt", s.expected) for s in streams}
    assert locate(streams, files) is None
    for position in (9, 5):
        stream = streams[position]
        wrong = stream.expected.copy()
        wrong[0, -1, 0, 1] += 1
        wrong[0, -1, -1, 0] += 1
        write_words(stream, files[stream.name], wrong)
        found = locate(streams, files)
        assert found is not None
        shape = stream.expected.shape
        place = (found.layer, found.frame, found.row, found.column, found.channel)
        assert place == (stream.tensor, 0, shape[1] - 1, 0, 1)
        assert found.second == found.first + 1
        assert found.count >= 2 - (shape[2] == 1)


def test_streams_that_are_cut_short_or_missing_are_left_out(project: Path, tmp_path: Path) -> None:
    streams = read_traced_streams(project)
    path = tmp_path / "x.txt"
    path.write_text("1\n2\n")
    assert locate(streams, {streams[0].name: path}) is None
    assert locate(streams, {}) is None


def test_all_streams_are_traced_once(project: Path) -> None:
    described = json.loads((project / "design.json").read_text())
    names = [stream.name for stream in read_traced_streams(project)]
    assert sorted(names) == sorted(stream["name"] for stream in described["streams"])
    assert (names[0], names[-1]) == ("x", "y")


def test_a_project_without_traces_has_none(tmp_path: Path) -> None:
    assert read_traced_streams(tmp_path) == ()


def test_damaged_traces_are_named(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "net"
    shutil.copytree(project, copy)
    (copy / STREAMS).write_text("input x 1 2\n")
    with pytest.raises(ToolError) as error:
        read_traced_streams(copy)
    assert str(error.value) == f"project {copy}: {STREAMS} is damaged; generate the project again"


def plant_in_cpp(project: Path, table: str) -> None:
    """Another number in the middle of a table of weights."""
    path = project / "firmware" / "weights" / f"{table}.txt"
    numbers = re.split(r"(,\s*)", path.read_text().strip())
    place = len(numbers) // 4 * 2
    numbers[place] = str(float(numbers[place]) + 0.5)
    path.write_text("".join(numbers) + "\n")


@needs_compiler
@pytest.mark.slow
def test_a_wrong_weight_of_the_cpp_is_found_at_its_layer(
    skip_block: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "net"
    shutil.copytree(skip_block, copy)
    assert run_csim(copy, 3).difference is None
    for table, layer in (("block_conv2_weight", "block.add"), ("block_conv1_weight", "block.conv1")):
        plant_in_cpp(copy, table)
        capsys.readouterr()
        assert run(["csim", str(copy), "--json"]) == 1
        captured = capsys.readouterr()
        first = json.loads(captured.out)["first_difference"]
        assert first["layer"] == layer
        assert first["given"] != first["expected"]
        assert f"the first that differs is layer {layer!r}, pixel ({first['row']},{first['column']})" in captured.err


@needs_compiler
@pytest.mark.slow
def test_a_wrong_weight_of_the_rtl_is_found_at_its_layer(
    skip_block: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "net"
    shutil.copytree(skip_block, copy)
    (memory, *_) = sorted((copy / "rtl" / "mem").glob("block_conv1_weight*"))
    words = memory.read_text().split()
    words[1] = f"{int(words[1], 16) ^ (1 << 4 * len(words[1]) - 3):0{len(words[1])}x}"
    memory.write_text("\n".join(words) + "\n")
    assert run(["cosim", str(copy), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first_difference"]["layer"] == "block.conv1"
