"""Incremental static timing of a netlist whose cells may change, compiled.

The same arithmetic as `hwmodel.technology.timing` (graph-based, latest arrival and slowest
transition), but after a change of one cell only what lies behind it is computed again: some
20 microseconds a trial. Results are measured again with the full analysis before they count.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.technology.design import CLOCK_SLEW_NS
from hwmodel.technology.tables import TableArrays, interpolate

__all__ = [
    "Circuit",
    "State",
    "apply_variant",
    "critical_cells",
    "evaluate",
    "local_gain",
    "try_variant",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Changes of arrival or transition below this (ns) are not followed further.
_QUIET = 1e-7


class Circuit(NamedTuple):
    """What does not change while cells are exchanged.

    Cells stand in topological order. ``row_*`` are timing arcs, those of cell i from
    ``row_first[i]`` on; ``variant_first[i]`` is the number of cell i's first variant in the
    ``variant_*`` arrays, whose arcs start at ``arc_first`` and setup rows at ``setup_first``;
    `neighbours` are the possible moves from each variant, as choices, filled up with -1.
    """

    row_first: Ints
    row_source: Ints
    row_sink: Ints
    pins: Ints
    driver: Ints
    fan_first: Ints
    fan_cells: Ints
    variant_first: Ints
    neighbours: Ints
    variant_area: Floats
    variant_capacitance: Floats
    arc_first: Ints
    arc_tables: Ints
    setup_first: Ints
    setup_tables: Ints
    ends: Ints  # data node, cell (-1: output port), setup row
    tables: TableArrays


class State(NamedTuple):
    """What changes: chosen variants, loads, arrivals, transitions, and marks for the update."""

    choice: Ints
    loads: Floats
    arrival: Floats
    slew: Floats
    dirty: NDArray[np.bool_]
    log_nodes: Ints
    log_values: Floats


@jit
def _update(circuit: Circuit, state: State, start: int, stop: int, logged: int) -> int:
    """Compute dirty cells before `stop` again, in topological order; length of the log."""
    for cell in range(start, stop):
        if not state.dirty[cell]:
            continue
        state.dirty[cell] = False
        variant = circuit.variant_first[cell] + state.choice[cell]
        first, last = circuit.row_first[cell], circuit.row_first[cell + 1]
        row = first
        # Rows are sorted by sink: one output edge at a time.
        while row < last:
            sink = circuit.row_sink[row]
            load = state.loads[sink >> 1, sink & 1]
            latest, slowest = -np.inf, 0.0
            while row < last and circuit.row_sink[row] == sink:
                source = circuit.row_source[row]
                begin = state.arrival[source]
                if begin > -np.inf:
                    table = circuit.arc_first[variant] + row - first
                    ramp = state.slew[source]
                    delay = interpolate(circuit.tables, circuit.arc_tables[table, 0], ramp, load)
                    latest = max(latest, begin + delay)
                    out = interpolate(circuit.tables, circuit.arc_tables[table, 1], ramp, load)
                    slowest = max(slowest, out)
                row += 1
            if (
                abs(latest - state.arrival[sink]) > _QUIET
                or abs(slowest - state.slew[sink]) > _QUIET
            ):
                state.log_nodes[logged] = sink
                state.log_values[logged, 0] = state.arrival[sink]
                state.log_values[logged, 1] = state.slew[sink]
                logged += 1
                state.arrival[sink] = latest
                state.slew[sink] = slowest
                net = sink >> 1
                for k in range(circuit.fan_first[net], circuit.fan_first[net + 1]):
                    state.dirty[circuit.fan_cells[k]] = True
    return logged


@jit
def evaluate(circuit: Circuit, state: State, clock: float) -> tuple[float, float]:
    """Return minimum period and total violation of `clock` (sum over end points), ns."""
    period, total = 0.0, 0.0
    for k in range(circuit.ends.shape[0]):
        node, cell = circuit.ends[k, 0], circuit.ends[k, 1]
        needed = state.arrival[node]
        if needed == -np.inf:
            continue
        if cell >= 0:
            variant = circuit.variant_first[cell] + state.choice[cell]
            table = circuit.setup_tables[circuit.setup_first[variant] + circuit.ends[k, 2]]
            needed += interpolate(circuit.tables, table, state.slew[node], CLOCK_SLEW_NS)
        period = max(period, needed)
        total += max(0.0, needed - clock)
    return period, total


@jit
def _exchange(circuit: Circuit, state: State, cell: int, choice: int) -> int:
    """Set a variant, its pins' loads, and what is dirty; the first dirty cell."""
    old = circuit.variant_first[cell] + state.choice[cell]
    new = circuit.variant_first[cell] + choice
    state.choice[cell] = choice
    state.dirty[cell] = True
    start = cell
    for pin in range(circuit.pins.shape[1]):
        net = circuit.pins[cell, pin]
        if net < 0:
            break
        changed = False
        for edge in range(2):
            step = (
                circuit.variant_capacitance[new, pin, edge]
                - circuit.variant_capacitance[old, pin, edge]
            )
            if step != 0.0:
                state.loads[net, edge] += step
                changed = True
        driver = circuit.driver[net]
        if changed and driver >= 0:
            state.dirty[driver] = True
            start = min(start, driver)
    return start


