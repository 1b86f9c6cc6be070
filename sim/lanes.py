"""The compiled core of the simulation without delays: 64 stretches of a run in the bits of a word.

A word holds one net in 64 lanes, each a stretch of the same run; eight words go side by side, and
eight cycles are kept. So cells are evaluated cycle by cycle, eight words at once, and then what
their energy depends on is counted over all cycles kept, 64 words at once. What is done at a cell is
a short program (`hwmodel.sim.lane_cells`) that is interpreted here: one decision for many words.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import inner, jit
from hwmodel.sim.logic_programs import AND, AND_NOT, COUNT, COUNT_AND, INVERTED, OR, XOR
from hwmodel.sim.wheel import Words, ones

__all__ = ["LANES", "STEPS", "WORDS", "LaneCode", "LaneRun", "run_lanes"]

# Lanes of a word, words side by side, cycles that are kept.
LANES, WORDS, STEPS = 64, 8, 8
# Words of a row of the memory: one net in the cycles kept and in the one before.
ROW = WORDS * (STEPS + 1)
_BLOCK = WORDS * STEPS

_W, _T, _B = np.uint64(WORDS), np.uint64(STEPS), np.uint64(_BLOCK)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_ALL = ~_NONE

Places = NDArray[np.uint64]
Ints = NDArray[np.int32]


class LaneCode(NamedTuple):
    """The programs of a netlist and what they work on. A row holds a net or a stored bit."""

    code: Ints  # instructions of all programs
    evaluate: Ints  # [evaluation, 4]: first instruction, end, first place, places
    counting: Ints  # [cell or port, 5]: the same, and the first counter
    clocked: int  # evaluations from the first on that read what stood before the clock's edge
    places: Places  # in memory, of the words that are given to a program, in the first cycle kept
    held: Ints  # rows that the clock's edge changes
    input_rows: Ints
    output_rows: Ints
    still: NDArray[np.uint8]  # value of each row before the run
    words: int  # words of results that programs need
    slots: int  # counters


class LaneRun(NamedTuple):
    """What is run."""

    stimulus: Words  # as `hwmodel.sim.bit_words`
    starts: NDArray[np.int64]  # [word, lane]: first cycle of a stretch, beyond the last for none
    length: int
    warm_up: int
    window: tuple[int, int]


@inner
def _place(
    places: Places, first: int, given: int, word: int, results: np.uint64, size: np.uint64
) -> np.uint64:
    """Place in memory of a word of a program; results take `size` words each."""
    if word <= given:
        return places[first + word - 1]
    return results + np.uint64(word - given - 1) * size


@inner
def _evaluate(code: Ints, part: Ints, places: Places, memory: Words, base: int, step: int) -> None:
    """Evaluate cells in one of the cycles kept."""
    shift = np.uint64(step) * _W
    results = np.uint64(base)
    for e in range(part.shape[0]):
        first = part[e, 2]
        given = part[e, 3]
        for k in range(part[e, 0], part[e, 1]):
            operation = code[k, 0]
            to, a, b = code[k, 1], code[k, 2], code[k, 3]
            d = _place(places, first, given, to, results, _W) + (shift if to <= given else _NONE)
            x = _place(places, first, given, a, results, _W) + (shift if a <= given else _NONE)
            y = _place(places, first, given, b, results, _W) + (shift if b <= given else _NONE)
            flip = _ALL if operation & INVERTED else _NONE
            operation &= INVERTED - 1
            if operation == AND:
                for j in range(_W):
                    memory[d + j] = (memory[x + j] & memory[y + j]) ^ flip
            elif operation == AND_NOT:
                for j in range(_W):
                    memory[d + j] = (memory[x + j] & ~memory[y + j]) ^ flip
            elif operation == OR:
                for j in range(_W):
                    memory[d + j] = (memory[x + j] | memory[y + j]) ^ flip
            elif operation == XOR:
                for j in range(_W):
                    memory[d + j] = memory[x + j] ^ memory[y + j] ^ flip
            else:
                for j in range(_W):
                    memory[d + j] = memory[x + j] ^ flip


@inner
def _count(
    code: Ints,
    part: Ints,
    places: Places,
    memory: Words,
    base: int,
    counted: Words,
    counts: NDArray[np.int64],
) -> None:
    """Count over all cycles kept what the programs name, where `counted` says so."""
    results = np.uint64(base)
    for e in range(part.shape[0]):
        first = part[e, 2]
        given = part[e, 3]
        counter = part[e, 4]
        for k in range(part[e, 0], part[e, 1]):
            operation = code[k, 0]
            to, a, b = code[k, 1], code[k, 2], code[k, 3]
            x = _place(places, first, given, a, results, _B)
            y = _place(places, first, given, b, results, _B)
            if operation < COUNT:
                d = _place(places, first, given, to, results, _B)
                if operation == AND:
                    for j in range(_B):
                        memory[d + j] = memory[x + j] & memory[y + j]
                elif operation == AND_NOT:
                    for j in range(_B):
                        memory[d + j] = memory[x + j] & ~memory[y + j]
                elif operation == OR:
                    for j in range(_B):
                        memory[d + j] = memory[x + j] | memory[y + j]
                else:
                    for j in range(_B):
                        memory[d + j] = memory[x + j] ^ memory[y + j]
            else:
                slot = counter + to
                for w in range(_W):
                    found = np.int64(0)
                    if operation == COUNT:
                        for t in range(_T):
                            at = t * _W + w
                            found += np.int64(ones(memory[x + at] & counted[at]))
                    elif operation == COUNT_AND:
                        for t in range(_T):
                            at = t * _W + w
                            found += np.int64(ones(memory[x + at] & memory[y + at] & counted[at]))
                    else:
                        for t in range(_T):
                            at = t * _W + w
                            found += np.int64(ones(memory[x + at] & ~memory[y + at] & counted[at]))
                    counts[slot, w] += found


@inner
def _transpose(square: Words) -> None:
    """Exchange bit i of word j with bit j of word i."""
    width = 32
    low = np.uint64(0xFFFFFFFF)
    while width:
        shift = np.uint64(width)
        for start in range(0, LANES, 2 * width):
            for k in range(start, start + width):
                apart = ((square[k] >> shift) ^ square[k + width]) & low
                square[k] ^= apart << shift
                square[k + width] ^= apart
        width >>= 1
        low ^= low << np.uint64(width)


@jit
def run_lanes(
    lanes: LaneCode,
    run: LaneRun,
    outputs: Words,
    counts: NDArray[np.int64],
    begun: Words,
    ended: Words,
) -> None:
    """Run stretches of `length` cycles, each after `warm_up` cycles that do not count.

    Parameters
    ----------
    lanes, run : LaneCode, LaneRun
        The netlist and what is run.
    outputs : array of uint64 of shape (cycles, words)
        Receives the outputs of the stretches' own cycles, as `hwmodel.sim.bit_words`.
    counts : array of shape (counters, WORDS)
        Receives how often was met what is counted, by word.
    begun, ended : array of shape (rows, WORDS)
        Receive all words before the first own cycle, and after the last one.
    """
    stimulus, starts, length, warm_up, window = run
    code, evaluate, counting, clocked, places, held, input_rows, output_rows, still, words, _ = (
        lanes
    )
    rows = still.size
    base = rows * ROW
    memory = np.zeros(base + words * _BLOCK, np.uint64)
    for row in range(rows):
        if still[row]:
            memory[row * ROW : (row + 1) * ROW] = _ALL
    cycles = stimulus.shape[0]
    counted = np.zeros(_BLOCK, np.uint64)
    live = np.zeros(WORDS, np.uint64)
    square = np.zeros(LANES, np.uint64)
    first = evaluate[:clocked]
    rest = evaluate[clocked:]
    step = -warm_up
    while step < length:
        # Cycles that are not counted and those that are do not meet in one block.
        end = min(step + STEPS, length if step >= 0 else 0)
        if step == 0:
            for row in range(rows):
                begun[row] = memory[row * ROW : row * ROW + WORDS]
        counted[:] = _NONE
        for k in range(end - step):
            now = WORDS * (k + 1)
            whole = True
            for w in range(WORDS):
                live[w] = _NONE
                for lane in range(LANES):
                    cycle = starts[w, lane] + step + k
                    if 0 <= cycle < cycles:
                        bit = _ONE << np.uint64(lane)
                        live[w] |= bit
                        if step >= 0 and window[0] <= cycle < window[1]:
                            counted[WORDS * k + w] |= bit
                whole = whole and live[w] == _ALL
                for low in range(0, input_rows.size, LANES):
                    for lane in range(LANES):
                        cycle = starts[w, lane] + step + k
                        inside = 0 <= cycle < cycles
                        square[lane] = stimulus[cycle, low // LANES] if inside else _NONE
                    _transpose(square)
                    for i in range(low, min(low + LANES, input_rows.size)):
                        memory[input_rows[i] * ROW + now + w] = square[i - low]
            _evaluate(code, first, places, memory, base, k)
            if not whole:
                # A lane that has not begun, or has ended, stands still.
                for row in held:
                    for w in range(WORDS):
                        at = row * ROW + now + w
                        kept = memory[at - WORDS]
                        memory[at] = kept ^ ((kept ^ memory[at]) & live[w])
            _evaluate(code, rest, places, memory, base, k)
            if step >= 0:
                for w in range(WORDS):
                    for low in range(0, output_rows.size, LANES):
                        square[:] = _NONE
                        for i in range(low, min(low + LANES, output_rows.size)):
                            square[i - low] = memory[output_rows[i] * ROW + now + w]
                        _transpose(square)
                        for lane in range(LANES):
                            cycle = starts[w, lane] + step + k
                            if 0 <= cycle < cycles:
                                outputs[cycle, low // LANES] = square[lane]
        if step >= 0:
            _count(code, counting, places, memory, base, counted, counts)
        last = WORDS * (end - step)
        for row in range(rows):
            at = row * ROW
            memory[at : at + WORDS] = memory[at + last : at + last + WORDS]
        step = end
    for row in range(rows):
        ended[row] = memory[row * ROW : row * ROW + WORDS]
