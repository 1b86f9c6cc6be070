"""Exchange cells of a mapped netlist for others of the same function, against full timing.

ABC sizes gates between registers; it sees neither flip-flops nor full-adder cells, whose pins are
the ends of its world. Here every cell may change, and every trial is judged by the static timing
of the whole netlist: first the cells on the slowest path grow while that pays most delay for the
area (Fishburn and Dunlop, TILOS, ICCAD 1985), then every cell that can shrink within the clock
does.
"""

import functools
from typing import Any

import numpy as np

from hwmodel.synthesis.incremental import Circuit, Ints, State, evaluate
from hwmodel.synthesis.moves import shrink, shrink_all, speed_up
from hwmodel.synthesis.variants import Variant, VariantTables, find_variants, tables_of
from hwmodel.technology.design import CLOCK_SLEW_NS, BoundNetlist, bind, models_of
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.netlist import Netlist, read_netlist
from hwmodel.technology.timing import propagate

__all__ = ["Sizer"]


class _Families:
    """Variants of each cell of a library, found when first asked for."""

    def __init__(self, library: CellLibrary, unused: frozenset[str]) -> None:
        self._library = library
        self._models = models_of(library)
        self._cells = [
            cell
            for cell in library.cells.values()
            if cell.name not in unused
            and not cell.dont_use
            and (cell.is_combinational or cell.flip_flop)
        ]
        self._known: dict[str, tuple[tuple[Variant, ...], VariantTables]] = {}

    def of(self, name: str) -> tuple[tuple[Variant, ...], VariantTables]:
        if name not in self._known:
            variants = find_variants(self._library.cells[name], self._cells)
            self._known[name] = tables_of(self._models, variants)
        return self._known[name]


@functools.lru_cache(maxsize=4)
def _families(library: CellLibrary, unused: frozenset[str]) -> _Families:
    return _Families(library, unused)


class Sizer:
    """Sizes one netlist.

    Parameters
    ----------
    design : dict
        What Yosys' ``write_json`` gives: one flat mapped module.
    top : str
        Its name.
    library : CellLibrary
        The cells it uses.
    unused : frozenset of str
        Cells that must not be chosen.
    """

    def __init__(
        self,
        design: dict[str, Any],
        top: str,
        library: CellLibrary,
        unused: frozenset[str] = frozenset(),
    ) -> None:
        self._design = design
        self._top = top
        self._netlist = read_netlist(design, library, top)
        self._library = library
        self._families = _families(library, unused)
        bound = bind(self._netlist, library)
        self._circuit, self._order = self._build(bound)
        self._state = self._start(bound)

    def period(self) -> float:
        """Minimum period in ns of the netlist as it stands."""
        return float(evaluate(self._circuit, self._state, 0.0)[0])

    def area(self) -> float:
        """Area in um2 of the netlist as it stands."""
        numbers = self._circuit.variant_first + self._state.choice
        return float(self._circuit.variant_area[numbers].sum())

    def speed_up(self, clock_ns: float, free_only: bool = False, most_moves: int = 600) -> None:
        """Grow cells on the slowest path until `clock_ns` is met or nothing helps."""
        speed_up(self._circuit, self._state, clock_ns, free_only, most_moves)

    def shrink_all(self) -> None:
        """Make every cell the smallest of its function, whatever the period becomes."""
        shrink_all(self._circuit, self._state)

    def shrink(self, clock_ns: float) -> None:
        """Shrink every cell that can without the period exceeding `clock_ns` (or growing)."""
        shrink(self._circuit, self._state, max(clock_ns, self.period()) + 1e-9)

    def result(self) -> dict[str, Any]:
        """Return the netlist with the chosen cells, in the form that came."""
        module = self._design["modules"][self._top]
        cells = dict(module["cells"])
        for position, index in enumerate(self._order.tolist()):
            instance = self._netlist.instances[index]
            variants, _ = self._families.of(instance.cell)
            old, new = variants[0], variants[int(self._state.choice[position])]
            if new == old:
                continue
            entry = cells[instance.name]
            target = self._library.cells[new.cell]
            renamed = dict(zip(old.pins, new.pins, strict=True))
            cells[instance.name] = {
                **entry,
                "type": new.cell,
                "connections": {renamed[pin]: bits for pin, bits in entry["connections"].items()},
                "port_directions": {
                    **dict.fromkeys(target.inputs, "input"),
                    **dict.fromkeys(target.outputs, "output"),
                },
            }
        modules = {**self._design["modules"], self._top: {**module, "cells": cells}}
        return {**self._design, "modules": modules}

    def _build(self, bound: BoundNetlist) -> tuple[Circuit, Ints]:
        netlist, library = self._netlist, self._library
        models = models_of(library)
        order = _topological(netlist, library)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        driver = np.where(bound.driver >= 0, rank[np.maximum(bound.driver, 0)], -1)
        rows: list[Ints] = []
        first = [0]
        kinds: dict[str, int] = {}
        tables: list[VariantTables] = []
        starts: list[int] = []
        total = 0
        variant_first, sorted_rows = [], []
        widest = max((len(library.cells[i.cell].inputs) for i in netlist.instances), default=1)
        pins = np.full((len(order), widest), -1, np.int64)
        fan: list[tuple[int, int]] = []
        for position, index in enumerate(order.tolist()):
            instance = netlist.instances[index]
            cell, model = library.cells[instance.cell], models.model(instance.cell)
            if instance.cell not in kinds:
                _, table = self._families.of(instance.cell)
                kinds[instance.cell] = len(tables)
                tables.append(table)
                starts.append(total)
                total += len(table.area)
                # Rows by output pin and edge, so that one output is computed at a time.
                sorted_rows.append(np.lexsort((model.arcs[:, 3], model.arcs[:, 2])))
            kind = kinds[instance.cell]
            variant_first.append(starts[kind])
            nets = np.array([instance.pins.get(pin, netlist.net_count) for pin in model.pins])
            arcs = model.arcs[sorted_rows[kind]]
            block = np.empty((len(arcs), 2), np.int64)
            block[:, 0] = 2 * nets[arcs[:, 0]] + arcs[:, 1]
            block[:, 1] = 2 * nets[arcs[:, 2]] + arcs[:, 3]
            rows.append(block)
            first.append(first[-1] + len(block))
            for place, pin in enumerate(cell.inputs):
                pins[position, place] = instance.pins[pin]
                clocked = cell.flip_flop is not None
                if not clocked:
                    fan.append((instance.pins[pin], position))
        flat = np.concatenate(rows) if rows else np.zeros((0, 2), np.int64)
        fan_array = np.array(sorted(set(fan)), np.int64).reshape(-1, 2)
        nets_plus = netlist.net_count + 2  # unconnected outputs go to one net beyond
        driver = np.concatenate([driver, [-1, -1]])
        arc_first, arc_tables, setup_first, setup_tables = _stack(tables, sorted_rows)
        ends = _ends(netlist, rank, bound.checks["setup"])
        return (
            Circuit(
                np.array(first),
                np.ascontiguousarray(flat[:, 0]),
                np.ascontiguousarray(flat[:, 1]),
                pins,
                driver,
                np.searchsorted(fan_array[:, 0], np.arange(nets_plus + 1)),
                np.ascontiguousarray(fan_array[:, 1]),
                np.array(variant_first),
                _pad_rows([table.neighbours for table in tables]),
                np.concatenate([table.area for table in tables]),
                _pad([table.capacitance for table in tables], widest),
                arc_first,
                arc_tables,
                setup_first,
                setup_tables,
                ends,
                models.bank.arrays(),
            ),
            order,
        )

    def _start(self, bound: BoundNetlist) -> State:
        late = propagate(bound)
        extra = np.zeros((2, 2))
        nodes = 2 * (self._netlist.net_count + 2)
        arrival = np.full(nodes, -np.inf)
        slew = np.full(nodes, CLOCK_SLEW_NS)
        known = np.flatnonzero(np.isfinite(late.arrival))
        arrival[known] = late.arrival[known]
        slew[known] = late.slew[known]
        count = len(self._order)
        return State(
            np.zeros(count, np.int64),
            np.concatenate([bound.loads, extra]),
            arrival,
            slew,
            np.zeros(count, np.bool_),
            np.zeros(4 * nodes, np.int64),
            np.zeros((4 * nodes, 2)),
        )


