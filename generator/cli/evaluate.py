"""`tailor evaluate`: the integers' accuracy, and whether they are PyTorch's."""

from __future__ import annotations

from pathlib import Path

import click

from generator import flow
from generator.cli.common import (
    JSON_OPTION,
    answer,
    data_options,
    figures,
    hardware,
    parse_assignments,
    source_options,
    warn,
)
from generator.cli.sources import load
from generator.errors import CheckFailed
from generator.source import load_images


@click.command("evaluate", short_help="Accuracy of the integers, compared with PyTorch in every logit.")
@source_options
@click.option("--hardware", "hardware_path", type=click.Path(path_type=Path), metavar="HW.yaml")
@data_options("the checkpoint's own")
@click.option("--limit", type=click.IntRange(min=1), help="Use the first N images only.")
@JSON_OPTION
def command(
    source: str,
    arguments: tuple[str, ...],
    weights: Path | None,
    input_shape: str | None,
    seed: int,
    hardware_path: Path | None,
    data: str | None,
    data_arguments: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Run SOURCE in integers on its test data and hold every integer against PyTorch's.

    A float network takes its formats from --hardware.
    """
    network = load(source, arguments, weights, input_shape, seed)
    config = hardware(hardware_path)
    quantized = flow.quantize_network(network, config)
    warn((*(config.warnings if config else ()), *quantized.warnings))
    images = load_images(network, data, parse_assignments(data_arguments, "--data-arg"), limit)
    result = flow.evaluate(quantized, images.inputs, images.labels)
    payload = {
        "accuracy_fixed": result.accuracy_fixed,
        "images": result.images,
        "images_per_second": result.images_per_second,
        "mismatches_vs_torch": result.mismatches_vs_torch,
        "wrapped": dict(result.wrapped),
    }
    answer(payload, as_json, figures(f"evaluate {source}", payload))
    if result.mismatches_vs_torch:
        raise CheckFailed(f"evaluate {source}: {result.mismatches_vs_torch} integers differ from PyTorch's, expected 0")
