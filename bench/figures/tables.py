"""docs/results.md: every figure beside its target and, where there is one, the paper's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from figures.cases import RESOURCES, Case, limit_of

Rows = Mapping[str, Mapping[str, Any]]

NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36"}


def write_results(figures: Mapping[str, Any], cases: Sequence[Case], results: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        figures: figures.yaml.
        results: `rows` by case, and `generate`.
    """
    rows: Rows = results["rows"]
    parts = [
        _HEAD,
        _blocks(cases, rows),
        _timing(figures, cases, rows),
        _cycles(figures, cases, rows),
        _pixel_wide(figures, cases, rows),
        _networks(figures, cases, rows),
        _speed(figures, rows, results.get("generate", {})),
        _notes(figures),
        _failures(cases, rows),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def count_targets(figures: Mapping[str, Any], cases: Sequence[Case], results: Mapping[str, Any]) -> tuple[int, int]:
    """(reached, all) of the figures that have been measured and have a target."""
    text = write_results(figures, cases, results).removeprefix(_HEAD.strip())
    reached, missed = text.count(_REACHED), text.count(_MISSED)
    return reached, reached + missed


_REACHED, _MISSED, _OPEN = "✓", "✗", "–"

_HEAD = """# Results

Written by `make bench` (bench/hardware.py; the rows are bench/figures.yaml). ✓ reached, ✗ missed, – not measured.
"""

_BLOCKS = """## Resources of skip blocks

32x32 pixels, two 3x3 convs, reuse factor 576, TRN and WRAP unless the row says otherwise. Ours: Yosys
`synth_xilinx -family xcup -flatten -noiopad -noclkbuf` of the whole top with its AXI-Stream ports, before placement;
LUT = LUT1-6 + INV + SRL + LUT memory. Paper: Tables V and VI, Vivado place and route of three convs made by hls4ml.

![Resources beside the targets](results.png)
"""


def _blocks(cases: Sequence[Case], rows: Rows) -> str:
    body = []
    for case in _of(cases, "blocks"):
        measured = rows.get(case.name, {}).get("yosys", {})
        cells = [_against(measured.get(key), limit_of(case, key, rows)) for key in RESOURCES]
        paper = " / ".join(_number(case.paper[key]) for key in RESOURCES) if case.paper else _OPEN
        body.append([case.title, *cells, paper])
    head = ["skip_block 32x32", *(f"{NAMES[key]} (target)" for key in RESOURCES), "paper LUT / FF / DSP / BRAM36"]
    return _BLOCKS + "\n" + _table(head, body)


_TIMING = """## Clock

The same flattened RTL, its DSPs and memories inferred, placed and routed by nextpnr on a Lattice LFE5U-85F of speed
grade 8: a guard for the length of paths, no figure of the part above. Target: {goal} MHz.
"""


def _timing(figures: Mapping[str, Any], cases: Sequence[Case], rows: Rows) -> str:
    goal = figures["timing"]["fmax_mhz"]
    body = []
    for case in _of(cases, "blocks"):
        routed = rows.get(case.name, {}).get("route", {})
        cells = [_number(routed.get(key)) for key in RESOURCES]
        body.append([case.title, _against(routed.get("fmax_mhz"), goal, least=True), *cells])
    head = ["skip_block 32x32", "Fmax, MHz (target)", "LUT4", "FF", "18x18", "BRAM of 18 Kbit / 2"]
    return _TIMING.format(goal=goal) + "\n" + _table(head, body)


_CYCLES = """## Cycles

Verilator, source always valid, sink always ready. Interval: last beats of successive frames; one frame: first beat in
to last beat out, from idle. Bound: {bound:,} cycles, the beats of one conv without those on padding. The paper's
23.38 ms are 4.68 million cycles if its clock is 5 ns.
"""


def _cycles(figures: Mapping[str, Any], cases: Sequence[Case], rows: Rows) -> str:
    goals = figures["cycles"]
    body = []
    for case in _of(cases, "blocks"):
        run = rows.get(case.name, {}).get("cosim", {})
        cells = [_against(run.get(key), goals[key]) for key in ("interval_cycles", "latency_cycles")]
        body.append([case.title, *cells, _number(run.get("mismatches"))])
    for case in _of(cases, "small"):
        row = rows.get(case.name, {})
        run, slowest = row.get("cosim", {}), row.get("design", {}).get("slowest_stage")
        goal = int(figures["small_ratio"] * slowest) if slowest else None
        body.append([case.title, _against(run.get("interval_cycles"), goal), _number(run.get("latency_cycles")),
                     _number(run.get("mismatches"))])  # fmt: skip
    head = ["skip_block", "interval (target)", "one frame (target)", "wrong integers"]
    return _CYCLES.format(bound=goals["bound"]) + "\n" + _table(head, body) + "\n\n" + _equal(cases, rows)


def _equal(cases: Sequence[Case], rows: Rows) -> str:
    """Whether T, S and R take the same time."""
    intervals = {
        case.args["skips"]: run["interval_cycles"]
        for case in _of(cases, "blocks")
        if case.args["filters"] == 16 and (run := rows.get(case.name, {}).get("cosim"))
    }
    if len(intervals) < 3:
        return ""
    mark = _REACHED if len(set(intervals.values())) == 1 else _MISSED
    shown = ", ".join(f"{name} {_number(value)}" for name, value in sorted(intervals.items()))
    return f"Intervals of T, S and R equal: {mark} ({shown})."


_WIDE = """## The paper's way

`Stream: {Lanes: C}`, `clone_fifo`, `shift_register`: streams of a whole pixel, as hls4ml builds them. The depths come
from the sizing, not from the paper; the memories from the emitted C++'s FIFOs by Vivado HLS's rule (one FIFO a channel,
above 1,024 bits one RAMB18, else shift registers).
"""


def _pixel_wide(figures: Mapping[str, Any], cases: Sequence[Case], rows: Rows) -> str:
    wide, body, brams = figures["pixel_wide"], [], {}
    for case in _of(cases, "pixel_wide"):
        design = rows.get(case.name, {}).get("design")
        if design is None:
            continue
        bram36 = sum(fifo["bram36"] for fifo in design["fifos"])
        brams[case.args["filters"], case.args["skips"]] = bram36
        depths = sorted(depth for _, depth in design["skips"]) or [0]
        goal = wide["depths"][case.args["skips"]]
        reached = min(depths) >= min(goal) and max(depths) <= max(goal)
        shown = f"{', '.join(map(str, depths))} ({' to '.join(map(str, goal))}) {_REACHED if reached else _MISSED}"
        body.append([case.title, shown, _number(bram36)])
    text = [_WIDE, _table(["skip_block 32x32", "skip memory, px (paper)", "BRAM36 of FIFOs"], body)]
    differences = [
        [f"{filters} filters, T - R", _exactly(brams[filters, "traditional"] - brams[filters, "removed"], goal)]
        for filters, goal in wide["bram36"].items()
        if (filters, "traditional") in brams and (filters, "removed") in brams
    ]
    text.append(_table(["", "BRAM36 (paper, Table VI)"], differences))
    fifos = [
        [case.title, f"`{fifo['name']}`", str(fifo["channels"]), str(fifo["depth"]), _number(fifo["bits"]),
         _number(fifo["bram36"])]
        for case in _of(cases, "pixel_wide")
        if case.args["filters"] == 16
        for fifo in rows.get(case.name, {}).get("design", {}).get("fifos", [])
    ]  # fmt: skip
    text.append(_table(["block", "FIFO", "channels", "depth, px", "bits a channel", "BRAM36"], fifos))
    return "\n\n".join(part.strip() for part in text if part.strip())


_NETWORKS = """## ResNet-20

3x32x32, width 16. Resources: Yosys for 7 series, the sum of all stages and streams, against an XC7Z020's {part}.
Exactness: 3 frames of the C++ and of the SystemVerilog against PyTorch. Use: total MACs / (interval x multipliers),
target {use}. MACs per DSP and cycle: the paper's block has {paper}, the best published residual accelerator about
{best}.
"""


def _networks(figures: Mapping[str, Any], cases: Sequence[Case], rows: Rows) -> str:
    goals = figures["networks"]
    part, use, body = goals["part"], goals["utilisation"], []
    removed = {case.group: rows[case.name]["yosys"] for case in _of(cases, "networks")
               if case.args["skips"] == "removed" and "yosys" in rows.get(case.name, {})}  # fmt: skip
    for case in _of(cases, "networks"):
        row = rows.get(case.name, {})
        yosys, cosim, csim, design = (row.get(step, {}) for step in ("yosys", "cosim", "csim", "design"))
        interval, packed = cosim.get("interval_cycles"), goals["rows"][case.name]["packed"]
        goal = goals["packed_interval_cycles" if packed else "interval_cycles"]
        used = design["macs"] / (interval * design["multipliers"]) if interval else None
        rate = design["macs"] / (interval * yosys["dsp"]) if interval and yosys.get("dsp") else None
        body.append([
            case.title,
            *(_against(yosys.get(key), part[key]) for key in RESOURCES),
            _against(interval, goal),
            _against(None if used is None else round(used, 3), use, least=True),
            _number(None if rate is None else round(rate, 2)),
            " / ".join(_number(run.get("mismatches")) for run in (csim, cosim)),
        ])  # fmt: skip
    head = ["", *(f"{NAMES[key]} (part)" for key in RESOURCES), "interval (target)", "use (target)",
            "MACs / DSP / cycle", "wrong integers, C++ / RTL"]  # fmt: skip
    shares = [_share(case, rows, removed) for case in _of(cases, "networks") if case.args["skips"] == "shortened"]
    title = _NETWORKS.format(
        part=" / ".join(_number(part[key]) for key in RESOURCES),
        use=f"{use:.2f}",
        paper=goals["macs_per_dsp"]["paper"],
        best=goals["macs_per_dsp"]["best published"],
    )
    return "\n\n".join((title.strip(), _table(head, body), "\n".join(line for line in shares if line))).strip()


def _share(case: Case, rows: Rows, removed: Mapping[str, Mapping[str, Any]]) -> str:
    """S held against R: 2 % of the LUTs, the same DSPs and block RAMs."""
    mine, base = rows.get(case.name, {}).get("yosys"), removed.get(case.group)
    if mine is None or base is None:
        return ""
    more = 100 * (mine["lut"] / base["lut"] - 1)
    reached = more <= 2 and (mine["dsp"], mine["bram36"]) == (base["dsp"], base["bram36"])
    return (
        f"- {case.title} against R: {more:+.1f} % LUT, {mine['dsp'] - base['dsp']:+d} DSP, "
        f"{mine['bram36'] - base['bram36']:+g} BRAM36 (target: at most +2 %, +0, +0) {_REACHED if reached else _MISSED}"
    )


_SPEED = """## Speed of the tool

Seconds of wall clock unless the row says CPU, and simulated cycles a second, on the machine that ran this{load}.
"""


def _speed(figures: Mapping[str, Any], rows: Rows, generate: Mapping[str, Any]) -> str:
    goals, networks = figures["speed"], figures["networks"]
    block = rows.get("r16", {}).get("cosim", {})
    body = [
        ["`tailor generate resnet110`, s", _against(generate.get("generate_seconds"), goals["generate_seconds"])],
        ["the same, CPU s", _number(generate.get("generate_cpu_seconds"))],
        ["sizing of ResNet-110, CPU s", _against(generate.get("sizing_cpu_seconds"), goals["sizing_seconds"])],
        ["cosim of the 16-filter block, cycles/s",
         _against(block.get("cycles_per_second"), goals["cycles_per_second"], least=True)],
    ]  # fmt: skip
    for name, row in rows.items():
        cosim = row.get("cosim", {})
        if row["section"] == "networks" and cosim:
            speed = _against(cosim["cycles_per_second"], networks["cycles_per_second"], least=True)
            body.append([f"cosim of {row['title']}, cycles/s", speed])
            compile_s = _against(cosim["compile_seconds"], networks["compile_seconds"])
            body.append([f"compilation of its simulation ({name}), s", compile_s])
    load = f" (`generate` at a load average of {generate['load']})" if "load" in generate else ""
    return _SPEED.format(load=load) + "\n" + _table(["", "measured (target)"], body)


def _notes(figures: Mapping[str, Any]) -> str:
    lines = "\n".join(f"- {note}" for note in figures.get("notes", ()))
    return f"## Notes\n\n{lines}" if lines else ""


def _failures(cases: Sequence[Case], rows: Rows) -> str:
    lines = [
        f"- {case.title} ({case.name}), {step}: {message.splitlines()[0]}"
        for case in cases
        for step, message in rows.get(case.name, {}).get("errors", {}).items()
    ]
    return "## What failed\n\n" + "\n".join(lines) if lines else ""


def _of(cases: Sequence[Case], section: str) -> Iterable[Case]:
    return (case for case in cases if case.section == section)


def _against(value: float | None, goal: float | None, least: bool = False) -> str:
    """`397 (<= 400) ✓`."""
    if value is None:
        return _OPEN if goal is None else f"{_OPEN} ({'≥' if least else '≤'} {_number(goal)})"
    if goal is None:
        return _number(value)
    reached = value >= goal if least else value <= goal
    return f"{_number(value)} ({'≥' if least else '≤'} {_number(goal)}) {_REACHED if reached else _MISSED}"


def _exactly(value: float, goal: float) -> str:
    return f"{_number(value)} ({_number(goal)}) {_REACHED if value == goal else _MISSED}"


def _number(value: float | None) -> str:
    if value is None:
        return _OPEN
    return f"{value:,.10g}"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    if not body:
        return ""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)])
