"""What `make prove` proves: harnesses of tb/formal, their parameters, and the faults that they must catch.

`python -m generator.tools.proofs [NAME ...]` runs all, or those whose names begin so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from generator.errors import TailorError
from generator.tools.prove import Fault, Proof, prove

_LIB = "templates/rtl/lib"


def _sources(*modules: str) -> tuple[str, ...]:
    return tuple(f"{_LIB}/{module}.sv" for module in modules)


_FIFO_SOURCES = _sources("stream_fifo", "fifo_store_ram", "fifo_store_srl", "shift_register", "dual_port_ram")
_FIFO_FAULTS = (
    Fault(source=f"{_LIB}/stream_fifo.sv", old="CountBits'(Depth - ReserveWords);", new="CountBits'(Depth);"),
    Fault(source=f"{_LIB}/stream_fifo.sv", old="store_valid && (!out_valid_q || out_ready_i)", new="store_valid"),
)
_SRL_FAULTS = (
    Fault(source=f"{_LIB}/fifo_store_srl.sv", old="push_i || last_q != '0", new="push_i"),
    Fault(source=f"{_LIB}/fifo_store_srl.sv", old="else if (push_i != pop_i)", new="else if (push_i)"),
)
_RAM_FAULTS = (
    Fault(source=f"{_LIB}/fifo_store_ram.sv", old="push_i || read_d != write_q", new="push_i || read_q != write_q"),
    Fault(
        source=f"{_LIB}/fifo_store_ram.sv",
        old="(write_q == AddressBits'(Words - 1)) ? '0 : write_q + 1'b1",
        new="write_q + 1'b1",
        depth=20,
    ),
)


def _fifo(depth: int, reserve: int, ram: bool, faulty: bool) -> Proof:
    width, words = 2, depth - 1 if depth > 4 else 3
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
    kind = "ram" if ram else "srl"
    return Proof(
        name=f"fifo {kind}, {depth} words, {reserve} a promise",
        harness="stream_fifo_proof",
        sources=_FIFO_SOURCES,
        parameters={
            "Width": width,
            "Depth": depth,
            "ReserveWords": reserve,
            "Storage": "bram" if ram else "srl",
            "IsRam": int(ram),
        },
        inside=inside,
        map_memories=ram,
        faults=((*_FIFO_FAULTS[0 if reserve > 1 else 1 :], *(_RAM_FAULTS if ram else _SRL_FAULTS)) if faulty else ()),
    )


PROOFS: tuple[Proof, ...] = (
    *(_fifo(depth, 1, ram=False, faulty=depth == 5) for depth in (1, 2, 3, 4, 5, 8)),
    *(_fifo(depth, 1, ram=True, faulty=depth == 6) for depth in (2, 4, 5, 6)),
    _fifo(6, 3, ram=False, faulty=True),
    _fifo(7, 2, ram=True, faulty=True),
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
