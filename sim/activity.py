"""Event-driven simulation of a mapped netlist: every toggle, its delay and its energy.

Delays are inertial: a pulse shorter than the delay of the gate that would pass it is swallowed.
Within a clock cycle (from one rising edge until all is quiet) the flip-flops take over their data,
then the input ports change, then events run; the clock falls after half a period. Long runs are
cut into stretches, one for each core; the result is the same to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.parallel import in_pieces
from hwmodel.sim.events import State, Tally, event_tables, run_stretch, settle
from hwmodel.sim.gates import QUANTUM_NS, GateNetlist
from hwmodel.sim.wheel import make_wheel

__all__ = ["METHOD_VERSION", "WARM_UP", "Activity", "EventLog", "record_events", "simulate_gates"]

# Raise when the same netlist and stimulus give other figures than before.
METHOD_VERSION = 3
# Cycles that a stretch in the middle runs before those it counts. Within so many our streams
# clear the accumulator and fill the pipeline, so the state is that of the whole run; this is
# checked, and where it does not hold the stretch runs again from the true state.
WARM_UP = 72
# Cycles that a thread of their own pays for.
_WORTHWHILE = 256

_INTERNAL, _SWITCHING, _CLOCK, _LEAKAGE = range(4)
_NO_LOG = np.zeros((0, 4), np.int64)


@dataclass(frozen=True, eq=False)
class Activity:
    """What happened in each of T clock cycles.

    Attributes
    ----------
    internal, switching, clock : array of shape (T,)
        Energy in fJ: inside cells at events of data, on nets, and of the clock (flip-flops'
        internal energy at both clock edges and the capacitance of their clock pins).
    leakage_nw : array of shape (T,)
        Leakage power in nW of the state at the end of the cycle.
    toggles : array of shape (nets,)
        Changes of each net in the cycles counted, the clock apart.
    functional : array of shape (nets,)
        Counted cycles at whose end the net differs from the end of the cycle before; what
        exceeds this in `toggles` are glitches.
    outputs : array of uint8 of shape (T, output bits)
        Values of the output ports at the end of each cycle.
    by_instance : array of shape (instances, 3)
        Energy in fJ of all counted cycles by the instance that spends it: internal, switching
        (of the nets that it drives) and clock (inside flip-flops, their clock pins apart).
    leakage_by_instance : array of shape (instances,)
        Mean leakage power in nW at the ends of the counted cycles.
    """

    internal: NDArray[np.float64]
    switching: NDArray[np.float64]
    clock: NDArray[np.float64]
    leakage_nw: NDArray[np.float64]
    toggles: NDArray[np.int64]
    functional: NDArray[np.int64]
    outputs: NDArray[np.uint8]
    by_instance: NDArray[np.float64]
    leakage_by_instance: NDArray[np.float64]

    def leakage_fj(self, clock_ns: float) -> NDArray[np.float64]:
        """Energy in fJ that leaks in each of the T cycles of this period."""
        return self.leakage_nw * clock_ns * 1e-3  # nW * ns = 1e-18 J

    def energy(self, clock_ns: float) -> NDArray[np.float64]:
        """Total energy in fJ of each of the T cycles, leakage over a clock period included."""
        return self.internal + self.switching + self.clock + self.leakage_fj(clock_ns)


@dataclass(frozen=True, eq=False)
class EventLog:
    """Every change of a net in a run of T cycles, in order; the clock's are not in it.

    Attributes
    ----------
    clock_ns : float
        Clock period; its rising edges stand at 0, one period, two periods.
    cycles : int
        T.
    begin : array of uint8 of shape (nets,)
        Values before the first edge.
    time : array of int
        Quanta of `hwmodel.sim.gates.QUANTUM_NS` since the first edge.
    net, value : array of int
        What changes, and its new value.
    """

    clock_ns: float
    cycles: int
    begin: NDArray[np.uint8]
    time: NDArray[np.int64]
    net: NDArray[np.int64]
    value: NDArray[np.int64]


class _Pieces:
    """Stretches of one run, simulated in any order, that make one run together."""

    def __init__(
        self,
        gates: GateNetlist,
        stimulus: NDArray[np.uint8],
        clock_ns: float,
        zero_delay: bool,
        window: tuple[int, int],
    ) -> None:
        self.arrays = gates.arrays
        self.tables = event_tables(gates.arrays)
        self.stimulus = stimulus
        self.zero_delay = zero_delay
        self.window = window
        self.half = int(0.5 * clock_ns / QUANTUM_NS)
        depth = int(self.arrays.level.max(initial=0)) + 4
        # Rounding each delay to a quantum can add up along the longest path.
        size = int(gates.horizon_ns / QUANTUM_NS) + 2 * depth + 64
        self.size = max(size, int(self.arrays.delay.max(initial=0)), int(self.nets)) + 1
        cycles = stimulus.shape[0]
        self.energy = np.zeros((cycles, 4))
        self.outputs = np.zeros((cycles, self.arrays.output_bits.size), np.uint8)
        self.begun: dict[int, State] = {}
        self.ended: dict[int, State] = {}
        self.tallies: dict[int, Tally] = {}

    @property
    def nets(self) -> int:
        return int(self.arrays.charge.shape[0])

    def still(self) -> State:
        """State with every flip-flop and input port 0."""
        state = State(np.zeros(self.nets, np.uint8), np.zeros(self.arrays.kind.size, np.int32))
        settle(self.arrays, state)
        return state

    def run(self, part: slice, state: State, warm_up: int, log: NDArray[np.int64] = _NO_LOG) -> int:
        """Simulate a stretch after `warm_up` cycles that do not count; 0, or the late cycle + 1."""
        instances = self.arrays.kind.size
        tally = Tally(
            self.energy,
            self.outputs,
            np.zeros((self.nets, 2), np.int64),
            np.zeros(self.nets, np.int64),
            np.zeros(self.nets),
            np.zeros(instances),
            np.zeros(instances),
            np.zeros(instances),
        )
        begun = State(state.value.copy(), state.inside.copy())
        late = run_stretch(
            self.arrays,
            self.tables,
            make_wheel(self.nets, self.size),
            self.stimulus,
            self.zero_delay,
            self.half,
            (part.start - warm_up, part.start, part.stop),
            self.window,
            state,
            begun,
            tally,
            log,
        )
        self.begun[part.start] = begun
        self.ended[part.stop] = state
        self.tallies[part.start] = tally
        return late + 1

    def run_all(self) -> int:
        """Simulate everything, on all cores; 0, or the number of a late cycle + 1."""
        parts = []

        def work(part: slice) -> int:
            parts.append(part)
            return self.run(part, self.still(), min(part.start, WARM_UP))

        late = in_pieces(work, self.stimulus.shape[0], _WORTHWHILE)
        for part in sorted(parts, key=lambda part: part.start)[1:]:
            before = self.ended[part.start]
            begun = self.begun[part.start]
            same = np.array_equal(before.value, begun.value)
            if not (same and np.array_equal(before.inside, begun.inside)):
                # The state reaches further back than the warm-up did: once more from the true one.
                true = State(before.value.copy(), before.inside.copy())
                late = self.run(part, true, 0) or late
        return late


def simulate_gates(
    gates: GateNetlist,
    stimulus: NDArray[np.uint8],
    clock_ns: float,
    zero_delay: bool = False,
    count: slice | None = None,
) -> Activity:
    """Simulate a netlist from all flip-flops 0.

    Parameters
    ----------
    gates : GateNetlist
        The netlist.
    stimulus : array of uint8 of shape (T, input bits)
        Value of each bit of the input ports, in the order of ``gates.inputs``, least significant
        bit first, in each of T clock cycles.
    clock_ns : float
        Clock period.
    zero_delay : bool
        Gates switch without delay, so there are no glitches: every net changes once a cycle at
        most.
    count : slice, optional
        Cycles whose toggles are counted; all if not given.

    Raises
    ------
    HwmodelError
        Wrong stimulus shape, or a period too short for the netlist.
    """
    run = _prepared(gates, stimulus, clock_ns, zero_delay, count)
    late = run.run_all()
    if late:
        raise _unsettled(gates)
    tallies = [run.tallies[start] for start in sorted(run.tallies)]
    toggles = sum((tally.toggles for tally in tallies), np.zeros((run.nets, 2), np.int64))
    functional = sum((tally.functional for tally in tallies), np.zeros(run.nets, np.int64))
    own = slice(gates.design.netlist.net_count)
    energy = run.energy
    return Activity(
        internal=energy[:, _INTERNAL],
        switching=energy[:, _SWITCHING],
        clock=energy[:, _CLOCK] + gates.clock_charge,
        leakage_nw=energy[:, _LEAKAGE],
        toggles=toggles.sum(axis=1)[own],
        functional=functional[own],
        outputs=run.outputs,
        by_instance=_by_instance(gates, tallies, toggles),
        leakage_by_instance=np.sum([tally.leaked for tally in tallies], axis=0)
        / max(run.window[1] - run.window[0], 1),
    )


def _prepared(
    gates: GateNetlist,
    stimulus: NDArray[np.uint8],
    clock_ns: float,
    zero_delay: bool,
    count: slice | None,
) -> _Pieces:
    """Check what is asked for."""
    width = gates.arrays.input_nets.size
    if stimulus.ndim != 2 or stimulus.shape[1] != width:
        raise HwmodelError(f"expected a stimulus of shape (T, {width}), got {stimulus.shape}")
    if clock_ns < gates.horizon_ns and not zero_delay:
        raise HwmodelError(
            f"a clock of {clock_ns:g} ns is too short for this netlist: its slowest signal takes"
            f" {gates.horizon_ns:.3f} ns; choose a longer clock"
        )
    first, last, _ = (count or slice(None)).indices(stimulus.shape[0])
    bits = np.ascontiguousarray(stimulus, np.uint8)
    return _Pieces(gates, bits, clock_ns, zero_delay, (first, last))


def _unsettled(gates: GateNetlist) -> HwmodelError:
    return HwmodelError(
        f"gate-level simulation of {gates.design.netlist.name}: a cycle did not settle"
        f" within {gates.horizon_ns:.3f} ns, the latest arrival that static timing allows"
    )


def record_events(gates: GateNetlist, stimulus: NDArray[np.uint8], clock_ns: float) -> EventLog:
    """Simulate as `simulate_gates` does, and keep every event instead of its energy.

    Parameters
    ----------
    gates, stimulus, clock_ns
        As for `simulate_gates`.

    Raises
    ------
    HwmodelError
        As `simulate_gates`.
    """
    run = _prepared(gates, stimulus, clock_ns, False, None)
    whole, begin = slice(0, stimulus.shape[0]), run.still()
    if run.run(whole, run.still(), 0):
        raise _unsettled(gates)
    # The first run says how many there are.
    log = np.zeros((int(run.tallies[0].toggles.sum()), 4), np.int64)
    run.run(whole, run.still(), 0, log)
    own = log[:, 2] < gates.design.netlist.net_count
    cycle, time, net, value = log[own].T
    period = round(clock_ns / QUANTUM_NS)
    return EventLog(clock_ns, whole.stop, begin.value, cycle * period + time, net, value)


def _by_instance(
    gates: GateNetlist, tallies: list[Tally], toggles: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Energy of the counted cycles by the instance that spends it."""
    g = gates.arrays
    result = np.zeros((g.kind.size, 3))
    result[:, 0] = sum(tally.spent_own for tally in tallies)
    result[:, 2] = sum(tally.spent_clock for tally in tallies)
    nets = g.output_nets[: g.outputs_at[-1]]
    driver = np.repeat(np.arange(g.kind.size), np.diff(g.outputs_at))
    spent = sum(tally.spent for tally in tallies)
    np.add.at(result[:, 0], driver, np.asarray(spent)[nets])
    np.add.at(result[:, 1], driver, (toggles * g.charge).sum(axis=1)[nets])
    return result
