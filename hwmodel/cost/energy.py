"""Energy per MAC of a mapped netlist under a named operand stream.

The netlist is simulated with the delays of its cells; every event on every net is counted with
the library's energy for it. In the same run the outputs are compared with the golden model: a
netlist that computes something else has no energy per MAC.
"""

import importlib.metadata
import math
import statistics
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwmodel.arithmetic import simulate
from hwmodel.cost.energy_record import EnergyRecord, conditions
from hwmodel.errors import HwmodelError
from hwmodel.sim.activity import METHOD_VERSION, simulate_gates
from hwmodel.sim.bit_words import words_of
from hwmodel.sim.feeding import check_outputs, counted_cycles, port_bits
from hwmodel.sim.gates import GateNetlist, build_gates
from hwmodel.sim.stimulus import ACCUMULATION_LENGTH, Stimulus, operands
from hwmodel.store import Store, content_key
from hwmodel.technology import (
    CellLibrary,
    Netlist,
    load_library,
    read_netlist,
    static_timing,
)
from hwmodel.technology.design import CLOCK_SLEW_NS, INPUT_SLEW_NS, OUTPUT_LOAD_FF
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = [
    "DEFAULT_VECTORS",
    "LEAST_VECTORS",
    "EnergyResult",
    "Synthesised",
    "energy_of_netlist",
    "interval",
    "measure_energy",
    "period_for",
]

DEFAULT_VECTORS = 64 * ACCUMULATION_LENGTH
# Fewer accumulations than this give no honest interval.
_LEAST_ACCUMULATIONS = 8
LEAST_VECTORS = _LEAST_ACCUMULATIONS * ACCUMULATION_LENGTH


@dataclass(frozen=True, kw_only=True)
class EnergyResult(EnergyRecord):
    """Energy of a unit, glitches included; the interval is from means of whole accumulations.

    Attributes
    ----------
    fj_per_mac : float
        Total energy in fJ for each multiply-accumulate.
    functional_toggles_per_cycle : float
        Changes of nets in a cycle that remain without delays.
    nets : int
        Nets of the netlist, constants apart.
    nets_annotated : float
        Share of them that the simulation follows.
    """

    fj_per_mac: float
    functional_toggles_per_cycle: float
    nets: int
    nets_annotated: float


class Synthesised(Protocol):
    """What energy needs of a synthesis result."""

    @property
    def structure(self) -> Any:
        """Name of the chosen implementation."""

    @property
    def delay_ns(self) -> float:
        """Minimum clock period."""

    @property
    def clock_ns(self) -> float | None:
        """Clock period that was asked for."""

    @property
    def netlist_json(self) -> str:
        """Mapped netlist as Yosys' JSON."""


def _annotated(gates: GateNetlist) -> tuple[int, float]:
    """Nets of the netlist, and the share that is driven in the simulation."""
    arrays = gates.arrays
    nets = np.arange(2, gates.design.netlist.net_count)
    driven = [arrays.output_nets[: arrays.outputs_at[-1]], arrays.input_nets]
    followed = np.union1d(np.concatenate(driven), np.array(sorted(gates.design.clock_nets)))
    return int(nets.size), float(np.isin(nets, followed).mean())