@jit
def apply_variant(circuit: Circuit, state: State, cell: int, choice: int) -> None:
    """Exchange a cell and bring timing up to date."""
    start = _exchange(circuit, state, cell, choice)
    _update(circuit, state, start, circuit.row_first.size - 1, 0)


@jit
def _restore(circuit: Circuit, state: State, cell: int, old: int, logged: int) -> None:
    """Take a trial back: old values come from the log, so nothing is computed again."""
    _exchange(circuit, state, cell, old)
    state.dirty[:] = False
    for k in range(logged - 1, -1, -1):
        state.arrival[state.log_nodes[k]] = state.log_values[k, 0]
        state.slew[state.log_nodes[k]] = state.log_values[k, 1]


@jit
def local_gain(circuit: Circuit, state: State, cell: int, choice: int, node: int) -> float:
    """How much earlier (ns) a cell's output node would be if the cell were exchanged.

    Only what drives the cell and the cell itself are computed again, some microseconds: a guess at
    what `try_variant` will say, to choose whom to ask.
    """
    old, before = state.choice[cell], state.arrival[node]
    start = _exchange(circuit, state, cell, choice)
    logged = _update(circuit, state, start, cell + 1, 0)
    gain = before - state.arrival[node]
    _restore(circuit, state, cell, old, logged)
    return gain


@jit
def try_variant(
    circuit: Circuit, state: State, cell: int, choice: int, clock: float
) -> tuple[float, float]:
    """Period and total violation if a cell were exchanged; the state stays as it was."""
    old = state.choice[cell]
    start = _exchange(circuit, state, cell, choice)
    logged = _update(circuit, state, start, circuit.row_first.size - 1, 0)
    period, total = evaluate(circuit, state, clock)
    _restore(circuit, state, cell, old, logged)
    return period, total


@jit
def critical_cells(circuit: Circuit, state: State, found: Ints, nodes: Ints) -> int:
    """Write the cells of the slowest path, end first, and their output nodes; their number."""
    worst, node, count = -1.0, -1, 0
    for k in range(circuit.ends.shape[0]):
        needed = state.arrival[circuit.ends[k, 0]]
        cell = circuit.ends[k, 1]
        if cell >= 0 and needed > -np.inf:
            variant = circuit.variant_first[cell] + state.choice[cell]
            table = circuit.setup_tables[circuit.setup_first[variant] + circuit.ends[k, 2]]
            slew = state.slew[circuit.ends[k, 0]]
            needed += interpolate(circuit.tables, table, slew, CLOCK_SLEW_NS)
        if needed > worst:
            worst, node = needed, circuit.ends[k, 0]
    while node >= 0 and count < found.size:
        cell = circuit.driver[node >> 1]
        if cell < 0:
            break
        found[count], nodes[count] = cell, node
        count += 1
        variant = circuit.variant_first[cell] + state.choice[cell]
        first = circuit.row_first[cell]
        load = state.loads[node >> 1, node & 1]
        latest, source = -np.inf, -1
        for row in range(first, circuit.row_first[cell + 1]):
            begin = state.arrival[circuit.row_source[row]]
            if circuit.row_sink[row] != node or begin == -np.inf:
                continue
            table = circuit.arc_tables[circuit.arc_first[variant] + row - first, 0]
            ramp = state.slew[circuit.row_source[row]]
            time = begin + interpolate(circuit.tables, table, ramp, load)
            if time > latest:
                latest, source = time, circuit.row_source[row]
        node = source
    return count
