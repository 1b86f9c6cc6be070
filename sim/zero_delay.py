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
from hwmodel.sim.gates import GateNetlist
from hwmodel.sim.lane_code import lane_netlist
from hwmodel.sim.lanes import LANES, WORDS, LaneRun, run_lanes

__all__ = ["Switching", "simulate_lanes"]

# Words that a run is spread over at least: each gives one figure of the confidence interval.
_BATCHES = 16
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
    outputs : array of uint64 of shape (T, words)
        Values of the output ports at the end of each cycle, as `hwmodel.sim.bit_words`.
    by_instance : array of shape (instances, 3)
        Internal, switching and clock energy in fJ of all counted cycles, as in `Activity`.
    """

    cycles: NDArray[np.int64]
    internal: Floats
    switching: Floats
    clock: Floats
    leakage: Floats
    toggles: NDArray[np.int64]
    outputs: NDArray[np.uint64]
    by_instance: Floats


def simulate_lanes(
    gates: GateNetlist, stimulus: NDArray[np.uint64], count: slice | None = None
) -> Switching:
    """Simulate a netlist without delays from all flip-flops 0.

    Parameters
    ----------
    gates : GateNetlist
        The netlist.
    stimulus : array of uint64 of shape (T, words)
        Bits of the input ports, in the order of ``gates.inputs``, as `hwmodel.sim.bit_words`.
    count : slice, optional
        Cycles that are counted; all if not given.

    Raises
    ------
    HwmodelError
        Wrong stimulus shape.
    """
    words = -(-gates.arrays.input_nets.size // 64)
    if stimulus.ndim != 2 or stimulus.shape[1] != words or not stimulus.shape[0]:
        raise HwmodelError(
            f"expected a stimulus of shape (T, {words}), {gates.arrays.input_nets.size} bits in"
            f" words of 64, got {stimulus.shape}"
        )
    stimulus = np.ascontiguousarray(stimulus, np.uint64)
    cycles = stimulus.shape[0]
    first, last, _ = (count or slice(None)).indices(cycles)
    warm_up = WARM_UP
    while True:
        run = _Run(gates, stimulus, (first, last), min(warm_up, cycles))
        in_pieces(run.work, run.groups, 1)
        # Every lane has to begin as the one before it ended; else it started too late.
        if warm_up >= cycles or run.joined():
            return run.result(gates)
        warm_up *= 4


class _Run:
    """One run with a given number of cycles before each stretch."""

    def __init__(
        self,
        gates: GateNetlist,
        stimulus: NDArray[np.uint64],
        window: tuple[int, int],
        warm_up: int,
    ) -> None:
        self.netlist = lane_netlist(gates)
        self.stimulus, self.window, self.warm_up = stimulus, window, warm_up
        cycles = stimulus.shape[0]
        self.length = max(_SHORTEST, -(-cycles // (_BATCHES * LANES)))
        starts = np.arange(0, cycles, self.length)
        share = min(LANES, -(-starts.size // _BATCHES))
        self.batches = [starts[k : k + share] for k in range(0, starts.size, share)]
        self.groups = -(-len(self.batches) // WORDS)
        # First cycle of every lane; those without a stretch begin when all is over.
        self.starts = np.full((self.groups * WORDS, LANES), cycles, np.int64)
        for row, batch in zip(self.starts, self.batches, strict=False):
            row[: batch.size] = batch
        code = self.netlist.code
        self.outputs = np.zeros((cycles, -(-code.output_rows.size // 64)), np.uint64)
        self.counts = np.zeros((self.groups, code.slots, WORDS), np.int64)
        shape = (self.groups, code.still.size, WORDS)
        self.begun, self.ended = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)

    def work(self, part: slice) -> int:
        for number in range(part.start, part.stop):
            starts = self.starts[number * WORDS : (number + 1) * WORDS]
            run_lanes(
                self.netlist.code,
                LaneRun(self.stimulus, starts, self.length, self.warm_up, self.window),
                self.outputs,
                self.counts[number],
                self.begun[number],
                self.ended[number],
            )
        return 0

    def joined(self) -> bool:
        """Whether each stretch began with the values that the one before it ended with."""
        begun, ended = self._by_stretch(self.begun), self._by_stretch(self.ended)
        return bool(np.array_equal(begun[1:], ended[:-1]))

    def _by_stretch(self, words: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Bits of the rows, by stretch."""
        rows = words.transpose(0, 2, 1).reshape(self.groups * WORDS, -1)
        lanes = np.ascontiguousarray(rows.astype("<u8")).view(np.uint8)
        bits = np.unpackbits(lanes.reshape(*rows.shape, 8), axis=2, bitorder="little")
        by_lane = bits.transpose(0, 2, 1)
        return np.concatenate([b[: s.size] for b, s in zip(by_lane, self.batches, strict=False)])

    def result(self, gates: GateNetlist) -> Switching:
        worth = self.netlist.worth
        own = self.starts[: len(self.batches)]
        cycles = np.clip(own + self.length, *self.window) - np.clip(own, *self.window)
        cycles = cycles.sum(axis=1)
        per = np.maximum(cycles, 1)
        counts = self.counts.transpose(0, 2, 1).reshape(self.groups * WORDS, -1)[: cycles.size]
        total = counts.sum(axis=0)
        instances = worth.idle_clock.size

        def by_owner(prices: Floats) -> Floats:
            sums = np.bincount(worth.owner, total * prices, instances + 1)
            return np.asarray(sums[:instances], np.float64)

        moves = worth.toggled >= 0
        nets = gates.design.netlist.net_count
        toggles = np.zeros(gates.arrays.charge.shape[0], np.int64)
        np.add.at(toggles, worth.toggled[moves], total[moves])
        return Switching(
            cycles=cycles,
            internal=counts @ worth.internal / per,
            switching=counts @ worth.switching / per,
            clock=(counts @ worth.clock + cycles * worth.idle_clock.sum()) / per
            + gates.clock_charge,
            leakage=(counts @ worth.leakage + cycles * worth.idle_leakage) / per,
            toggles=toggles[:nets],
            outputs=self.outputs,
            by_instance=np.stack(
                [
                    by_owner(worth.internal),
                    by_owner(worth.switching),
                    by_owner(worth.clock) + cycles.sum() * worth.idle_clock,
                ],
                axis=1,
            ),
        )
