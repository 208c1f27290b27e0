"""The checker has nothing to say about what is emitted: every built-in network, skip and dialect."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generator.backends.hls import plan_hls
from generator.backends.hls_tcl import Dialect
from generator.build_plan import BuildPlan
from generator.config import SkipConfig
from generator.design import Implementation
from generator.tools.hls_check import run_check
from tests.generator.passes.designs import design_of, graph_of, hardware

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="the checker reads g++'s standard headers"),
    pytest.mark.slow,
]

VITIS, VIVADO = Dialect.VITIS_HLS, Dialect.VIVADO_HLS
BLOCK = {"filters": 4, "image_size": 8}
SMALL = {"width": 4, "image_size": 8}


def require_clean(
    folder: Path, dialect: Dialect, source: str, lanes: int | None, skip: SkipConfig | None = None, **args: object
) -> None:
    """The firmware of a built-in network is clean in its dialect."""
    design = design_of(graph_of(source, **args), hardware(100_000, lanes=lanes, skip=skip)).design
    marker = BuildPlan.of({"design.json": f'{{"name": "{design.name}"}}'})
    BuildPlan.merge([plan_hls(design, dialect), marker]).write(folder)
    result = run_check(folder)
    assert result.dialect is dialect
    assert [str(finding) for finding in result.findings] == []


@pytest.mark.parametrize("dialect", list(Dialect), ids=str)
@pytest.mark.parametrize("lanes", [None, 0], ids=["lean", "wide"])
def test_a_traditional_block_is_clean(tmp_path: Path, dialect: Dialect, lanes: int | None) -> None:
    require_clean(tmp_path / "net", dialect, "skip_block", lanes, **BLOCK)


@pytest.mark.parametrize("implementation", [Implementation.SHIFT_REGISTER, Implementation.CENTRE_TAP], ids=str)
def test_short_skips_are_clean(tmp_path: Path, implementation: Implementation) -> None:
    skip = SkipConfig(implementation=implementation)
    require_clean(tmp_path / "net", VITIS, "skip_block", None, skip, skips="shortened", **BLOCK)


def test_projections_and_pools_are_clean(tmp_path: Path) -> None:
    require_clean(tmp_path / "net", VIVADO, "resnet20", None, skips="shortened", **SMALL)


@pytest.mark.nightly
@pytest.mark.parametrize("dialect", list(Dialect), ids=str)
@pytest.mark.parametrize("skips", ["traditional", "removed", "shortened"])
@pytest.mark.parametrize(
    ("source", "args"),
    [
        ("skip_block", BLOCK | {"stem": 1, "style": "post"}),
        *((f"resnet{depth}", SMALL) for depth in (8, 20, 32, 44, 56, 110)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_built_in_network_is_clean(
    tmp_path: Path, source: str, args: dict[str, object], skips: str, dialect: Dialect
) -> None:
    require_clean(tmp_path / "net", dialect, source, None, skips=skips, **args)
