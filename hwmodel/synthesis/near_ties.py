"""Which of several netlists of nearly the same area is taken: energy is weighed against area.

Among what a search finds there are netlists whose areas differ by less than the mapping's own
noise and whose energies differ by up to half, for one of them glitches more. Area alone would draw
lots among them. So one hundredth of area is given for ten of energy, smoothly and not as a rank
within a margin: then a small change of either figure matters little. What is compared here is a
short run of the event-driven simulation, on the same operands for all; the figure that is reported
is measured later and on many more.
"""

from hwmodel.sim.activity import METHOD_VERSION, simulate_gates
from hwmodel.sim.feeding import counted_cycles, port_bits
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.store import Store, content_key
from hwmodel.synthesis.mapping import Mapped, load_netlist
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.netlist import read_netlist
from hwmodel.units import UnitSpec

__all__ = ["MOST_COMPARED", "RULE", "TOLERANCE", "price", "quick_energy"]

# Netlists within this share of the least area are compared; the smallest ones, and so many.
TOLERANCE, MOST_COMPARED = 0.02, 8
# Weight of the logarithm of energy beside that of area.
_WEIGHT = 0.1
_STIMULUS, _VECTORS, _SEED = "gaussian", 1024, 1
_KIND = "near-tie"
# The rule in words, for the record of a result.
RULE = (
    f"of the netlists within {TOLERANCE:.0%} of the least area the one with the least"
    f" area * energy**{_WEIGHT:g} (energy under {_STIMULUS} operands)"
)


def price(area_um2: float, energy_fj: float) -> float:
    """Smaller is better: area, a hundredth of which is given for ten hundredths of energy."""
    return area_um2 * energy_fj**_WEIGHT


def quick_energy(
    spec: UnitSpec, mapped: Mapped, library: CellLibrary, store: Store, clock_ns: float | None
) -> float:
    """Energy in fJ per MAC of a netlist, glitches included, on a thousand Gaussian operands.

    Parameters
    ----------
    spec
        The unit.
    mapped
        A finished run.
    library
        Its cells, with power tables.
    store
        Where netlists and finished figures are kept.
    clock_ns
        Clock period; the netlist's own if None.

    Raises
    ------
    HwmodelError
        The netlist cannot be simulated (a cell of a kind that the simulation does not know).
    """
    stream = operands(spec, _STIMULUS, _VECTORS, _SEED)
    key = content_key(
        method=METHOD_VERSION,
        mapped=mapped.key,
        library=library.sha256,
        stimulus=stream.sha256(),
        clock=clock_ns,
    )
    known = store.load(_KIND, key)
    if known is None:
        gates = build_gates(read_netlist(load_netlist(mapped, store), library), library)
        period = mapped.delay_ns if clock_ns is None else clock_ns
        bits, window = port_bits(gates, spec, stream), counted_cycles(stream)
        spent = simulate_gates(gates, bits, period, count=window).energy(period)
        known = store.save(_KIND, key, {"fj_per_mac": float(spent[window].mean())})
    return float(known["fj_per_mac"])