def _accumulations(per_cycle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of successive accumulations, which start from a cleared register."""
    count = per_cycle.size // ACCUMULATION_LENGTH
    return per_cycle[: count * ACCUMULATION_LENGTH].reshape(count, -1).mean(axis=1)


def interval(mean: float, batches: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of a mean, from the means of nearly independent batches.

    Student's t quantile by its expansion in the normal one (Abramowitz and Stegun, 26.7.5).
    """
    z, v = statistics.NormalDist().inv_cdf(0.975), batches.size - 1
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    half = t * float(batches.std(ddof=1)) / math.sqrt(batches.size)
    return mean - half, mean + half


def _nonfinite_share(spec: UnitSpec, stimulus: Stimulus) -> float:
    """Share of the steps that leave an infinity or NaN, under which an accumulator rests."""
    if not isinstance(spec.register, FloatAccumulator):
        return 0.0
    codes = simulate(spec, stimulus.a_codes, stimulus.b_codes, stimulus.valid, stimulus.clear)
    return float(np.mean(~np.isfinite(spec.decode_accumulator(codes))))


def energy_of_netlist(
    spec: UnitSpec,
    netlist: Netlist,
    library: CellLibrary,
    stimulus: Stimulus,
    clock_ns: float | None = None,
    structure: str = "",
) -> EnergyResult:
    """Energy of a mapped netlist of a unit.

    Parameters
    ----------
    spec : UnitSpec
        What the netlist computes.
    netlist : Netlist
        Flat netlist of cells of `library` with the ports of a unit.
    library : CellLibrary
        The library, with power tables.
    stimulus : Stimulus
        Operands; at least 8 accumulations.
    clock_ns : float, optional
        Clock period; the netlist's minimum period if not given.
    structure : str
        Name of the implementation, for the record.

    Raises
    ------
    HwmodelError
        The netlist does not compute what the golden model says, the clock is too short, or the
        library has no power tables.
    """
    if stimulus.a_codes.size < LEAST_VECTORS:
        raise HwmodelError(
            f"expected at least {LEAST_VECTORS} vectors ({_LEAST_ACCUMULATIONS} accumulations of"
            f" {ACCUMULATION_LENGTH}), got {stimulus.a_codes.size}"
        )
    gates = build_gates(netlist, library)
    period = static_timing(gates.design, library).period_ns
    clock = period if clock_ns is None else clock_ns
    bits, window = port_bits(gates, spec, stimulus), counted_cycles(stimulus)
    real = simulate_gates(gates, bits, clock, count=window)
    checked = check_outputs(gates, spec, stimulus, words_of(real.outputs))
    ideal = simulate_gates(gates, bits, clock, zero_delay=True, count=window)
    check_outputs(gates, spec, stimulus, words_of(ideal.outputs))
    per_cycle = real.energy(clock)[window]
    total = float(per_cycle.mean())
    glitches = (real.internal + real.switching - ideal.internal - ideal.switching)[window]
    cycles = per_cycle.size
    nets, share = _annotated(gates)
    return EnergyResult(
        **conditions(spec, library, stimulus),
        structure=structure,
        clock_ns=clock,
        fj_per_mac=total,
        interval=interval(total, _accumulations(per_cycle)),
        internal_fj=float(real.internal[window].mean()),
        switching_fj=float(real.switching[window].mean()),
        clock_fj=float(real.clock[window].mean()),
        leakage_fj=float(real.leakage_fj(clock)[window].mean()),
        glitch_share=float(glitches.mean()) / total,
        toggles_per_cycle=float(real.toggles.sum()) / cycles,
        functional_toggles_per_cycle=float(ideal.toggles.sum()) / cycles,
        nets=nets,
        nets_annotated=share,
        outputs_checked=checked,
        provenance={
            "how": "measured",
            "method": "event-driven gate-level simulation, NLDM delays, inertial",
            "hwmodel": importlib.metadata.version("hwmodel"),
            "method_version": METHOD_VERSION,
            "library_sha256": library.sha256,
            "netlist_sha256": netlist.sha256(),
            "stimulus_sha256": stimulus.sha256(),
            "voltage": library.voltage,
            "temperature": library.temperature,
            "output_load_ff": OUTPUT_LOAD_FF,
            "input_slew_ns": INPUT_SLEW_NS,
            "clock_slew_ns": CLOCK_SLEW_NS,
            "clock_tree": "none",
            "nonfinite_share": _nonfinite_share(spec, stimulus),
        },
    )


def period_for(spec: UnitSpec, synthesis_result: Synthesised, clock_ns: float | None) -> float:
    """Return the clock period asked for, or else the target if it was met, or what is needed.

    Raises
    ------
    HwmodelError
        The period asked for is too short.
    """
    needed = synthesis_result.delay_ns
    if clock_ns is None:
        return max(needed, synthesis_result.clock_ns or 0.0)
    if clock_ns < needed:
        raise HwmodelError(
            f"a clock of {clock_ns:g} ns is too short for this netlist of {spec.name}, which needs"
            f" {needed:.3f} ns; choose a longer clock"
        )
    return clock_ns


def measure_energy(
    spec: UnitSpec,
    synthesis_result: Synthesised,
    stimulus: str = "gaussian",
    clock_ns: float | None = None,
    vectors: int = DEFAULT_VECTORS,
    seed: int = 1,
    library: CellLibrary | None = None,
    store: Store | None = None,
) -> EnergyResult:
    """Energy per MAC of a synthesised unit.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    synthesis_result : SynthesisResult
        What `hwmodel.synthesis.synthesize` gave for it.
    stimulus : str
        Name of the operand stream, one of `hwmodel.sim.stimulus.STIMULI`.
    clock_ns : float, optional
        Clock period; the result's target if it was met, else its minimum period, if not given.
    vectors : int
        Multiply-accumulates to simulate.
    seed : int
        Of the operands.
    library : CellLibrary, optional
        The library it was mapped to; NanGate 45 nm if not given.
    store : Store, optional
        Where finished results are kept.

    Raises
    ------
    HwmodelError
        See `energy_of_netlist` and `hwmodel.sim.stimulus.operands`.
    """
    library = load_library() if library is None else library
    store = Store() if store is None else store
    netlist = read_netlist(synthesis_result.netlist_json, library)
    stream = operands(spec, stimulus, vectors, seed)
    clock_ns = period_for(spec, synthesis_result, clock_ns)
    structure = str(synthesis_result.structure)
    key = content_key(
        version=METHOD_VERSION,
        spec=spec.name,
        netlist=netlist.sha256(),
        library=library.sha256,
        stimulus=stream.sha256(),
        description=stream.description,
        clock_ns=clock_ns,
        structure=structure,
    )
    entry = store.load("energy", key)
    if entry is None:
        result = energy_of_netlist(spec, netlist, library, stream, clock_ns, structure)
        entry = store.save("energy", key, result.to_dict())
    return EnergyResult.from_dict(entry)
