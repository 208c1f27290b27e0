"""Every figure of the hardware in one table: builds, synthesises, routes and simulates the rows of figures.yaml.

    python bench/hardware.py                       all rows; what was measured before is taken from the cache
    python bench/hardware.py --quick               16 filters and 8x8 pixels, without routing
    python bench/hardware.py r16 t16_tap           these rows; the others keep what docs/results.json holds
    python bench/hardware.py --section networks    one section
    python bench/hardware.py --list
    python bench/hardware.py --render              the page anew from docs/results.json, nothing measured

Writes docs/results.md, docs/results.json and docs/results.png. Exit 1: an integer differs from PyTorch's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures.cases import Case, read_cases, read_figures
from figures.measure import SECTION_STEPS, STEPS, measure, measure_generate
from figures.plots import draw_results
from figures.tables import count_targets, write_results

DOCS = Path(__file__).parent.parent / "docs"
OUT = Path(__file__).parent.parent / "build" / "bench"
QUICK_STEPS = ("yosys", "cosim")
_GENERATE = "generate"
"""The section without rows: how long `tailor generate` takes."""


def main(arguments: Sequence[str]) -> int:
    """Measure the rows asked for and write the page."""
    options = _options(arguments)
    figures = read_figures()
    cases = read_cases(figures)
    chosen = [case for case in cases if _wanted(case, options)]
    if options.list:
        print("\n".join(f"{case.name:20} {case.section:12} {case.title}" for case in chosen))
        return 0
    unknown = set(options.rows) - {case.name for case in cases}
    if unknown:
        print(f"hardware.py: no row {', '.join(sorted(unknown))}; see --list", file=sys.stderr)
        return 2
    steps = QUICK_STEPS if options.quick else tuple(options.steps.split(","))
    results = _read(options.docs / "results.json")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.render:
        chosen = []
    elif _GENERATE in options.section or not (options.rows or options.section):
        results["generate"] = measure_generate(options.out)
        _tell(f"resnet110: {results['generate']}")
    for case in chosen:
        row = measure(case, options.out, steps, _tell)
        results["rows"][case.name] = _merge(results["rows"].get(case.name, {}), row)
        _write(options.docs, figures, cases, results)
    _write(options.docs, figures, cases, results)
    reached, all_of = count_targets(figures, cases, results)
    _tell(f"{reached} of {all_of} targets reached; {options.docs / 'results.md'}")
    return int(any(_mismatches(row) for row in results["rows"].values()))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="names of figures.yaml; none: all")
    parser.add_argument("--section", choices=(*SECTION_STEPS, _GENERATE), action="append", default=[])
    parser.add_argument("--steps", default=",".join(STEPS), help="of %(default)s")
    parser.add_argument("--quick", action="store_true", help="16 filters and 8x8 pixels, no routing, no networks")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the page anew")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the results go")
    parser.add_argument("--out", type=Path, default=OUT, help="where the projects go")
    return parser.parse_args(arguments)


def _wanted(case: Case, options: argparse.Namespace) -> bool:
    if options.rows:
        return case.name in options.rows
    if options.section:
        return case.section in options.section
    return not options.quick or (case.section != "networks" and case.args["filters"] == 16)


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Steps that were left out keep their figures while the design is the same."""
    return {**old, **new} if old.get("digest") == new.get("digest") else dict(new)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"rows": {}}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write(docs: Path, figures: Mapping[str, Any], cases: Sequence[Case], results: dict[str, Any]) -> None:
    """Rows in the order of the file; those it no longer names are dropped."""
    docs.mkdir(parents=True, exist_ok=True)
    results["rows"] = {case.name: results["rows"][case.name] for case in cases if case.name in results["rows"]}
    (docs / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (docs / "results.md").write_text(write_results(figures, cases, results), encoding="utf-8")
    draw_results(cases, results["rows"], docs / "results.png")


def _mismatches(row: Mapping[str, Any]) -> int:
    return sum(row.get(step, {}).get("mismatches", 0) for step in ("csim", "cosim"))


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
