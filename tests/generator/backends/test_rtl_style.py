"""The style of the SystemVerilog, by verible and the rules in `.rules.verible_lint`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.generator.backends.rtl_cases import write_rtl
from tests.generator.backends.rtl_designs import DESIGNS

ROOT = Path(__file__).parents[3]
LINT = Path(sys.executable).parent / "verible-verilog-lint"

LIBRARY = sorted((ROOT / "templates/rtl/lib").glob("*.sv"))
BENCHES = sorted([*(ROOT / "templates/rtl/tb").glob("*.sv"), *(ROOT / "tb").rglob("*.sv")])
PRIMITIVES = sorted((ROOT / "tb/models").glob("DSP*.sv"))
"""Models with the names that the vendor gave to module, parameters and ports."""


def lint(paths: Sequence[Path], *rules: str) -> list[str]:
    """What verible finds, one line each."""
    options = [f"--rules_config={ROOT / '.rules.verible_lint'}", *([f"--rules={','.join(rules)}"] if rules else [])]
    done = subprocess.run([LINT, *options, *paths], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return (done.stdout + done.stderr).splitlines()


def test_the_library_keeps_the_style() -> None:
    assert lint(LIBRARY) == []


def test_ports_of_the_library_say_their_direction() -> None:
    axis = [path for path in LIBRARY if path.name.startswith("axis_")]
    assert lint([path for path in LIBRARY if path not in axis], "port-name-suffix") == []


def test_benches_models_and_proofs_keep_the_style() -> None:
    assert lint([path for path in BENCHES if path not in PRIMITIVES]) == []
    assert lint(PRIMITIVES, "-parameter-name-style", "-signal-name-style") == []


def test_emitted_tops_keep_the_style(tmp_path: Path) -> None:
    designs = DESIGNS[::4]
    rtl = write_rtl(designs, tmp_path)
    assert lint([rtl / f"{design.name}.sv" for design in designs]) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("module bad;\n    parameter int lower_case = 1;\nendmodule\n", "parameter-name-style"),
        ("module bad;\n    logic CamelSignal;\nendmodule\n", "signal-name-style"),
        ("module bad;\n\tlogic tabbed;\nendmodule\n", "no-tabs"),
        ("module other;\nendmodule\n", "module-filename"),
        (f"module bad;\n    logic [7:0] {', '.join(f'signal_{i}' for i in range(14))};\nendmodule\n", "line-length"),
    ],
)
def test_a_breach_is_found(text: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.sv"
    path.write_text(text, encoding="utf-8")
    assert any(rule in line for line in lint([path])), lint([path])
