"""The proofs about MAC cells: those of both families against their behavioural twin, and the packed pair."""

from __future__ import annotations

from generator.tools.prove import LIBRARY_PATH, Fault, Proof, modules

_MAC_SOURCES = (
    *modules("mac_cell", "mac_cell_generic", "mac_cell_xcup", "mac_cell_xc7", "multiply", "booth_row"),
    *(f"tb/models/{name}.sv" for name in ("DSP48E1", "DSP48E2", "dsp48_model", "dsp48_register")),
)


def _mac(family: str, faults: tuple[Fault, ...] = (), **parameters: int) -> Proof:
    title = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return Proof(
        name=f"mac {family}{', ' if title else ''}{title}",
        harness="mac_cell_proof",
        sources=_MAC_SOURCES,
        parameters={"Family": family, **parameters},
        depth=6,
        faults=faults,
    )


def _cell_faults(family: str) -> tuple[Fault, ...]:
    source = f"{LIBRARY_PATH}/mac_cell_{family}.sv"
    return (
        Fault(source=source, old=".MREG(1)", new=".MREG(0)"),
        Fault(source=source, old=".CREG(1)", new=".CREG(0)"),
        Fault(source=source, old="PreAdd && add_d_i", new="1'b0"),
    )


_MACS = (
    *(_mac("xcup", ABits=bits, WBits=bits, PBits=2 * bits + 8) for bits in (4, 6)),
    _mac("xcup", _cell_faults("xcup"), WeightDelay=1, OneShift=2),
    _mac("xcup", ASigned=0, WSigned=0, OneShift=1, Chained=1),
    _mac("xc7", ABits=6, WBits=5, PBits=20, ASigned=0, Chained=1),
    _mac("xc7", _cell_faults("xc7"), OneShift=2, Chained=1),
    _mac("xc7", WeightDelay=1, WSigned=0),
)

_PAIR = f"{LIBRARY_PATH}/mac_pair.sv"


def _pair(family: str, *faults: Fault, **parameters: int) -> Proof:
    port = {"xcup": 27, "xc7": 25}[family]
    title = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return Proof(
        name=f"pair {family}, {title}",
        harness="mac_pair_proof",
        sources=(_PAIR, *_MAC_SOURCES),
        parameters={"Family": family, "PortBits": port, **parameters},
        inside={"dut_count": "dut.gen_packed.count", "dut_above": "dut.gen_packed.above"},
        depth=6,
        faults=faults,
    )


_PAIRS = (
    _pair(
        "xcup",
        Fault(source=_PAIR, old="before_q == 2'b11 && p[Split-1:Split-2] == 2'b00", new="1'b0"),
        Fault(source=_PAIR, old="- PBits'(signed'(count))", new=""),
        PBits=25,
    ),
    _pair("xcup", ASigned=0, WeightDelay=1, Chained=1, PBits=25),
    _pair("xc7", PBits=23, WeightDelay=1),
)

MAC_PROOFS: tuple[Proof, ...] = (*_MACS, *_PAIRS)
