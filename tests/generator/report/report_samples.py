"""Sample projects in the shapes that the tools write: a ResNet of width 8 on 8x8 images, as T, S and R."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any


def write_sample(root: Path, depth: int = 20, results: bool = True) -> dict[str, Path]:
    """Write designs/{T,S,R} and runs/{T,S,R}/float under a folder; returns the projects."""
    projects = {}
    for label in "TSR":
        project = root / "designs" / label
        project.mkdir(parents=True)
        design = sample_design(label, depth)
        (project / "design.json").write_text(json.dumps(design))
        if results:
            _write_results(project / "build" / "results", design, label)
        _write_run(root / "runs" / label / "float", label, (depth - 2) // 2)
        projects[label] = project
    return projects


def sample_design(label: str, depth: int) -> dict[str, Any]:
    """design.json of one of the three."""
    build = _Builder(label)
    build.conv("conv1", None, 8, 1, 8)
    size, width = 8, 8
    for stage in range(3):
        for block in range((depth - 2) // 6):
            stride = 2 if stage and not block else 1
            out = 8 << stage
            build.block(f"layer{stage + 1}.{block}", size, width, out, stride)
            size, width = size // stride, out
    build.tail(size, width)
    return build.finish()


class _Builder:
    def __init__(self, label: str) -> None:
        self.label = label
        self.stages: list[dict[str, Any]] = []
        self.streams: list[dict[str, Any]] = []
        self.skips: list[dict[str, Any]] = []
        self.last: str | None = None
        self.open: tuple[int, int, int] = (8, 1, 8)

    def wire(self, source: str | None, sink: str | None, size: int, channels: int, bits: int = 8, **more: Any) -> str:
        name = "x" if source is None else "y" if sink is None else f"{source}_to_{sink}".replace(".", "_")
        stream = {
            "name": name, "source": source, "sink": sink, "shape": [size, size, channels],
            "format": f"ap_ufixed<{bits},4,AP_RND_CONV,AP_SAT>", "lanes": 1, "width_bits": bits,
            "depth_words": channels + 1, "depth_live": channels, "depth_full_rate": channels + 1,
            "storage": "srl", "role": "data", **more,
        }  # fmt: skip
        self.streams.append(stream)
        return name

    def stage(self, name: str, kind: str, size: int, channels: int, **more: Any) -> None:
        self.stages.append(
            {"name": name, "kind": kind, "reuse_factor": 1, "pe": 1, "simd": 1, "cycles": size * size * channels,
             "multipliers": 0, **({"shape": [size, size, channels]} if kind in ("clone", "add") else
                                  {"in_shape": [size, size, channels]}), **more}
        )  # fmt: skip

    def conv(self, name: str, source: str | None, size: int, cin: int, cout: int, stride: int = 1, **more: Any) -> None:
        kernel = more.pop("k", 3)
        out = size // stride
        work = kernel * kernel * cin * cout
        multipliers = max(1, work // 72)
        self.wire(source, name, size, cin)
        self.stage(
            name, "conv", size, cin, kernel=[kernel, kernel], stride=[stride, stride], out_shape=[out, out, cout],
            reuse_factor=work // multipliers, pe=1, simd=multipliers, multipliers=multipliers, relu=True,
            cycles=out * out * work // multipliers, ring_pixels=2 * size + 4, **more,
        )  # fmt: skip
        self.last = name

    def block(self, name: str, size: int, cin: int, cout: int, stride: int) -> None:
        out = size // stride
        if self.label == "T":
            clone, add = f"{name}.clone", f"{name}.add"
            self.wire(self.last, clone, size, cin)
            self.stage(clone, "clone", size, cin)
            self.conv(f"{name}.conv1", clone, size, cin, cout, stride)
            self.conv(f"{name}.conv2", f"{name}.conv1", out, cout, cout)
            self.wire(f"{name}.conv2", add, out, cout, 20)
            side = clone
            if stride > 1:
                side = f"{name}.downsample.0"
                self.conv(side, clone, size, cin, cout, stride, k=1)
            depth = (2 * out + 5) * cout
            stream = self.wire(
                side, add, out, cout, 20 if stride > 1 else 8, role="skip", storage="bram", depth_words=depth,
                depth_live=depth - 8, depth_full_rate=depth,
            )  # fmt: skip
            self.stage(add, "add", out, cout, relu=True)
            self.last = add
            self.skips.append(
                {"name": name, "implementation": "clone_fifo", "storage": "bram", "depth_pixels": 2 * out + 5,
                 "stored_bits": depth * 8, "stream": stream}
            )  # fmt: skip
            return
        for index, (channels, step) in enumerate(((cin, stride), (cout, 1))):
            short = None
            if self.label == "S":
                pixels = 0 if step > 1 else (size if index == 0 else out) + 3
                short = {
                    "name": f"{name}.{index}",
                    "depth_pixels": pixels,
                    "projection": f"{name}.shortcut" if step > 1 else None,
                }
                self.skips.append(
                    {"name": f"{name}.{index}", "implementation": "shift_register", "storage": "srl",
                     "depth_pixels": pixels, "stored_bits": pixels * channels * 8, "stream": None}
                )  # fmt: skip
            where = size if index == 0 else out
            self.conv(f"{name}.conv{index + 1}", self.last, where, channels, cout, step, short_skip=short)
        if self.label == "R":
            self.skips.append(
                {"name": name, "implementation": "none", "storage": "auto", "depth_pixels": 0, "stored_bits": 0,
                 "stream": None}
            )  # fmt: skip

    def tail(self, size: int, channels: int) -> None:
        self.wire(self.last, "avgpool", size, channels)
        self.stage("avgpool", "pool", size, channels)
        self.last = "avgpool"
        self.conv("fc", "avgpool", 1, channels, 10, k=1)
        self.wire("fc", None, 1, 10, 24)

    def finish(self) -> dict[str, Any]:
        return {
            "name": "resnet20", "part": "xcu200-fsgd2104-2-e", "clock_ns": 5.0, "family": "xcup",
            "stages": self.stages, "streams": self.streams, "skips": self.skips,
            "multipliers": sum(stage["multipliers"] for stage in self.stages),
            "predicted": {"lut": None, "ff": None, "dsp": 300, "bram36": 40.0, "latency_cycles": 9000,
                          "interval_cycles": 4608},
        }  # fmt: skip


def _write_results(folder: Path, design: dict[str, Any], label: str) -> None:
    folder.mkdir(parents=True)
    rows = [_row(stage["name"], "stage", stage["kind"], stage["multipliers"]) for stage in design["stages"]]
    rows += [_row(stream["name"], "stream", stream["storage"], 0) for stream in design["streams"]]
    total = {key: sum(row[key] for row in rows) for key in ("lut", "ff", "dsp", "bram36", "uram", "srl", "lutram")}
    yosys = {"tool": "yosys", "tool_version": "Yosys 0.70 (git sha1 28ba3cb92)", "family": "xcup", "fmax_mhz": None,
             "stage": "yosys synthesis, sum of stages", **total, "runs": 24, "cached": 0, "seconds": 190.0,
             "rows": rows}  # fmt: skip
    cosim = {"frames": 10, "mismatches": 0, "latency_cycles": {"T": 9480, "S": 8730, "R": 8712}[label],
             "interval_cycles": 4633, "cycles_per_second": 310_000.0,
             "max_occupancy": {stream["name"]: stream["depth_words"] - 1 for stream in design["streams"]}}  # fmt: skip
    files = {
        "yosys": yosys,
        "cosim": cosim,
        "csim": {"frames": 50, "mismatches": 0, "compile_seconds": 14.2, "seconds_per_frame": 0.02},
        "evaluate": {"accuracy_fixed": {"T": 95.9, "S": 95.2, "R": 94.6}[label], "images_per_second": 3120.0,
                     "images": 797, "mismatches_vs_torch": 0, "wrapped": {}},
    }  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def _row(name: str, kind: str, what: str, multipliers: int) -> dict[str, Any]:
    lut = {"conv": 220 + 40 * multipliers, "clone": 14, "add": 90, "pool": 310, "srl": 26, "bram": 38}[what]
    ff = {"conv": 160 + 12 * multipliers, "clone": 6, "add": 60, "pool": 240, "srl": 12, "bram": 30}[what]
    return {"name": name.replace(".", "_"), "kind": kind, "module": f"tailor_{what}",
            "lut": lut, "ff": ff, "dsp": multipliers, "bram36": {"conv": 1.5, "bram": 0.5}.get(what, 0.0),
            "uram": 0, "srl": 8 if what == "srl" else 0,
            "lutram": 0, "shared_with": None}  # fmt: skip


def _write_run(folder: Path, label: str, blocks: int) -> None:
    folder.mkdir(parents=True)
    accuracy = {"T": 96.1, "S": 95.4, "R": 95.1}[label]
    provenance = json.dumps({"method": "baseline", "metrics": {"accuracy": accuracy}})
    header = json.dumps({"__metadata__": {"tailor_format": "1", "provenance": provenance}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    noise = random.Random(label)
    count = 30 if label == "T" else blocks + 15
    columns = "phase,epoch,learning_rate,loss,task_loss,distill_loss,train_accuracy,validation_accuracy,test_accuracy"
    phase = "baseline" if label == "T" else "student"
    lines = [f"{columns},altered", "teacher,0,0.1,2.0,2.0,0,30,,31.5,"]
    for epoch in range(count):
        altered = f"layer{(epoch - 1) // 3 + 1}.{(epoch - 1) % 3}" if label != "T" and 1 <= epoch <= blocks else ""
        start = 60.0 if label == "T" else 95.0
        value = 96.0 - (96.0 - start) * math.exp(-epoch / 4) + noise.uniform(-1.2, 0.8)
        if altered:
            value -= noise.uniform(1, 6) * (2 if label == "R" else 1)
        loss = 0.03 + 1.8 * math.exp(-epoch / 4) * (1 if label == "T" else 0.15) + noise.uniform(0, 0.03)
        loss += 0.1 if altered else 0.0
        lines.append(f"{phase},{epoch},0.1,{loss:.4f},{loss:.4f},0,99,,{min(value, 97.5):.4f},{altered}")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
