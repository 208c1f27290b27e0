"""Hardware configurations: what is accepted, and every message in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.design import Implementation, Multiplier, Storage
from generator.errors import ConfigError
from generator.fixed_point import parse_format
from generator.hardware_yaml import parse_hardware, read_hardware

CONFIGS = Path(__file__).parents[2] / "configs"


def hls(**section: object) -> dict[str, object]:
    return {"HLSConfig": {"Model": {"ReuseFactor": 72}, **section}}


def message(data: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_hardware(data, "hw.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", ["digits", "skip_block", "skip_block_pixel_wide"])
def test_shipped_configs_are_read_without_warnings(name: str) -> None:
    assert read_hardware(CONFIGS / f"{name}.yaml").warnings == ()


def test_all_keys_are_read() -> None:
    config = parse_hardware(
        {
            "Backend": "RTL",
            "Part": "xc7z020clg400-1",
            "ClockPeriod": 8,
            "ProjectName": "mine",
            "IOType": "io_stream",
            "HLSConfig": {
                "Model": {"Precision": {"default": "ap_fixed<16,6>"}, "ReuseFactor": 36},
                "LayerName": {
                    "conv1": {"ReuseFactor": 9, "Precision": {"default": "ap_fixed<8,3>", "result": "ap_fixed<9,4>"}},
                    "fc": {"Precision": "ap_fixed<12,6>"},
                },
                "Skip": {
                    "Default": {"Implementation": "auto"},
                    "layer1.0": {"Implementation": "clone_fifo", "Storage": "bram", "Depth": 70},
                },
                "Stream": {"Lanes": "C"},
                "Multiplier": "lut",
            },
        },
        "hw.yaml",
    )
    assert (config.backend, config.part, config.clock_ns) == ("RTL", "xc7z020clg400-1", 8.0)
    assert config.project_name == "mine"
    assert config.precision == parse_format("ap_fixed<16,6>")
    assert config.layers["conv1"].reuse_factor == 9
    assert config.layers["conv1"].weight == config.layers["conv1"].bias == parse_format("ap_fixed<8,3>")
    assert config.layers["conv1"].result == parse_format("ap_fixed<9,4>")
    assert config.layers["fc"].result == config.layers["fc"].weight == parse_format("ap_fixed<12,6>")
    assert config.skips["layer1.0"].implementation is Implementation.CLONE_FIFO
    assert config.skips["layer1.0"].storage is Storage.BRAM
    assert config.skips["layer1.0"].depth_pixels == 70
    assert config.skip_default.implementation is None
    assert (config.lanes, config.multiplier) == (0, Multiplier.LUT)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"ReuseFactor": 72}, (72, None, None, None)),
        ({"TargetCycles": 205000}, (None, 205000, None, None)),
        ({"TargetFPS": 0.5}, (None, None, 0.5, None)),
        ({"MaxDSP": 220}, (None, None, None, 220)),
    ],
)
def test_one_of_four_targets_is_read(model: dict[str, object], expected: tuple[object, ...]) -> None:
    config = parse_hardware({"HLSConfig": {"Model": model}}, "hw.yaml")
    assert (config.reuse_factor, config.target_cycles, config.target_fps, config.max_dsp) == expected


def test_lanes_auto_and_number() -> None:
    assert parse_hardware(hls(), "hw").lanes is None
    assert parse_hardware(hls(Stream={"Lanes": 4}), "hw").lanes == 4


def test_hls4ml_keys_without_effect_are_noted() -> None:
    data = hls(
        LayerName={"conv1": {"Trace": True, "Precision": {"accum": "ap_fixed<20,8>", "weight": "ap_fixed<8,1>"}}}
    )
    data["OutputDir"] = "prj"
    assert parse_hardware(data, "hw.yaml").warnings == (
        "OutputDir has no effect here and is ignored",
        "HLSConfig.LayerName.conv1.Trace has no effect here and is ignored",
        "accumulators are exact here: HLSConfig.LayerName.conv1.Precision.accum ignored",
    )


def test_unknown_key_names_place_and_neighbour() -> None:
    assert message(hls(Modell={})) == (
        "hardware config hw.yaml: unknown key 'Modell' in HLSConfig; the nearest known one is 'Model'"
    )


def test_all_problems_are_reported_at_once() -> None:
    data = {"HLSConfig": {"Model": {"ReuseFactor": 0, "Precision": "fixed<8>"}}, "Backend": "vitis", "clock": 5}
    assert message(data) == (
        "hardware config hw.yaml: 4 problems"
        "\n  - unknown key 'clock' in the file; the nearest known one is 'ClockPeriod'"
        "\n  - Backend: 'vitis' is not one of Vivado, Vitis, RTL"
        "\n  - HLSConfig.Model.Precision: precision 'fixed<8>': expected ap_fixed<W,I> or "
        "ap_fixed<W,I,ROUNDING,OVERFLOW>, e.g. ap_fixed<16,6>"
        "\n  - HLSConfig.Model.ReuseFactor: expected a whole number of at least 1, got 0"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([1], "the file: expected keys and values, got [1]"),
        (
            {**hls(), "IOType": "io_parallel"},
            "IOType: io_parallel keeps whole feature maps in registers, stages here stream pixels; use io_stream",
        ),
        ({**hls(), "ClockPeriod": -1}, "ClockPeriod: expected nanoseconds above 0, got -1"),
        (
            {"HLSConfig": {"Model": {}}},
            "HLSConfig.Model.ReuseFactor is missing; give the most cycles a pixel may take, e.g. 72",
        ),
        (
            hls(Skip={"layer1.0": {"Implementation": "wire"}}),
            "HLSConfig.Skip.layer1.0.Implementation: 'wire' is not one of auto, clone_fifo, line_buffer_tap, "
            "ring_extend, shift_register, centre_tap, fold, none",
        ),
        (
            hls(Skip={"layer1.0": {"Storage": "dram"}}),
            "HLSConfig.Skip.layer1.0.Storage: 'dram' is not one of auto, bram, srl, lutram, uram",
        ),
        (
            hls(Skip={"layer1.0": {"Depth": True}}),
            "HLSConfig.Skip.layer1.0.Depth: expected a whole number of at least 1 pixels or auto, got True",
        ),
        (hls(Multiplier="fpga"), "HLSConfig.Multiplier: 'fpga' is not one of auto, dsp, lut, packed"),
        (
            {"HLSConfig": {"Model": {"ReuseFactor": 72, "MaxDSP": 80}}},
            "HLSConfig.Model: ReuseFactor and MaxDSP cannot hold together; keep one of them",
        ),
        (
            {"HLSConfig": {"Model": {"TargetFPS": 0}}},
            "HLSConfig.Model.TargetFPS: expected frames a second above 0, got 0",
        ),
        (
            {"HLSConfig": {"Model": {"MaxDSP": 80}, "Multiplier": "lut"}},
            "HLSConfig.Model.MaxDSP: multipliers are built of LUTs (Multiplier: lut); drop one of them",
        ),
        (
            hls(Skip={"Default": {"Storage": "none"}}),
            "HLSConfig.Skip.Default.Storage: 'none' is not one of auto, bram, srl, lutram, uram",
        ),
        (
            hls(Stream={"Lanes": 0}),
            "HLSConfig.Stream.Lanes: expected a whole number of at least 1, auto or C, got 0",
        ),
        (
            hls(LayerType={"Conv2D": {}}),
            "HLSConfig.LayerType: settings by layer type are not supported; use LayerName",
        ),
    ],
)
def test_each_problem_has_a_clear_message(data: object, expected: str) -> None:
    assert message(data) == f"hardware config hw.yaml: {expected}"


def test_unknown_part_names_the_known_ones() -> None:
    assert message({**hls(), "Part": "lattice"}) == (
        "hardware config hw.yaml: Part: 'lattice' is not known; known parts begin with "
        "xcu200, xcu250, xcu50, xczu9eg, xczu3eg, xc7z020, xc7a100t"
    )


def test_missing_and_broken_files(tmp_path: Path) -> None:
    missing = tmp_path / "no.yaml"
    with pytest.raises(ConfigError) as caught:
        read_hardware(missing)
    assert str(caught.value) == (
        f"hardware config {missing}: cannot be read (No such file or directory); name a YAML file"
    )
    broken = tmp_path / "broken.yaml"
    broken.write_text("Part: [1,\n  }", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_hardware(broken)
    assert str(caught.value).startswith(f"hardware config {broken}, line 2: is not plain YAML (")


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text("Part: !!python/object/apply:os.getcwd []", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not plain YAML"):
        read_hardware(path)
