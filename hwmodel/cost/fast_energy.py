"""Energy per MAC without delays: a hundred thousand operands, glitches left out and estimated.

What gates spend when they have no delay is counted exactly, over many operands. Glitches come from
a short event-driven run on the same kind of operands: their share is measured there, the corrected
figure is modelled with it.
"""

import importlib.metadata
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hwmodel.cost.energy import (
    LATENCY,
    RESET_CYCLES,
    Synthesised,
    check_outputs,
    energy_of_netlist,
    interval,
    period_for,
    port_words,
)
from hwmodel.sim.gates import build_gates
from hwmodel.sim.stimulus import operands
from hwmodel.sim.zero_delay import simulate_lanes
from hwmodel.technology import CellLibrary, load_library, read_netlist
from hwmodel.units import UnitSpec

__all__ = ["FAST_VECTORS", "GLITCH_VECTORS", "FastEnergy", "estimate_energy"]

FAST_VECTORS = 1 << 18
# Products of the event-driven run that measures the share of glitches.
GLITCH_VECTORS = 512

_HOW = {
    "zero_delay_fj_per_mac": "measured, glitches left out",
    "glitch_share": f"measured on {GLITCH_VECTORS} products",
    "corrected_fj_per_mac": "modelled: zero_delay_fj_per_mac / (1 - glitch_share)",
}


@dataclass(frozen=True)
class FastEnergy:
    """Energy of a unit without glitches, and what it would be with their measured share.

    Attributes
    ----------
    spec, library, corner, wire_load, structure, stimulus, stimulus_description, clock_ns
        As in `hwmodel.cost.energy.EnergyResult`.
    zero_delay_fj_per_mac : float
        Energy in fJ a multiply-accumulate if no gate had a delay: no glitches.
    interval : tuple of float
        95 % confidence interval of it.
    internal_fj, switching_fj, clock_fj, leakage_fj : float
        Its parts.
    glitch_share : float
        Part of the whole energy that glitches take, from a short event-driven run.
    glitch_vectors : int
        Products of that run.
    corrected_fj_per_mac : float
        Modelled energy with glitches.
    toggles_per_cycle : float
        Changes of nets a cycle, the clock apart, without glitches.
    vectors, outputs_checked : int
        Products simulated; accumulator codes compared with the golden model.
    provenance : dict
        Tool versions, hashes and conditions.
    how : dict
        How each main figure came about.
    """

    spec: str
    library: str
    corner: str
    wire_load: str
    structure: str
    stimulus: str
    stimulus_description: str
    clock_ns: float
    zero_delay_fj_per_mac: float
    interval: tuple[float, float]
    internal_fj: float
    switching_fj: float
    clock_fj: float
    leakage_fj: float
    glitch_share: float
    glitch_vectors: int
    corrected_fj_per_mac: float
    toggles_per_cycle: float
    vectors: int
    outputs_checked: int
    provenance: dict[str, Any]
    how: dict[str, str] = field(default_factory=lambda: dict(_HOW))

    @property
    def split(self) -> dict[str, float]:
        """Parts of `zero_delay_fj_per_mac` by name."""
        return {
            "internal": self.internal_fj,
            "switching": self.switching_fj,
            "clock": self.clock_fj,
            "leakage": self.leakage_fj,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        return asdict(self) | {"interval": list(self.interval)}


def estimate_energy(
    spec: UnitSpec,
    synthesis_result: Synthesised,
    stimulus: str = "gaussian",
    clock_ns: float | None = None,
    vectors: int = FAST_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
) -> FastEnergy:
    """Energy per MAC without delays, with the share of glitches beside it.

    Parameters are those of `hwmodel.cost.energy.measure_energy`; nothing is kept in the store.

    Raises
    ------
    HwmodelError
        As `measure_energy`.
    """
    library = load_library() if library is None else library
    clock_ns = period_for(spec, synthesis_result, clock_ns)
    netlist = read_netlist(synthesis_result.netlist_json, library)
    short = energy_of_netlist(
        spec, netlist, library, operands(spec, stimulus, GLITCH_VECTORS, seed), clock_ns
    )
    stream = operands(spec, stimulus, max(vectors, GLITCH_VECTORS), seed)
    gates = build_gates(netlist, library)
    window = slice(RESET_CYCLES + LATENCY, RESET_CYCLES + stream.a_codes.size)
    found = simulate_lanes(gates, port_words(gates, spec, stream), window)
    checked = check_outputs(gates, spec, stream, found.outputs)
    leakage = found.leakage * clock_ns * 1e-3  # nW * ns = 1e-18 J
    parts = np.stack([found.internal, found.switching, found.clock, leakage])
    internal, switching, clock, leaked = np.average(parts, axis=1, weights=found.cycles)
    total = float(internal + switching + clock + leaked)
    # The last batch may be a short one, whose mean would weigh as much as the others'.
    whole = found.cycles >= 0.5 * found.cycles.max()
    return FastEnergy(
        spec=spec.name,
        library=library.name,
        corner=library.corner,
        wire_load=library.wire_load.name,
        structure=str(synthesis_result.structure),
        stimulus=stream.name,
        stimulus_description=stream.description,
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
        vectors=int(stream.a_codes.size),
        outputs_checked=checked,
        provenance={
            **short.provenance,
            "how": "zero-delay measured, corrected figure modelled",
            "method": "zero-delay gate-level simulation, 64 stretches in a word",
            "hwmodel": importlib.metadata.version("hwmodel"),
            "stimulus_sha256": stream.sha256(),
        },
    )
