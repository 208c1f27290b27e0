"""A checkpoint whose weights hold its short skips: the generator builds plain convs and still names the skips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generator import flow, project
from generator.config import HardwareConfig
from generator.device import find_device
from generator.errors import PlacementError
from generator.hardware_yaml import parse_hardware
from generator.passes import BuiltDesign, build_design
from generator.skip_table import list_skips
from generator.source import Images, Network, load_images, network_of
from tailor_train.checkpoint import Run, load_run
from tailor_train.config import QuantizeConfig, parse_config
from tailor_train.data import ArrayDataset, DataSplit
from tailor_train.models import build_model, split_builtin_args
from tailor_train.quantize import quantize_run
from tailor_train.surgery import apply_plan

NAMES = tuple(f"layer{stage}.0.{part}" for stage in (1, 2, 3) for part in (0, 1))


def hardware(**sections: object) -> HardwareConfig:
    return parse_hardware({"HLSConfig": {"Model": {"ReuseFactor": 36}, **sections}}, "test")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    torch.set_num_threads(1)
    args, plan = split_builtin_args("resnet8", {"width": 2, "in_channels": 1, "image_size": 8, "skips": "shortened"})
    deployed = apply_plan(build_model("resnet8", args, 0, plan), plan, (1, 8, 8))
    generator = torch.Generator().manual_seed(0)
    data = ArrayDataset(torch.randn(64, 1, 8, 8, generator=generator), torch.randint(10, (64,), generator=generator))
    run = Run(
        factory="resnet8",
        args=args,
        input_shape=(1, 8, 8),
        plan=plan,
        quantization=None,
        tensors=deployed.module.state_dict(),
    )
    config = replace(
        parse_config({"model": {"factory": "resnet8"}, "device": "cpu"}),
        quantize=QuantizeConfig(mode="ptq", fold_skips="trained"),
    )
    split = DataSplit(name="mine:data", args={}, train=data, test=data)
    checkpoint = quantize_run(run, config, tmp_path_factory.mktemp("runs") / "fixed", data=split).checkpoint
    return network_of(load_run(checkpoint), "fixed")


@pytest.fixture(scope="module")
def images(network: Network) -> Images:
    return load_images(network, "random", {}, 64)


def test_every_integer_is_pytorchs(network: Network, images: Images) -> None:
    quantized = flow.quantize_network(network, None)
    result = flow.evaluate(quantized, images.inputs, images.labels)
    assert (result.mismatches_vs_torch, result.images) == (0, 64)
    assert quantized.graph.skips == quantized.graph.removed_skips == ()
    assert quantized.graph.folded_skips == NAMES
    assert not [node for node in quantized.graph.nodes if node.name.endswith(".add")]


def build(network: Network, config: HardwareConfig) -> BuiltDesign:
    return build_design(flow.quantize_network(network, config).graph, config, find_device(config.part, config.clock_ns))


def test_the_skips_are_listed_as_folded_and_store_nothing(network: Network) -> None:
    config = hardware(Skip={"layer1.0": {"Implementation": "fold"}, "Default": {"Implementation": "clone_fifo"}})
    built = build(network, config)
    assert [(skip.name, str(skip.implementation), skip.depth_pixels) for skip in built.design.skips] == [
        (name, "fold", 0) for name in NAMES
    ]
    assert {stage.name for stage in built.design.stages if stage.name.endswith("add")} == set()
    assert built.warnings == ()
    rows = list_skips(network)
    assert [(row.name, row.state, row.folded) for row in rows] == [
        (f"layer{stage}.0", "shortened", True) for stage in (1, 2, 3)
    ]


@pytest.mark.parametrize("name", ["layer2.0", "layer2.0.0"])
def test_no_other_implementation_can_be_named(network: Network, name: str) -> None:
    config = hardware(Skip={name: {"Implementation": "clone_fifo"}})
    with pytest.raises(PlacementError) as error:
        build(network, config)
    assert str(error.value).splitlines()[0] == (
        "Skip.layer2.0.0: clone_fifo does not fit, this skip has been part of the conv's weights since its training; "
        "use auto or fold"
    )


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["auto", "C"])
def test_the_cpp_computes_the_same(network: Network, images: Images, tmp_path: Path, lanes: str) -> None:
    config = hardware(Stream={"Lanes": lanes})
    flow.generate(flow.quantize_network(network, config), config, np.asarray(images.inputs[:3]), tmp_path / "prj")
    assert project.csim(tmp_path / "prj", 3)["mismatches"] == 0
