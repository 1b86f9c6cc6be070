"""Incremental static timing of a netlist whose cells may change, compiled.

The same arithmetic as `hwmodel.technology.timing` (graph-based, latest arrival and slowest
transition), but after a change of one cell only what lies behind it is computed again. Results are
measured again with the full analysis before they count.

Functions that compute many arcs take the arrays out of `Circuit` and `State` first: a tuple of
arrays costs more at each call than the arithmetic, for its references are counted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.technology.design import CLOCK_SLEW_NS
from hwmodel.technology.tables import TableArrays, interpolate, segment, weigh

__all__ = [
    "Circuit",
    "State",
    "apply_variant",
    "critical_cells",
    "evaluate",
    "local_gains",
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
def _output(
    row: int,
    last: int,
    table: int,
    row_source: Ints,
    row_sink: Ints,
    arc_tables: Ints,
    arrival: Floats,
    slew: Floats,
    loads: Floats,
    rows: Floats,
    columns: Floats,
    values: Floats,
    sizes: Ints,
    axes: Ints,
) -> tuple[float, float, int]:
    """Latest arrival and slowest transition of the output edge of a row, and the row after it."""
    sink = row_sink[row]
    load = loads[sink >> 1, sink & 1]
    latest, slowest = -np.inf, 0.0
    axis, j, y = -1, 0, 0.0
    while row < last and row_sink[row] == sink:
        source = row_source[row]
        begin = arrival[source]
        if begin > -np.inf:
            delay, ramp = arc_tables[table, 0], arc_tables[table, 1]
            i, x = segment(rows, delay, sizes[delay, 0], slew[source])
            # Tables of one output mostly have the same axes.
            if axes[delay] != axis:
                axis = axes[delay]
                j, y = segment(columns, delay, sizes[delay, 1], load)
            latest = max(latest, begin + weigh(values, sizes, delay, i, x, j, y))
            if axes[ramp] != axis:
                axis = axes[ramp]
                i, x = segment(rows, ramp, sizes[ramp, 0], slew[source])
                j, y = segment(columns, ramp, sizes[ramp, 1], load)
            slowest = max(slowest, weigh(values, sizes, ramp, i, x, j, y))
        row += 1
        table += 1
    return latest, slowest, row


@jit
def _update(circuit: Circuit, state: State, start: int, logged: int) -> int:
    """Compute dirty cells again, in topological order from `start` on; length of the log."""
    row_first, row_source, row_sink = circuit.row_first, circuit.row_source, circuit.row_sink
    fan_first, fan_cells = circuit.fan_first, circuit.fan_cells
    variant_first, arc_first = circuit.variant_first, circuit.arc_first
    arc_tables, tables = circuit.arc_tables, circuit.tables
    rows, columns, values = tables.rows, tables.columns, tables.values
    sizes, axes = tables.sizes, tables.axes
    choice, loads, arrival, slew = state.choice, state.loads, state.arrival, state.slew
    dirty, log_nodes, log_values = state.dirty, state.log_nodes, state.log_values
    for cell in range(start, row_first.size - 1):
        if not dirty[cell]:
            continue
        dirty[cell] = False
        first, last = row_first[cell], row_first[cell + 1]
        table = arc_first[variant_first[cell] + choice[cell]] - first
        row = first
        # Rows are sorted by sink: one output edge at a time.
        while row < last:
            sink = row_sink[row]
            latest, slowest, row = _output(
                row,
                last,
                table + row,
                row_source,
                row_sink,
                arc_tables,
                arrival,
                slew,
                loads,
                rows,
                columns,
                values,
                sizes,
                axes,
            )
            if abs(latest - arrival[sink]) > _QUIET or abs(slowest - slew[sink]) > _QUIET:
                log_nodes[logged] = sink
                log_values[logged, 0] = arrival[sink]
                log_values[logged, 1] = slew[sink]
                logged += 1
                arrival[sink] = latest
                slew[sink] = slowest
                net = sink >> 1
                for k in range(fan_first[net], fan_first[net + 1]):
                    dirty[fan_cells[k]] = True
    return logged


@jit
def evaluate(circuit: Circuit, state: State, clock: float) -> tuple[float, float]:
    """Return minimum period and total violation of `clock` (sum over end points), ns."""
    ends, arrival, slew, choice = circuit.ends, state.arrival, state.slew, state.choice
    variant_first, tables = circuit.variant_first, circuit.tables
    setup_first, setup_tables = circuit.setup_first, circuit.setup_tables
    rows, columns, values, sizes = tables.rows, tables.columns, tables.values, tables.sizes
    period, total = 0.0, 0.0
    for k in range(ends.shape[0]):
        node, cell = ends[k, 0], ends[k, 1]
        needed = arrival[node]
        if needed == -np.inf:
            continue
        if cell >= 0:
            table = setup_tables[setup_first[variant_first[cell] + choice[cell]] + ends[k, 2]]
            i, x = segment(rows, table, sizes[table, 0], slew[node])
            j, y = segment(columns, table, sizes[table, 1], CLOCK_SLEW_NS)
            needed += weigh(values, sizes, table, i, x, j, y)
        period = max(period, needed)
        total += max(0.0, needed - clock)
    return period, total


@jit
def _exchange(circuit: Circuit, state: State, cell: int, choice: int) -> int:
    """Set a variant, its pins' loads, and what is dirty; the first dirty cell."""
    pins, driver, capacitance = circuit.pins, circuit.driver, circuit.variant_capacitance
    loads, dirty = state.loads, state.dirty
    old = circuit.variant_first[cell] + state.choice[cell]
    new = circuit.variant_first[cell] + choice
    state.choice[cell] = choice
    dirty[cell] = True
    start = cell
    for pin in range(pins.shape[1]):
        net = pins[cell, pin]
        if net < 0:
            break
        changed = False
        for edge in range(2):
            step = capacitance[new, pin, edge] - capacitance[old, pin, edge]
            if step != 0.0:
                loads[net, edge] += step
                changed = True
        source = driver[net]
        if changed and source >= 0:
            dirty[source] = True
            start = min(start, source)
    return start


