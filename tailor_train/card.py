"""The model card: one page that says what a RUN folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_card(header: Mapping[str, Any]) -> str:
    """Markdown of a checkpoint's header; no time, user or path goes in.

    Args:
        header: keys as in `model.safetensors`.
    """
    model, provenance, skips = header["model"], header["provenance"], header["skips"]
    arguments = ", ".join(f"{key}={value}" for key, value in model["args"].items()) or "none"
    data = provenance.get("data") or {}
    quantized = header["quantization"]
    lines = [
        f"# {model['factory']}, {_skip_summary(skips)}",
        "",
        "| | |",
        "|---|---|",
        f"| model | `{model['factory']}` |",
        f"| arguments | {arguments} |",
        f"| input | {' x '.join(str(size) for size in model['input_shape'])} (channels first) |",
        f"| numbers | {'floating point' if quantized is None else 'fixed point, batch norm folded'} |",
        f"| data | {data.get('name', 'unknown')} |",
    ]
    lines += [
        f"| {key} | {provenance[key]} |" for key in ("method", "alpha", "beta", "seed", "epochs") if key in provenance
    ]
    metrics = provenance.get("metrics") or {}
    if metrics:
        lines += ["", "## Measured", "", "| figure | value |", "|---|---:|"]
        lines += [f"| {key} | {_figure(value)} |" for key, value in metrics.items()]
    if skips:
        lines += ["", "## Skip connections", "", "| block | state |", "|---|---|"]
        lines += [f"| {skip['name']} | {_state(skip)} |" for skip in skips]
    if quantized:
        lines += ["", "## Formats", "", "| layer | formats |", "|---|---|"]
        lines += [f"| {layer} | {_formats(formats)} |" for layer, formats in quantized.items()]
    versions = provenance.get("versions") or {}
    if versions:
        lines += ["", "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    lines += ["", "`model.safetensors` holds the weights; `config.yaml` the recipe; `metrics.csv` every epoch.", ""]
    return "\n".join(lines)


def _skip_summary(skips: list[dict[str, str]]) -> str:
    if not skips:
        return "no skip connections"
    states = sorted({skip["state"] for skip in skips})
    return f"skips {states[0]}" if len(states) == 1 else "skips partly altered"


def _state(skip: Mapping[str, str]) -> str:
    """`removed`, `kept`, `kept (post)`, `shortened (pre)`, `shortened (pre), in the convolutions' weights`."""
    shown = skip["state"] == "shortened" or (skip["state"] == "kept" and skip["style"] == "post")
    text = f"{skip['state']} ({skip['style']})" if shown else skip["state"]
    return f"{text}, in the convolutions' weights" if skip.get("folded") else text


def _figure(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _formats(formats: Mapping[str, str]) -> str:
    return ", ".join(f"{key} `{value}`" for key, value in formats.items())
