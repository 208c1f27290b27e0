"""`tailor demo`: the whole way, on real images."""

from __future__ import annotations

from pathlib import Path

import click

from generator.cli.common import JSON_OPTION, STDERR, answer, figures, listing
from generator.demo import require_bounds, run_demo


@click.command("demo", short_help="Train, alter, quantize, build and verify T, S and R, side by side.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo_out"), show_default=True, metavar="DIR")
@click.option("--quick", is_flag=True, help="A small network, few epochs, 5 images, no synthesis: minutes.")
@JSON_OPTION
def command(out: Path, quick: bool, as_json: bool) -> None:
    """Train a ResNet on real images (T), shorten (S) and remove (R) its skip connections, and build all three.

    Every integer of the C++ and of the SystemVerilog is held against PyTorch's; ends with 1 if a bound fails.
    """
    payload = run_demo(out, quick, lambda line: STDERR.print(line, highlight=False, soft_wrap=True))
    accuracy, designs = payload["accuracy"], payload["designs"]
    assert isinstance(accuracy, dict)
    assert isinstance(designs, dict)
    rows = [{"form": form, **accuracy[form], **designs[form]} for form in designs]
    columns = ("form", "float", "fixed", "latency_cycles", "interval_cycles", "skip_pixels")
    table = listing("T, S and R (accuracies in %)", (*columns, "lut", "ff", "dsp", "bram36"), rows)
    shown = {key: value for key, value in payload.items() if key != "failed"}
    answer(shown, as_json, table, figures("Verdict", {key: payload[key] for key in ("mismatches", "report")}))
    require_bounds(payload)
