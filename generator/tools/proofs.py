"""What `make prove` proves: harnesses of tb/formal, their parameters, and the faults that they must catch.

`python -m generator.tools.proofs [NAME ...]` runs all, or those whose names begin so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from generator.errors import TailorError
from generator.tools.proofs_conv import CONV_PROOFS
from generator.tools.proofs_mac import MAC_PROOFS
from generator.tools.prove import LIBRARY_PATH, Fault, Proof, modules, prove

_FIFO_SOURCES = modules("stream_fifo", "fifo_store_ram", "fifo_store_srl", "shift_register", "dual_port_ram")
_FIFO_FAULTS = (
    Fault(source=f"{LIBRARY_PATH}/stream_fifo.sv", old="CountBits'(Depth - ReserveWords);", new="CountBits'(Depth);"),
    Fault(
        source=f"{LIBRARY_PATH}/stream_fifo.sv", old="store_valid && (!out_valid_q || out_ready_i)", new="store_valid"
    ),
)
_SRL_FAULTS = (
    Fault(source=f"{LIBRARY_PATH}/fifo_store_srl.sv", old="push_i || last_q != '0", new="push_i"),
    Fault(source=f"{LIBRARY_PATH}/fifo_store_srl.sv", old="else if (push_i != pop_i)", new="else if (push_i)"),
)
_RAM_FAULTS = (
    Fault(
        source=f"{LIBRARY_PATH}/fifo_store_ram.sv", old="push_i || read_d != write_q", new="push_i || read_q != write_q"
    ),
    Fault(
        source=f"{LIBRARY_PATH}/fifo_store_ram.sv",
        old="(write_q == AddressBits'(Words - 1)) ? '0 : write_q + 1'b1",
        new="write_q + 1'b1",
        depth=20,
    ),
)

_CLAIM_FAULTS = (
    Fault(
        source=f"{LIBRARY_PATH}/stream_fifo.sv", old="unclaimed_q >= CountBits'(ClaimWords)", new="unclaimed_q != '0"
    ),
)


def _fifo(depth: int, reserve: int, ram: bool, faulty: bool, claim: int = 0, registered: bool = True) -> Proof:
    width, words = 2, max(3, depth - 1 if registered else depth)
    store = "dut.gen_ram.i_store" if ram else "dut.gen_srl.i_store"
    inside = {"dut_valid": f"{store}.valid_q", "dut_promised": "dut.promised_q"}
    if ram:
        inside |= {f"gen_ram.dut_{name}": f"{store}.{name}_q" for name in ("write", "read")}
        inside |= {"gen_ram.dut_pop": f"{store}.pop_i"}
        inside |= {
            f"gen_ram.dut_words[{(i + 1) * width - 1}:{i * width}]": f"{store}.i_ram.memory[{i}]" for i in range(words)
        }
    else:
        inside |= {"gen_srl.dut_last": f"{store}.last_q"}
        inside |= {
            f"gen_srl.dut_taps[{(b + 1) * words - 1}:{b * words}]": f"{store}.i_shift.gen_bit[{b}].taps_q"
            for b in range(width)
        }
    if claim:
        inside |= {"gen_claims.dut_unclaimed": "dut.gen_claim.unclaimed_q"}
    kind = "ram" if ram else "srl"
    claims = (f", {claim} a claim" if claim else "") + ("" if registered else ", unregistered")
    faults = (*_FIFO_FAULTS[0 if reserve > 1 else 1 :], *(_RAM_FAULTS if ram else _SRL_FAULTS))
    return Proof(
        name=f"fifo {kind}, {depth} words, {reserve} a promise{claims}",
        harness="stream_fifo_proof",
        sources=_FIFO_SOURCES,
        parameters={
            "Width": width,
            "Depth": depth,
            "ReserveWords": reserve,
            "ClaimWords": claim,
            "Registered": int(registered),
            "Storage": "bram" if ram else "srl",
            "IsRam": int(ram),
        },
        inside=inside,
        map_memories=ram,
        faults=(_CLAIM_FAULTS if claim else faults) if faulty else (),
    )


def _clone(promised: bool) -> Proof:
    source = f"{LIBRARY_PATH}/clone_stage.sv"
    if promised:
        changes = (
            ("(Promised || in_ready_o)", "in_ready_o"),
            ("second_data_o = in_data_i", "second_data_o = ~in_data_i"),
        )
    else:
        changes = (
            ("first_room_i && second_room_i", "first_room_i"),
            ("second_valid_o = pass", "second_valid_o = in_valid_i"),
        )
    faults = [Fault(source=source, old=old, new=new) for old, new in changes]
    return Proof(
        name=f"clone, {'promised words' if promised else 'valid and ready'}",
        harness="clone_stage_proof",
        sources=modules("clone_stage"),
        parameters={"Promised": int(promised)},
        faults=tuple(faults),
    )


_ADD = Proof(
    name="add",
    harness="add_stage_proof",
    sources=modules("add_stage", "align_add", "requantize"),
    faults=(
        Fault(
            source=f"{LIBRARY_PATH}/add_stage.sv",
            old="main_ready_o = skip_valid_i && out_room_i",
            new="main_ready_o = out_room_i",
        ),
        Fault(
            source=f"{LIBRARY_PATH}/add_stage.sv",
            old="main_valid_i && skip_valid_i && out_room_i",
            new="main_valid_i && skip_valid_i",
        ),
        Fault(
            source=f"{LIBRARY_PATH}/requantize.sv",
            old="assign increment = wide[Down-1];",
            new="assign increment = 1'b0;",
        ),
    ),
)

PROOFS: tuple[Proof, ...] = (
    *(_fifo(depth, 1, ram=False, faulty=depth == 5) for depth in (1, 2, 3, 4, 5, 8)),
    *(_fifo(depth, 1, ram=True, faulty=depth == 6) for depth in (2, 4, 5, 6)),
    _fifo(6, 3, ram=False, faulty=True),
    _fifo(7, 2, ram=True, faulty=True),
    _fifo(5, 1, ram=False, faulty=True, claim=2),
    _fifo(6, 1, ram=True, faulty=False, claim=3),
    *(_fifo(depth, 1, ram=False, faulty=False, registered=False) for depth in (1, 2, 3, 5)),
    _fifo(4, 2, ram=False, faulty=False, claim=2, registered=False),
    _clone(promised=False),
    _clone(promised=True),
    _ADD,
    *CONV_PROOFS,
    *MAC_PROOFS,
)
"""In the order in which they are run."""


def main(names: Sequence[str]) -> int:
    """Run proofs; 1 if one does not hold, or a fault was not caught."""
    wanted = [proof for proof in PROOFS if not names or proof.name.startswith(tuple(names))]
    begin = time.monotonic()
    try:
        outcomes = prove(wanted)
    except TailorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(outcomes)} runs, {time.monotonic() - begin:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
