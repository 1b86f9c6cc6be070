"""What lanes compute and count at one cell in a clock cycle, as programs of word operations.

One program evaluates the cell, another counts what its energy depends on: events that the
library's tables tell apart, and products of bits from which the frequency of every state follows.
Inputs change one after the other, in the order that is given; of several that set an output's
change going, the last one pays for it.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.sim.logic_programs import TRUE, Program

__all__ = ["CellKind", "CellProgram", "cell_program"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Rests of sums of few ones and zeros that count as none.
_SMALL = 1e-9
# Share of a table below which a term of it is noise of the arithmetic.
_NOISE = 1e-13


@dataclass(frozen=True)
class CellKind:
    """What `hwmodel.sim.gates.GateArrays` knows of a cell type, as bytes that can be a key.

    Attributes
    ----------
    inputs, outputs, bits, clock : int
        Input pins, output pins, bits of the state, position of the clock or -1.
    truth, follow : bytes
        Value of an output, and next stored bit, by state.
    power, hidden : bytes
        Which table counts, as int32, for a change of an output and for one of an input.
    leakage : bytes
        nW by state, as float64.
    """

    inputs: int
    outputs: int
    bits: int
    clock: int
    truth: bytes
    follow: bytes
    power: bytes
    hidden: bytes
    leakage: bytes


@dataclass(frozen=True, eq=False)
class CellProgram:
    """Programs of a cell type whose inputs change in a given order.

    Words given are numbered from 1: old inputs, new inputs, old outputs, new outputs, and for a
    flip-flop the stored bit, old and new.

    Attributes
    ----------
    evaluate, count : array of int32 of shape (instructions, 4)
        See `hwmodel.sim.logic_programs`.
    words : int
        Words of results that they need.
    slots : int
        Counters that the second one uses.
    cost, own : array of shape (slots,)
        Index of the energy of what a counter counts, from `change_at` or `own_at` of the instance
        on; -1 for none.
    moved : array of shape (slots,)
        ``2 * output + new value`` of a change that is counted, else -1.
    one : array of shape (outputs,)
        Counter of the cycles at whose end an output is 1.
    leakage, rise, fall : array of shape (1 + inputs + slots, states)
        Their product with a table by state is what to multiply 1, the frequency of each input
        being 1, and the counters with, for the sum of the table over all cycles.
    """

    evaluate: Ints
    count: Ints
    words: int
    slots: int
    cost: Ints
    own: Ints
    moved: Ints
    one: Ints
    leakage: Floats
    rise: Floats
    fall: Floats


@functools.lru_cache(maxsize=4096)
def cell_program(kind: CellKind, order: tuple[int, ...]) -> CellProgram:
    """Programs for a cell type and the order in which its inputs (the clock apart) change."""
    return _Writer(kind, order).done()


class _Writer:
    """Writes the programs of one cell."""

    def __init__(self, kind: CellKind, order: tuple[int, ...]) -> None:
        self.kind, self.order = kind, order
        k, o = kind.inputs, kind.outputs
        self.states = np.arange(1 << kind.bits)
        self.truth = np.frombuffer(kind.truth, np.uint8).reshape(o, -1).astype(bool)
        self.power = np.frombuffer(kind.power, np.int32).reshape(o, k, -1)
        self.hidden = np.frombuffer(kind.hidden, np.int32).reshape(k, -1)
        self.table = np.frombuffer(kind.leakage, np.float64)
        words = iter(range(2, 2 * (2 * k + 2 * o + 3), 2))
        self.old = [next(words) for _ in range(k)]
        self.new = [next(words) for _ in range(k)]
        self.old_out = [next(words) for _ in range(o)]
        self.new_out = [next(words) for _ in range(o)]
        self.stored = [next(words), next(words)]
        self.program = Program(2 * k + 2 * o + 2)
        self.cost: dict[int, int] = {}
        self.own: dict[int, int] = {}
        self.moved: dict[int, int] = {}

    def done(self) -> CellProgram:
        evaluate, more = self._evaluate()
        k, clock = self.kind.inputs, self.kind.clock
        one = [self.program.count(word) for word in self.new_out]
        empty = np.zeros((0, self.states.size))
        if clock < 0:
            self._gate()
            plain = [self.states >> pin & 1 for pin in range(k)]
            basis = [np.ones(self.states.size), *plain, *self.truth]
            places = [*range(1 + k), *(1 + k + slot for slot in one)]
            parts = [self._mean(basis, places, self.new, self.states, self.table), empty, empty]
        else:
            self._flip_flop()
            low = self.states[(self.states >> clock & 1) == 0]
            variables = [
                [*words, word]
                for words, word in zip((self.old, self.new), self.stored, strict=True)
            ]
            basis, places = [np.ones(low.size)], [0]
            rise = self._mean(basis, places, variables[0], low, None)
            last = self._mean(basis, places, variables[1], low, None)
            # At the end of a cycle the clock is high; leakage stands with the state of it low.
            fall = np.zeros_like(last)
            fall[:, low | 1 << clock] = last[:, low]
            parts = [last, rise, fall]
        count, words = self.program.finished()
        slots = self.program.slots
        height = 1 + k + slots

        def column(entries: dict[int, int]) -> Ints:
            return np.array([entries.get(slot, -1) for slot in range(slots)], np.int32)

        matrices = []
        for part in parts:
            matrix = np.zeros((height, self.states.size))
            matrix[: part.shape[0]] = part
            matrices.append(matrix)
        return CellProgram(
            evaluate, count, max(words, more), slots,
            column(self.cost), column(self.own), column(self.moved), np.array(one, np.int32),
            *matrices,
        )  # fmt: skip

    def _after(self) -> NDArray[np.int64]:
        """State of a flip-flop after a rising edge, by the state before it."""
        top = 1 << self.kind.bits - 1
        follow = np.frombuffer(self.kind.follow, np.uint8).astype(np.int64)
        return (self.states | 1 << self.kind.clock) & ~top | follow * top

    def _words(self, inputs: list[int], stored: int, clock_high: bool) -> list[int]:
        """References to the bits of the state."""
        if self.kind.clock < 0:
            return inputs
        words = [*inputs, stored]
        words[self.kind.clock] = int(clock_high)
        return words

    def _function(self, on: Flags, care: Flags, words: list[int]) -> int:
        """Function of the state, some bits of which may be constants."""
        possible = np.ones(self.states.size, bool)
        for place, word in enumerate(words):
            if word <= TRUE:
                possible &= (self.states >> place & 1) == word
        return self.program.function(_table(on), _table(care & possible), words)

    def _evaluate(self) -> tuple[Ints, int]:
        clocked = self.kind.clock >= 0
        everywhere = np.ones(self.states.size, bool)
        counting, self.program = self.program, Program(self.program.inputs)
        words = self._words(self.old if clocked else self.new, self.stored[0], False)
        after = self._after() if clocked else self.states
        targets = [(self.truth[o][after], word) for o, word in enumerate(self.new_out)]
        if clocked:
            targets.append((after >> self.kind.bits - 1 & 1 == 1, self.stored[1]))
        for on, target in targets:
            value = self._function(on, everywhere, words)
            # A constant keeps the value that it was settled with.
            if value > TRUE:
                self.program.store(value, target >> 1)
        done = self.program.finished()
        self.program = counting
        return done

    def _gate(self) -> None:
        """Inputs change one by one; each output by the last that set its change going."""
        program = self.program
        words = list(self.old)
        moments = []
        for pin in self.order:
            words[pin] = self.new[pin]
            moments.append(list(words))
            self._inputs_own(pin, moments[-1])
        everywhere = np.ones(self.states.size, bool)
        for output in range(self.kind.outputs):
            old, new = self.old_out[output], self.new_out[output]
            rest = program.differ(old, new)
            for k in range(len(self.order) - 1, -1, -1):
                mine = rest
                if k:
                    value = self._function(self.truth[output], everywhere, moments[k - 1])
                    apart = program.differ(value, old)
                    mine = program.both(rest, apart ^ 1)
                    rest = program.both(rest, apart)
                pin = self.order[k]
                bit = 1 << pin
                after = self.states
                moves = self.truth[output] != self.truth[output][after ^ bit]
                key = 2 * self.power[output, pin] + (after >> pin & 1)
                self._changes(output, pin, mine, moments[k], moves, after, key)

    def _flip_flop(self) -> None:
        """Outputs change with the clock's edge, then the inputs while it is high."""
        clock = self.kind.clock
        words = self._words(self.old, self.stored[0], False)
        after = self._after()
        for output in range(self.kind.outputs):
            mine = self.program.differ(self.old_out[output], self.new_out[output])
            moves = self.truth[output] != self.truth[output][after]
            self._changes(output, clock, mine, words, moves, after, self.power[output, clock])
        inputs = list(self.old)
        for pin in self.order:
            inputs[pin] = self.new[pin]
            self._inputs_own(pin, self._words(inputs, self.stored[1], True))

    def _changes(
        self,
        output: int,
        pin: int,
        mine: int,
        words: list[int],
        moves: Flags,
        after: NDArray[np.int64],
        key: NDArray[np.integer],
    ) -> None:
        """Count changes of an output because of a pin, by direction and table."""
        if mine <= TRUE:
            return
        outputs, bits = self.kind.outputs, self.kind.bits
        for value in (0, 1):
            care = moves & (self.truth[output][after] == bool(value))
            target = self.new_out[output] ^ 1 ^ value
            for choice in np.unique(key[care]):
                on = key == choice
                slot = self._count(mine, target, self._function(on, care, words))
                if slot >= 0:
                    state = int(self.states[care & on][0])
                    self.cost[slot] = ((pin * outputs + output) << bits) + state
                    self.moved[slot] = 2 * output + value

    def _inputs_own(self, pin: int, words: list[int]) -> None:
        """Count changes of an input by the table for what they cost themselves."""
        choices = self.hidden[pin]
        key = 2 * choices + (self.states >> pin & 1)
        for choice in np.unique(key[choices >= 0]):
            on = key == choice
            condition = self._function(on, np.ones(self.states.size, bool), words)
            changed = self.program.differ(self.old[pin], self.new[pin])
            slot = self._count(changed, TRUE, condition)
            if slot >= 0:
                self.own[slot] = (pin << self.kind.bits) + int(self.states[on][0])

    def _count(self, mine: int, target: int, condition: int) -> int:
        """Count where all three hold, the first being plain; -1 if that never happens."""
        both = self.program.both(mine, target) if condition != TRUE else mine
        last = condition if condition != TRUE else target
        if 0 in (both, last):
            return -1
        return self.program.count(both, last)

    def _mean(
        self,
        basis: list[NDArray[np.generic]],
        places: list[int],
        words: list[int],
        states: NDArray[np.int64],
        table: Floats | None,
    ) -> Floats:
        """Matrix that makes the sum of a table over all cycles of what is counted.

        Every function of n bits is a sum of products of them; the frequencies of 1, of the bits and
        of the outputs are had anyway, other products are counted here, if the table needs them.
        """
        positions = [p for p in range(len(words)) if p != self.kind.clock]
        subsets = sorted(range(1, 1 << len(positions)), key=int.bit_count)
        products = [
            tuple(p for k, p in enumerate(positions) if subset >> k & 1) for subset in subsets
        ]
        bits = (states[:, None] >> np.arange(len(words)) & 1).astype(bool)
        columns = [bits[:, members].all(axis=1) for members in products]
        matrix = np.stack([*basis, *columns], axis=1).astype(np.float64)
        chosen_columns, inverse = _spanning(matrix.tobytes(), len(states))
        if table is not None:
            size = np.abs(inverse @ table)
            needed = size > _NOISE * np.abs(table).max(initial=0.0)
        else:
            needed = np.ones(len(chosen_columns), bool)
        rows = {}
        for row, column in enumerate(chosen_columns):
            if not needed[row]:
                continue
            if column < len(places):
                rows[places[column]] = inverse[row]
            else:
                *others, top = products[column - len(places)]
                mask = TRUE
                for member in others:
                    mask = self.program.both(mask, words[member])
                slot = self.program.count(words[top], mask)
                rows[1 + self.kind.inputs + slot] = inverse[row]
        result = np.zeros((max(rows, default=0) + 1, self.states.size))
        for place, values in rows.items():
            result[place, states] = values
        return result


def _table(flags: Flags) -> int:
    """Truth table as an integer, state 0 lowest."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


@functools.lru_cache(maxsize=1024)
def _spanning(columns: bytes, states: int) -> tuple[list[int], Floats]:
    """First columns that span all functions of the states; the inverse of what they make up."""
    matrix = np.frombuffer(columns).reshape(states, -1)
    chosen: list[int] = []
    basis = np.zeros((0, states))
    for number, column in enumerate(matrix.T):
        rest = column - basis.T @ (basis @ column)
        size = float(np.linalg.norm(rest))
        if size > _SMALL:
            basis = np.concatenate([basis, rest[None] / size])
            chosen.append(number)
    return chosen, np.asarray(np.linalg.inv(matrix[:, chosen]), np.float64)
