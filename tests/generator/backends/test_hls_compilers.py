"""The emitted C++ under two compilers, every warning an error, and under their sanitizers.

The vendor's headers shift negative numbers: g++ leaves that one check out, clang++ leaves those headers out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generator.tools.csim_build import ap_types_folder
from tests.generator.backends.hls_bench import Case, run_cases
from tests.generator.backends.test_hls_csim import MEANS as MEANS
from tests.generator.backends.test_hls_csim import block, chain, find_differences, mean, random_conv, tapped

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
CASES = (
    chain("chain"),
    block("block"),
    mean("mean", *MEANS[1]),
    *(random_conv(seed) for seed in range(2)),
    *(tapped(f"tapped_{seed}", seed, post=seed % 2 == 1) for seed in range(2)),
)

pytestmark = pytest.mark.slow


def needs(compiler: str) -> pytest.MarkDecorator:
    """Skips a test where a compiler is missing."""
    return pytest.mark.skipif(shutil.which(compiler) is None, reason=f"{compiler} is not installed")


def require_equal(folder: Path, compiler: str, flags: tuple[str, ...], cases: tuple[Case, ...] = CASES) -> None:
    """All cases compile without a warning, run without a fault, and equal numpy."""
    outputs = run_cases(cases, folder, compiler=compiler, flags=flags)
    for case in cases:
        runs = outputs[case.design.name]
        assert find_differences(case, runs) == [0] * len(runs), case.design.name


@needs("clang++")
def test_clang_compiles_without_a_warning_and_finds_no_fault(tmp_path: Path) -> None:
    ignored = tmp_path / "ignored.txt"
    ignored.write_text(f"src:{ap_types_folder()}/*\n")
    require_equal(tmp_path, "clang++", (*SANITIZERS, f"-fsanitize-ignorelist={ignored}"))


@pytest.mark.nightly
@needs("g++")
def test_sanitizers_of_gcc_find_nothing(tmp_path: Path) -> None:
    require_equal(tmp_path, "g++", (*SANITIZERS, "-fno-sanitize=shift"))


@pytest.mark.nightly
@needs("g++")
def test_a_sanitizer_that_finds_something_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"runtime error: left shift"):
        require_equal(tmp_path, "g++", SANITIZERS, CASES[:1])