@jit
def apply_variant(circuit: Circuit, state: State, cell: int, choice: int) -> None:
    """Exchange a cell and bring timing up to date."""
    _update(circuit, state, _exchange(circuit, state, cell, choice), 0)


@jit
def try_variant(
    circuit: Circuit, state: State, cell: int, choice: int, clock: float
) -> tuple[float, float]:
    """Period and total violation if a cell were exchanged; the state stays as it was."""
    old = state.choice[cell]
    logged = _update(circuit, state, _exchange(circuit, state, cell, choice), 0)
    period, total = evaluate(circuit, state, clock)
    # Old values come from the log, so nothing is computed again.
    _exchange(circuit, state, cell, old)
    state.dirty[:] = False
    arrival, slew, nodes, values = state.arrival, state.slew, state.log_nodes, state.log_values
    for k in range(logged - 1, -1, -1):
        arrival[nodes[k]] = values[k, 0]
        slew[nodes[k]] = values[k, 1]
    return period, total


@jit
def local_gains(circuit: Circuit, state: State, cell: int, node: int, gains: Floats) -> int:
    """How much earlier (ns) a cell's output node would be, for each of its neighbours.

    Only what drives the cell and the cell itself are computed again, some microseconds: a guess at
    what `try_variant` will say, to choose whom to ask. Returns the number of neighbours.
    """
    row_first, row_source, row_sink = circuit.row_first, circuit.row_source, circuit.row_sink
    variant_first, arc_first = circuit.variant_first, circuit.arc_first
    pins, driver, capacitance = circuit.pins, circuit.driver, circuit.variant_capacitance
    neighbours, arc_tables, tables = circuit.neighbours, circuit.arc_tables, circuit.tables
    rows, columns, values = tables.rows, tables.columns, tables.values
    sizes, axes = tables.sizes, tables.axes
    choice, loads, arrival, slew = state.choice, state.loads, state.arrival, state.slew
    kept = state.log_values
    own = variant_first[cell] + choice[cell]
    before = arrival[node]
    count = 0
    while count < pins.shape[1] and pins[cell, count] >= 0:
        for edge in range(2):
            source = 2 * pins[cell, count] + edge
            place = 4 * count + 2 * edge
            kept[place, 0], kept[place, 1] = arrival[source], slew[source]
            kept[place + 1, 0] = loads[source >> 1, edge]
        count += 1
    start = row_first[cell]
    while row_sink[start] != node:
        start += 1
    found = 0
    while found < neighbours.shape[1] and neighbours[own, found] >= 0:
        new = variant_first[cell] + neighbours[own, found]
        for pin in range(count):
            for edge in range(2):
                step = capacitance[new, pin, edge] - capacitance[own, pin, edge]
                loads[pins[cell, pin], edge] += step
        for pin in range(count):
            net = pins[cell, pin]
            above = driver[net]
            changed = (
                capacitance[new, pin, 0] != capacitance[own, pin, 0]
                or capacitance[new, pin, 1] != capacitance[own, pin, 1]
            )
            if above < 0 or not changed:
                continue
            row, last = row_first[above], row_first[above + 1]
            table = arc_first[variant_first[above] + choice[above]] - row
            while row < last:
                sink = row_sink[row]
                if sink >> 1 != net:
                    row += 1
                    continue
                arrival[sink], slew[sink], row = _output(
                    row,
                    last,
                    table + row,
                    row_source,
                    row_sink,
                    arc_tables,
                    arrival,
                    slew,
                    loads,
                    rows,
                    columns,
                    values,
                    sizes,
                    axes,
                )
        latest, _, _ = _output(
            start,
            row_first[cell + 1],
            arc_first[new] + start - row_first[cell],
            row_source,
            row_sink,
            arc_tables,
            arrival,
            slew,
            loads,
            rows,
            columns,
            values,
            sizes,
            axes,
        )
        gains[found] = before - latest
        found += 1
        for pin in range(count):
            for edge in range(2):
                source = 2 * pins[cell, pin] + edge
                place = 4 * pin + 2 * edge
                arrival[source], slew[source] = kept[place, 0], kept[place, 1]
                loads[source >> 1, edge] = kept[place + 1, 0]
    return found


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
