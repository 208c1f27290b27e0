"""`tailor train`: trains a network and alters its skip connections."""

from __future__ import annotations

from pathlib import Path

import click

from generator.cli.common import JSON_OPTION, STDERR, answer, figures
from generator.cli.quantize import epoch_lines
from tailor_train.config import load_config
from tailor_train.quantize import quantize_run
from tailor_train.training import train


@click.command("train", short_help="Train a network and alter its skip connections by Algorithm 1.")
@click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in RUN.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="E.g. --set optimizer.lr=0.05.")
@JSON_OPTION
def command(config_path: Path, out: Path, resume: bool, settings: tuple[str, ...], as_json: bool) -> None:
    """Train as the YAML file CONFIG says and write the checkpoint, curves and figures to RUN.

    With `quantize` set, the quantized network follows in RUN/fixed.
    """
    config = load_config(config_path, settings)
    result = train(config, out, resume=resume, progress=STDERR.is_terminal)
    payload: dict[str, object] = {
        "accuracy": result.accuracy,
        "checkpoint": str(result.checkpoint),
        "epochs": result.epochs,
        "teacher_accuracy": result.teacher_accuracy,
    }
    if config.quantize is not None:
        fixed = quantize_run(out, config, out / "fixed", progress=epoch_lines)
        payload |= {"accuracy_fixed": fixed.accuracy_fixed, "checkpoint_fixed": str(fixed.checkpoint)}
    answer(payload, as_json, figures(f"train {out}", payload))
