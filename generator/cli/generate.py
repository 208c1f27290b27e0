"""`tailor generate`: writes the hardware project."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from generator import flow
from generator.cli.common import (
    JSON_OPTION,
    answer,
    data_options,
    figures,
    hardware,
    listing,
    parse_assignments,
    source_options,
    warn,
)
from generator.cli.sources import load
from generator.errors import SourceError
from generator.source import CALIBRATION_IMAGES, load_images


@click.command("generate", short_help="Write the hardware project: C++, SystemVerilog, scripts and test data.")
@source_options
@click.option("--hardware", "hardware_path", type=click.Path(path_type=Path), metavar="HW.yaml", required=True)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder to write.")
@click.option("--calibrate", metavar="DATA", help="Choose formats that the configuration leaves open by this data.")
@data_options("seeded random inputs")
@click.option("--frames", type=click.IntRange(min=1), default=64, show_default=True, help="Frames of test data.")
@JSON_OPTION
def command(
    source: str,
    arguments: tuple[str, ...],
    weights: Path | None,
    input_shape: str | None,
    seed: int,
    hardware_path: Path,
    out: Path,
    calibrate: str | None,
    data: str | None,
    data_arguments: tuple[str, ...],
    frames: int,
    as_json: bool,
) -> None:
    """Write the hardware project of SOURCE into DIR: HLS C++, SystemVerilog, scripts and test data.

    The test data are the first frames of --data, or seeded random ones.
    """
    network = load(source, arguments, weights, input_shape, seed)
    config = hardware(hardware_path)
    assert config is not None
    values = parse_assignments(data_arguments, "--data-arg")
    calibration = None
    if calibrate:
        calibration = load_images(network, calibrate, values, CALIBRATION_IMAGES, part="train", labelled=False).inputs
    quantized = flow.quantize_network(network, config, calibration)
    images = load_images(network, data or "random", values if data else {}, frames, labelled=False).inputs
    if len(images) < frames:
        raise SourceError(f"--frames {frames}: the data holds {len(images)} test images; ask for at most that many")
    project = flow.generate(quantized, config, images, out)
    warn(project.warnings)
    payload = {"digest": project.digest, "path": str(out), **project.description}
    answer(payload, as_json, *_tables(out, payload))


def _tables(out: Path, payload: dict[str, object]) -> tuple[Table, ...]:
    stages, streams, skips = (payload[key] for key in ("stages", "streams", "skips"))
    predicted = payload["predicted"]
    assert isinstance(stages, list)
    assert isinstance(streams, list)
    assert isinstance(skips, list)
    assert isinstance(predicted, dict)
    stream_columns = ("name", "width_bits", "lanes", "depth_words", "depth_live", "depth_full_rate", "storage")
    return (
        listing("Stages", ("name", "reuse_factor", "pe", "simd", "cycles"), stages),
        listing("Streams", stream_columns, streams),
        listing("Skip connections", ("name", "implementation", "storage", "depth_pixels"), skips),
        figures(f"Project {out}", {"multipliers": payload["multipliers"], **predicted}),
    )
