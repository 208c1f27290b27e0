"""`tailor quantize`: from a trained network to integers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from generator.cli.common import JSON_OPTION, STDERR, answer, figures, source_options
from generator.cli.sources import load
from tailor_train.config import load_config
from tailor_train.quantize import quantize_run


@click.command("quantize", short_help="Quantize a trained network to powers of two.")
@source_options
@click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Folder of the new run.")
@JSON_OPTION
def command(
    source: str,
    arguments: tuple[str, ...],
    weights: Path | None,
    input_shape: str | None,
    seed: int,
    config_path: Path,
    out: Path,
    as_json: bool,
) -> None:
    """Quantize SOURCE as the training configuration CONFIG says (keys data, quantize, batch_size, seed, device).

    The integers are held against Brevitas in every output before anything is written.
    """
    config = load_config(config_path)
    run = load(source, arguments, weights, input_shape, seed).as_run()
    result = quantize_run(run, config, out, progress=epoch_lines)
    payload = {
        "accuracy_float": result.accuracy_float,
        "accuracy_fixed": result.accuracy_fixed,
        "checkpoint": str(result.checkpoint),
    }
    answer(payload, as_json, figures(f"quantize {source}", payload))


def epoch_lines(done: int, epochs: int, values: Mapping[str, float]) -> None:
    """Tell of every epoch of quantization-aware training, where someone is looking."""
    if STDERR.is_terminal:
        told = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
        STDERR.print(f"quantize   epoch {done}/{epochs}  {told}", highlight=False)
