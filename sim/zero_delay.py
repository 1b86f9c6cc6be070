"""Switching of a mapped netlist without delays: no glitches, but a hundred times as many cycles.

It counts what `hwmodel.sim.activity.simulate_gates` counts with ``zero_delay``, and agrees with it
to rounding. Long streams run 64 stretches at a time in the bits of a word.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.parallel import in_pieces
from hwmodel.sim.activity import WARM_UP
from hwmodel.sim.events import EventTables, State, event_tables, settle
from hwmodel.sim.gates import GateNetlist
from hwmodel.sim.lanes import Counts, LaneTables, lane_tables, run_lanes

__all__ = ["Switching", "simulate_lanes"]

# Words that a run is spread over at least: each gives one figure of the confidence interval.
_BATCHES = 16
_LANES = 64
# Own cycles of a lane at least, so that the cycles before them do not weigh.
_SHORTEST = 128

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Switching:
    """What happened in the counted cycles, by batch (B of them) and by instance.

    Attributes
    ----------
    cycles : array of int of shape (B,)
        Counted cycles of each batch; batches hold whole stretches of the stream.
    internal, switching, clock, leakage : array of shape (B,)
        Mean energy in fJ a cycle, as in `hwmodel.sim.activity.Activity`; leakage is power in nW.
    toggles : array of shape (nets,)
        Changes of each net in the counted cycles, the clock apart.
    outputs : array of uint8 of shape (T, output bits)
        Values of the output ports at the end of each cycle.
    by_instance : array of shape (instances, 3)
        Internal, switching and clock energy in fJ of all counted cycles, as in `Activity`.
    """

    cycles: NDArray[np.int64]
    internal: Floats
    switching: Floats
    clock: Floats
    leakage: Floats
    toggles: NDArray[np.int64]
    outputs: NDArray[np.uint8]
    by_instance: Floats


def simulate_lanes(
    gates: GateNetlist, stimulus: NDArray[np.uint8], count: slice | None = None
) -> Switching:
    """Simulate a netlist without delays from all flip-flops 0.

    Parameters
    ----------
    gates : GateNetlist
        The netlist.
    stimulus : array of uint8 of shape (T, input bits)
        As for `hwmodel.sim.activity.simulate_gates`.
    count : slice, optional
        Cycles that are counted; all if not given.

    Raises
    ------
    HwmodelError
        Wrong stimulus shape.
    """
    g = gates.arrays
    width = g.input_nets.size
    if stimulus.ndim != 2 or stimulus.shape[1] != width or not stimulus.shape[0]:
        raise HwmodelError(f"expected a stimulus of shape (T, {width}), got {stimulus.shape}")
    stimulus = np.ascontiguousarray(stimulus, np.uint8)
    cycles = stimulus.shape[0]
    first, last, _ = (count or slice(None)).indices(cycles)
    warm_up = WARM_UP
    while True:
        run = _Run(gates, stimulus, (first, last), min(warm_up, cycles))
        in_pieces(run.work, len(run.batches), 1)
        # Every lane has to begin as the one before it ended; else it started too late.
        if warm_up >= cycles or run.joined():
            return run.result(gates)
        warm_up *= 4


class _Run:
    """One run with a given number of cycles before each stretch."""

    def __init__(
        self,
        gates: GateNetlist,
        stimulus: NDArray[np.uint8],
        window: tuple[int, int],
        warm_up: int,
    ) -> None:
        g = self.arrays = gates.arrays
        self.stimulus, self.window, self.warm_up = stimulus, window, warm_up
        self.tables: EventTables = event_tables(g)
        self.lanes: LaneTables = lane_tables(g, self.tables)
        self.nets = int(g.charge.shape[0])
        self.still = State(np.zeros(self.nets, np.uint8), np.zeros(g.kind.size, np.int32))
        settle(g, self.still)
        cycles = stimulus.shape[0]
        self.length = max(_SHORTEST, -(-cycles // (_BATCHES * _LANES)))
        starts = np.arange(0, cycles, self.length)
        share = min(_LANES, -(-starts.size // _BATCHES))
        self.batches = [starts[k : k + share] for k in range(0, starts.size, share)]
        self.outputs = np.zeros((cycles, g.output_bits.size), np.uint8)
        shape = (len(self.batches), self.nets)
        self.begun, self.ended = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        self.counts = [
            Counts(
                np.zeros(self.lanes.cost.size, np.int64),
                np.zeros(self.lanes.own.size, np.int64),
                np.zeros(self.tables.rise.size, np.int64),
                np.zeros(self.tables.rise.size, np.int64),
                np.zeros((self.nets, 2), np.int64),
            )
            for _ in self.batches
        ]

    def work(self, part: slice) -> int:
        for number in range(part.start, part.stop):
            run_lanes(
                self.arrays,
                self.tables,
                self.lanes,
                self.stimulus,
                self.batches[number],
                self.length,
                self.warm_up,
                self.window,
                self.still,
                self.outputs,
                self.counts[number],
                self.begun[number],
                self.ended[number],
            )
        return 0

    def joined(self) -> bool:
        """Whether each stretch began with the values that the one before it ended with."""
        shifts = [np.arange(batch.size, dtype=np.uint64)[:, None] for batch in self.batches]
        one = np.uint64(1)
        begun = np.concatenate([w >> s & one for w, s in zip(self.begun, shifts, strict=True)])
        ended = np.concatenate([w >> s & one for w, s in zip(self.ended, shifts, strict=True)])
        return bool(np.array_equal(begun[1:], ended[:-1]))

    def result(self, gates: GateNetlist) -> Switching:
        g, tables = self.arrays, self.tables
        state_at = tables.state_at
        owner = np.repeat(np.arange(g.kind.size), np.diff(state_at))
        state = np.arange(owner.size) - state_at[owner]
        clock = g.clock_pin[g.kind[owner]]
        # States were counted with the clock high; leakage stands with the state of it low.
        low = np.where(clock >= 0, state & ~(1 << np.maximum(clock, 0)), state)
        leakage = tables.leakage[state_at[owner] + low]
        counted = np.zeros(self.stimulus.shape[0], bool)
        counted[slice(*self.window)] = True
        cycles = np.array([self._own(batch, counted) for batch in self.batches], np.int64)
        per = np.maximum(cycles, 1)
        counts = [np.stack(part) for part in zip(*self.counts, strict=True)]
        change, own, edge, end, toggles = counts
        total = [part.sum(axis=0) for part in counts]
        spent = np.zeros((g.kind.size, 3))
        nets = g.output_nets[: g.outputs_at[-1]]
        driver = np.repeat(np.arange(g.kind.size), np.diff(g.outputs_at))
        by_change = np.repeat(np.arange(g.kind.size), np.diff(self.lanes.change_at))
        by_own = np.repeat(np.arange(g.kind.size), np.diff(self.lanes.own_at))
        np.add.at(spent[:, 0], by_change, total[0] * self.lanes.cost)
        np.add.at(spent[:, 0], by_own, total[1] * self.lanes.own)
        np.add.at(spent[:, 1], driver, (total[4] * g.charge).sum(axis=1)[nets])
        np.add.at(spent[:, 2], owner, total[2] * tables.rise + total[3] * tables.fall)
        return Switching(
            cycles=cycles,
            internal=(change @ self.lanes.cost + own @ self.lanes.own) / per,
            switching=np.tensordot(toggles, g.charge, 2) / per,
            clock=(edge @ tables.rise + end @ tables.fall) / per + gates.clock_charge,
            leakage=end @ leakage / per,
            toggles=total[4].sum(axis=1)[: gates.design.netlist.net_count],
            outputs=self.outputs,
            by_instance=spent,
        )

    def _own(self, starts: NDArray[np.int64], counted: NDArray[np.bool_]) -> int:
        return int(sum(counted[start : start + self.length].sum() for start in starts))
