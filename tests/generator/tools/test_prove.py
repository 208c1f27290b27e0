"""The runner of the proofs: verdicts, planted faults, and what it says when something is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.errors import CheckFailed, ToolError
from generator.tools.proofs import PROOFS, main
from generator.tools.prove import Fault, Method, prove

CLONE = next(proof for proof in PROOFS if proof.name == "clone, valid and ready")


def test_a_proof_holds_and_its_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    proof = replace(CLONE, faults=CLONE.faults[:1])
    outcomes = prove([proof])
    assert [outcome.passed for outcome in outcomes] == [True, True]
    assert outcomes[0].words == "holds in every cycle"
    assert outcomes[1].words.startswith("caught (clone_stage_proof.")
    assert capsys.readouterr().out.count("ok ") == 2


def test_a_fault_that_changes_nothing_is_reported() -> None:
    harmless = Fault(
        source="templates/rtl/lib/clone_stage.sv",
        old="assign pass = in_valid_i",
        new="assign pass = in_valid_i",
        depth=4,
    )
    proof = replace(CLONE, faults=(harmless,), method=Method.BMC, depth=4)
    with pytest.raises(CheckFailed, match=r"1 of 2 runs .*\n.*fault in clone_stage.sv: not caught in 4 cycles"):
        prove([proof])


def test_a_fault_that_is_not_there_is_refused() -> None:
    stray = Fault(source="templates/rtl/lib/clone_stage.sv", old="no such text", new="")
    with pytest.raises(ToolError, match="expected 'no such text' once, found it 0 times"):
        prove([replace(CLONE, faults=(stray,))])


def test_a_script_joins_signals_and_sets_parameters() -> None:
    proof = replace(CLONE, parameters={"Width": 3, "Storage": "srl", "Shift": -1}, inside={"dut_a": "dut.a"})
    script = proof.script()
    assert 'chparam -set Width 3 -set Storage "srl" -set Shift 32\'sb' + "1" * 32 + " clone_stage_proof" in script
    assert script.index("flatten") < script.index("connect -nounset -set dut_a dut.a")


def test_every_kind_is_proved_with_faults() -> None:
    kinds = {proof.name.split()[0].strip(",") for proof in PROOFS}
    assert kinds == {"fifo", "clone", "add", "ring", "direct", "join", "mac", "pair"}
    assert kinds == {proof.name.split()[0].strip(",") for proof in PROOFS if proof.faults}
    assert len({proof.name for proof in PROOFS}) == len(PROOFS)


@pytest.mark.nightly
def test_everything_is_proved() -> None:
    assert main([]) == 0
