"""What a cell does in each state, and which of its Liberty tables counts there.

A cell's state has one bit for each input pin in order and on top, for a flip-flop, its stored bit.
Where several groups describe one event, the first counts whose ``when`` holds in the state, else
the first without ``when``; one from each supply rail, summed.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hwmodel.technology.cells import Cell, Leakage, PowerGroup, TimingArc

__all__ = ["CellBehaviour"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Record = TypeVar("Record", TimingArc, PowerGroup, Leakage)

_ARC_KINDS = ("combinational", "combinational_rise", "combinational_fall", "rising_edge")


def _unpack(table: int, size: int) -> NDArray[np.uint8]:
    return np.array([table >> state & 1 for state in range(size)], np.uint8)


class CellBehaviour:
    """Truth tables and table choice of one cell.

    Attributes
    ----------
    bits : int
        Bits of the state.
    truth : array of uint8
        Value of output o in state s at ``(o << bits) + s``.
    follow : array of uint8
        Next stored bit of a flip-flop by state; empty for a gate.
    clock : int
        Position of the clock among the inputs, -1 for a gate.
    choose_arc, choose_power : array of shape (outputs, inputs, states)
        Position in `arcs` or `powers` of what counts when that output changes because of that
        input; -1 for nothing.
    choose_hidden : array of shape (inputs, states)
        Position in `hidden` of what an input event itself costs; -1 for nothing.
    leakage : array of shape (states,)
        nW.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.size = cell.state_count
        self.bits = self.size.bit_length() - 1
        flip_flop = cell.flip_flop
        self.clock = cell.inputs.index(flip_flop.clock) if flip_flop else -1
        self.truth = np.concatenate(
            [_unpack(cell.values[pin], self.size) for pin in cell.outputs]
            or [np.zeros(0, np.uint8)]
        )
        following = cell.table_of(flip_flop.next_state) if flip_flop else 0
        self.follow = _unpack(following, self.size if flip_flop else 0)
        self.whens: dict[str, int] = {}
        self.arcs: list[TimingArc] = []
        self.powers: list[tuple[str, tuple[PowerGroup, ...]]] = []
        self.hidden: list[tuple[str, tuple[PowerGroup, ...]]] = []
        shape = (len(cell.outputs), len(cell.inputs), self.size)
        self.choose_arc = np.full(shape, -1, np.int32)
        self.choose_power = np.full(shape, -1, np.int32)
        self.choose_hidden = np.full((len(cell.inputs), self.size), -1, np.int32)
        for p, pin in enumerate(cell.inputs):
            for o, output in enumerate(cell.outputs):
                if flip_flop is not None and pin != flip_flop.clock:
                    continue
                self._choose_arcs(o, output, p, pin)
                groups = [g for g in cell.power if g.pin == output and g.related == pin]
                groups = groups or [g for g in cell.power if g.pin == output and g.related is None]
                self._choose_power(pin, groups, self.choose_power[o, p], self.powers)
            own = [g for g in cell.power if g.pin == pin and g.related is None]
            self._choose_power(pin, own, self.choose_hidden[p], self.hidden)
        self.leakage = self._leakage()

    def _holds(self, when: str | None, state: int) -> bool:
        if when is None:
            return False
        if when not in self.whens:
            self.whens[when] = self.cell.table_of(when)
        return bool(self.whens[when] >> state & 1)

    def _counting(self, records: Sequence[Record], state: int) -> Record | None:
        """Return the record that counts in a state."""
        for record in records:
            if self._holds(record.when, state):
                return record
        return next((record for record in records if record.when is None), None)

    def _choose_arcs(self, o: int, output: str, p: int, pin: str) -> None:
        arcs = [
            a
            for a in self.cell.arcs
            if a.pin == output and a.related == pin and a.kind in _ARC_KINDS and any(a.delay)
        ]
        if not arcs:
            return
        table = self.cell.values[output]
        numbers = {id(arc): len(self.arcs) + k for k, arc in enumerate(arcs)}
        self.arcs += arcs
        for state in range(self.size):
            rising = (table >> (state | 1 << p) & 1) - (table >> (state & ~(1 << p)) & 1)
            sense = {1: "positive_unate", -1: "negative_unate"}.get(rising, "non_unate")
            fitting = [a for a in arcs if a.sense in (sense, "non_unate")] or arcs
            arc = self._counting(fitting, state) or fitting[0]
            self.choose_arc[o, p, state] = numbers[id(arc)]

    def _choose_power(
        self,
        pin: str,
        groups: list[PowerGroup],
        chosen: Ints,
        pool: list[tuple[str, tuple[PowerGroup, ...]]],
    ) -> None:
        by_rail: dict[str, list[PowerGroup]] = defaultdict(list)
        for group in groups:
            by_rail[group.rail].append(group)
        numbers: dict[tuple[int, ...], int] = {}
        for state in range(self.size):
            found = []
            for rail in by_rail.values():
                counting = self._counting(rail, state)
                if counting is not None:
                    found.append(counting)
            if found:
                key = tuple(map(id, found))
                if key not in numbers:
                    numbers[key] = len(pool)
                    pool.append((pin, tuple(found)))
                chosen[state] = numbers[key]

    def _leakage(self) -> Floats:
        by_rail: dict[str, list[Leakage]] = defaultdict(list)
        for entry in self.cell.leakage:
            by_rail[entry.rail].append(entry)
        if len(by_rail) > 1:
            # Entries without a rail are then the cell's total, of which the rails are the parts.
            by_rail.pop("", None)
        result = np.zeros(self.size)
        for state in range(self.size):
            for entries in by_rail.values():
                counting = self._counting(entries, state)
                result[state] += counting.power if counting is not None else 0.0
        return result
