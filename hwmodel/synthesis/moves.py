"""Moves of sizing, compiled: which cells grow towards a clock, and which shrink within it.

Growing looks at the slowest path (Fishburn and Dunlop, TILOS, ICCAD 1985). What a cell does to its
own output is a cheap guess; only the moves that look best by it are tried on the whole netlist.
"""

import numpy as np

from hwmodel.compiled import jit
from hwmodel.synthesis.incremental import (
    Circuit,
    Floats,
    State,
    apply_variant,
    critical_cells,
    evaluate,
    local_gains,
    try_variant,
)

__all__ = ["shrink", "shrink_all", "speed_up"]

# A move must gain this much of the violation (ns) to count.
_LEAST_GAIN = 1e-5
# Moves without the period shrinking by this factor before growing stops.
_PATIENCE = 30
_WORTH = 0.998
# Area (um2) charged for a move that costs none, so that gains per area stay comparable.
_FREE_AREA = 0.05
# Moves made after one round of trials, if each is still worth this share of the best one and of
# what its own trial promised.
_TOGETHER = 5
_LATER = 0.5
# Moves tried on the whole netlist in a round, of those that look best by themselves.
_ASKED = 8


@jit
def _guess(
    circuit: Circuit, state: State, cell: int, node: int, free_only: bool, gains: Floats
) -> tuple[float, int]:
    """Best exchange of a cell by its local gain per area: that, and the choice (-1: none)."""
    best, found = 0.0, -1
    first = circuit.variant_first[cell]
    here = first + state.choice[cell]
    for k in range(local_gains(circuit, state, cell, node, gains)):
        choice = circuit.neighbours[here, k]
        step = circuit.variant_area[first + choice] - circuit.variant_area[here]
        if free_only and step > 1e-9:
            continue
        score = gains[k] / max(step, _FREE_AREA)
        if score > best:
            best, found = score, choice
    return best, found


@jit
def speed_up(
    circuit: Circuit, state: State, clock: float, free_only: bool, most_moves: int
) -> None:
    """Grow cells on the slowest path until `clock` (ns) is met or nothing helps."""
    path = np.empty(400, np.int64)
    nodes = np.empty(400, np.int64)
    guesses = np.empty(400)
    choices = np.empty(400, np.int64)
    local = np.empty(circuit.neighbours.shape[1])
    asked = np.empty(_ASKED, np.int64)
    scores = np.empty(_ASKED)
    gains = np.empty(_ASKED)
    period, total = evaluate(circuit, state, clock)
    mark, patience = period, 0
    moves = 0
    while moves < most_moves:
        # Beyond what the netlist can do, moves only shuffle violations about.
        if period < mark * _WORTH:
            mark, patience = period, 0
        if total <= 0.0 or patience > _PATIENCE:
            return
        count = critical_cells(circuit, state, path, nodes)
        for k in range(count):
            guesses[k], choices[k] = _guess(circuit, state, path[k], nodes[k], free_only, local)
        # The most promising are tried on the whole netlist, some at a time until one helps.
        first = True
        while first:
            few = 0
            for _ in range(_ASKED):
                k = int(np.argmax(guesses[:count])) if count else 0
                if count == 0 or guesses[k] <= 0.0:
                    break
                guesses[k] = 0.0
                asked[few], scores[few], gains[few] = k, 0.0, 0.0
                cell = path[k]
                new_period, new_total = try_variant(circuit, state, cell, choices[k], clock)
                # The worst path counts beside the sum, lest a hopeless end point hide it.
                gain = (total - new_total) + 4.0 * (period - new_period)
                if gain >= _LEAST_GAIN and new_period <= period + 1e-9:
                    here = circuit.variant_first[cell]
                    step = (
                        circuit.variant_area[here + choices[k]]
                        - circuit.variant_area[here + state.choice[cell]]
                    )
                    scores[few], gains[few] = gain / max(step, _FREE_AREA), gain
                few += 1
            if few == 0:
                return
            # The trials of a round serve several moves: the best, then others nearly as good.
            limit = _LATER * scores[:few].max()
            for _ in range(_TOGETHER):
                best = int(np.argmax(scores[:few]))
                if scores[best] <= 0.0 or scores[best] < limit:
                    break
                cell, choice = path[asked[best]], choices[asked[best]]
                scores[best] = 0.0
                if not first:
                    new_period, new_total = try_variant(circuit, state, cell, choice, clock)
                    gain = (total - new_total) + 4.0 * (period - new_period)
                    if gain < _LATER * gains[best] or new_period > period + 1e-9:
                        continue
                apply_variant(circuit, state, cell, choice)
                period, total = evaluate(circuit, state, clock)
                first = False
                moves += 1
                patience += 1
                if total <= 0.0:
                    return


@jit
def shrink(circuit: Circuit, state: State, clock: float) -> None:
    """Shrink every cell that can without the period exceeding `clock` (ns)."""
    changed = True
    rounds = 0
    while changed and rounds < 4:
        changed = False
        rounds += 1
        for cell in range(circuit.variant_first.size):
            here = circuit.variant_first[cell] + state.choice[cell]
            best_area, best_choice = circuit.variant_area[here], -1
            for k in range(circuit.neighbours.shape[1]):
                choice = circuit.neighbours[here, k]
                if choice < 0:
                    break
                new_area = circuit.variant_area[circuit.variant_first[cell] + choice]
                if new_area > best_area - 1e-9:
                    continue
                new_period, _ = try_variant(circuit, state, cell, choice, clock)
                if new_period <= clock:
                    best_area, best_choice = new_area, choice
            if best_choice >= 0:
                apply_variant(circuit, state, cell, best_choice)
                changed = True


@jit
def shrink_all(circuit: Circuit, state: State) -> None:
    """Make every cell the smallest of its function."""
    changed = True
    while changed:
        changed = False
        for cell in range(circuit.variant_first.size):
            here = circuit.variant_first[cell] + state.choice[cell]
            best_area, best_choice = circuit.variant_area[here], -1
            for k in range(circuit.neighbours.shape[1]):
                choice = circuit.neighbours[here, k]
                if choice < 0:
                    break
                area = circuit.variant_area[circuit.variant_first[cell] + choice]
                if area < best_area - 1e-9:
                    best_area, best_choice = area, choice
            if best_choice >= 0:
                apply_variant(circuit, state, cell, best_choice)
                changed = True