def _topological(netlist: Netlist, library: CellLibrary) -> Ints:
    """Numbers of the instances, flip-flops first, then each gate after what drives it."""
    driver: dict[int, int] = {}
    waiting = [0] * len(netlist.instances)
    readers: dict[int, list[int]] = {}
    for index, instance in enumerate(netlist.instances):
        for pin in library.cells[instance.cell].outputs:
            if pin in instance.pins:
                driver[instance.pins[pin]] = index
    for index, instance in enumerate(netlist.instances):
        cell = library.cells[instance.cell]
        if cell.flip_flop is not None:
            continue
        for pin in cell.inputs:
            source = driver.get(instance.pins[pin])
            if (
                source is not None
                and library.cells[netlist.instances[source].cell].flip_flop is None
            ):
                waiting[index] += 1
                readers.setdefault(source, []).append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    flip_flops = [i for i in ready if library.cells[netlist.instances[i].cell].flip_flop]
    gates = [i for i in ready if not library.cells[netlist.instances[i].cell].flip_flop]
    order = flip_flops + gates
    for index in order:
        for reader in readers.get(index, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                order.append(reader)
    return np.array(order, np.int64)


def _stack(tables: list[VariantTables], sorted_rows: list[Ints]) -> tuple[Ints, Ints, Ints, Ints]:
    arc_first, setup_first = [], []
    arcs: list[Ints] = [np.zeros((0, 2), np.int64)]
    setups: list[Ints] = [np.zeros(0, np.int64)]
    arc_total = setup_total = 0
    for table, order in zip(tables, sorted_rows, strict=True):
        for variant in range(len(table.area)):
            arc_first.append(arc_total)
            setup_first.append(setup_total)
            arcs.append(table.arcs[variant].reshape(-1, 2)[order])
            setups.append(table.setup[variant].reshape(-1))
            arc_total += len(arcs[-1])
            setup_total += len(setups[-1])
    return (
        np.array(arc_first),
        np.concatenate(arcs),
        np.array(setup_first),
        np.concatenate(setups),
    )


def _pad(capacitances: list[np.ndarray], widest: int) -> np.ndarray:
    padded = [np.pad(c, ((0, 0), (0, widest - c.shape[1]), (0, 0))) for c in capacitances]
    return np.concatenate(padded)


def _pad_rows(arrays: list[Ints]) -> Ints:
    widest = max((array.shape[1] for array in arrays), default=0)
    return np.concatenate(
        [np.pad(a, ((0, 0), (0, widest - a.shape[1])), constant_values=-1) for a in arrays]
    )


def _ends(netlist: Netlist, rank: Ints, checks: Ints) -> Ints:
    """End points: data node, cell, setup row within its model; output ports have cell -1."""
    seen: dict[int, int] = {}
    ends = []
    for node, _, _, instance in checks.tolist():
        row = seen.get(instance, 0)
        seen[instance] = row + 1
        ends.append((node, int(rank[instance]), row))
    for port in netlist.ports.values():
        if port.direction == "output":
            ends += [(2 * net + edge, -1, 0) for net in port.bits for edge in (0, 1)]
    return np.array(ends, np.int64).reshape(-1, 3)
