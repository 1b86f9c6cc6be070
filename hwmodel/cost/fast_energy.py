"""Energy per MAC without delays: a hundred thousand operands, glitches left out and estimated.

What gates spend when they have no delay is counted exactly, over many operands. Glitches come from
a short event-driven run on the same kind of operands: their share is measured there, the corrected
figure is modelled with it.
"""

import importlib.metadata
from dataclasses import dataclass, field

import numpy as np

from hwmodel.cost.energy import (
    Synthesised,
    energy_of_netlist,
    interval,
    period_for,
)
from hwmodel.cost.energy_record import EnergyRecord, conditions
from hwmodel.sim.activity import METHOD_VERSION
from hwmodel.sim.feeding import check_outputs, counted_cycles, port_words
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import Stimulus, operands
from hwmodel.sim.zero_delay import simulate_lanes
from hwmodel.store import Store, content_key
from hwmodel.technology import CellLibrary, Netlist, load_library, read_netlist
from hwmodel.units import UnitSpec

__all__ = [
    "FAST_VECTORS",
    "GLITCH_VECTORS",
    "FastEnergy",
    "estimate_energy",
    "fast_energy_of_netlist",
]

FAST_VECTORS = 1 << 18
# Products of the event-driven run that measures the share of glitches.
GLITCH_VECTORS = 512
# Raise when the same netlist and stimulus give other figures than before.
_VERSION = 1

_HOW = {
    "zero_delay_fj_per_mac": "measured, glitches left out",
    "glitch_share": f"measured on {GLITCH_VECTORS} products",
    "corrected_fj_per_mac": "modelled: zero_delay_fj_per_mac / (1 - glitch_share)",
}


@dataclass(frozen=True, kw_only=True)
class FastEnergy(EnergyRecord):
    """Energy of a unit without glitches, and what it would be with their measured share.

    Toggles, parts and interval are those of the run without glitches.

    Attributes
    ----------
    zero_delay_fj_per_mac : float
        Energy in fJ a multiply-accumulate if no gate had a delay: no glitches.
    glitch_vectors : int
        Products of the event-driven run that measured the share of glitches.
    corrected_fj_per_mac : float
        Modelled energy with glitches.
    how : dict
        How each main figure came about.
    """

    zero_delay_fj_per_mac: float
    glitch_vectors: int
    corrected_fj_per_mac: float
    how: dict[str, str] = field(default_factory=lambda: dict(_HOW))


def estimate_energy(
    spec: UnitSpec,
    synthesis_result: Synthesised,
    stimulus: str = "gaussian",
    clock_ns: float | None = None,
    vectors: int = FAST_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
    store: Store | None = None,
) -> FastEnergy:
    """Energy per MAC without delays, with the share of glitches beside it.

    Parameters are those of `hwmodel.cost.energy.measure_energy`.

    Raises
    ------
    HwmodelError
        As `measure_energy`.
    """
    library = load_library() if library is None else library
    store = Store() if store is None else store
    clock_ns = period_for(spec, synthesis_result, clock_ns)
    netlist = read_netlist(synthesis_result.netlist_json, library)
    structure = str(synthesis_result.structure)
    few = operands(spec, stimulus, GLITCH_VECTORS, seed)
    many = operands(spec, stimulus, max(vectors, GLITCH_VECTORS), seed)
    key = content_key(
        version=_VERSION,
        event_version=METHOD_VERSION,
        spec=spec.name,
        netlist=netlist.sha256(),
        library=library.sha256,
        stimulus=many.sha256(),
        glitch_stimulus=few.sha256(),
        description=many.description,
        clock_ns=clock_ns,
        structure=structure,
    )
    entry = store.load("energy-fast", key)
    if entry is None:
        result = fast_energy_of_netlist(spec, netlist, library, few, many, clock_ns, structure)
        entry = store.save("energy-fast", key, result.to_dict())
    return FastEnergy.from_dict(entry)


def fast_energy_of_netlist(
    spec: UnitSpec,
    netlist: Netlist,
    library: CellLibrary,
    few: Stimulus,
    many: Stimulus,
    clock_ns: float,
    structure: str = "",
) -> FastEnergy:
    """Energy of a mapped netlist without delays under `many`, share of glitches under `few`.

    The other parameters are those of `hwmodel.cost.energy.energy_of_netlist`.

    Raises
    ------
    HwmodelError
        As `energy_of_netlist`.
    """
    short = energy_of_netlist(spec, netlist, library, few, clock_ns)
    gates = build_gates(netlist, library)
    found = simulate_lanes(gates, port_words(gates, spec, many), counted_cycles(many))
    checked = check_outputs(gates, spec, many, found.outputs)
    leakage = found.leakage * clock_ns * 1e-3  # nW * ns = 1e-18 J
    parts = np.stack([found.internal, found.switching, found.clock, leakage])
    internal, switching, clock, leaked = np.average(parts, axis=1, weights=found.cycles)
    total = float(internal + switching + clock + leaked)
    # The last batch may be a short one, whose mean would weigh as much as the others'.
    whole = found.cycles >= 0.5 * found.cycles.max()
    return FastEnergy(
        **conditions(spec, library, many),
        structure=structure,
        clock_ns=clock_ns,
        zero_delay_fj_per_mac=total,
        interval=interval(total, parts.sum(axis=0)[whole]),
        internal_fj=float(internal),
        switching_fj=float(switching),
        clock_fj=float(clock),
        leakage_fj=float(leaked),
        glitch_share=short.glitch_share,
        glitch_vectors=short.vectors,
        corrected_fj_per_mac=total / (1.0 - short.glitch_share),
        toggles_per_cycle=float(found.toggles.sum() / found.cycles.sum()),
        outputs_checked=checked,
        provenance={
            **short.provenance,
            "how": "zero-delay measured, corrected figure modelled",
            "method": "zero-delay gate-level simulation, 64 stretches in a word",
            "method_version": _VERSION,
            "glitch_method_version": METHOD_VERSION,
            "hwmodel": importlib.metadata.version("hwmodel"),
            "stimulus_sha256": many.sha256(),
        },
    )
