"""A netlist bound to a library: loads of nets and timing arcs, as arrays.

Nodes of the timing graph are the two edges of each net: node = 2 * net + edge, edge 0 falling and
1 rising. Wires have capacitance but no delay of their own (the wire-load model's resistance adds
less than a picosecond in the libraries at hand).
"""

import functools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmodel.errors import HwmodelError
from hwmodel.technology.cells import Cell
from hwmodel.technology.library import CellLibrary
from hwmodel.technology.netlist import Netlist
from hwmodel.technology.tables import TableBank

__all__ = [
    "CLOCK_SLEW_NS",
    "FALL",
    "INPUT_SLEW_NS",
    "OUTPUT_LOAD_FF",
    "RISE",
    "BoundNetlist",
    "bind",
    "models_of",
]

# Boundary conditions of every analysis, stated with its results.
OUTPUT_LOAD_FF = 5.0  # capacitance outside at each output port
INPUT_SLEW_NS = 0.02  # transition time at each input port
CLOCK_SLEW_NS = 0.0  # ideal clock: the tree is not built yet

FALL, RISE = 0, 1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Rows of a cell's timing model.
_IN_PIN, _IN_EDGE, _OUT_PIN, _OUT_EDGE, _DELAY, _SLEW = range(6)


@dataclass(frozen=True, eq=False)
class CellModel:
    """Timing of one cell type as rows of numbers.

    Attributes
    ----------
    pins : tuple of str
        Inputs, then outputs; rows refer to these positions.
    arcs : array of shape (n, 6)
        In pin, in edge, out pin, out edge, number of the delay table, of the transition table.
    setup, hold : array of shape (n, 3)
        Data pin, data edge, number of the constraint table.
    clock : int
        Position of the clock pin, -1 for a combinational cell.
    """

    pins: tuple[str, ...]
    arcs: Ints
    setup: Ints
    hold: Ints
    clock: int


class LibraryModels:
    """Timing models of a library's cells, made when first used."""

    def __init__(self, library: CellLibrary) -> None:
        self.library = library
        self.bank = TableBank()
        self._models: dict[str, CellModel] = {}

    def model(self, name: str) -> CellModel:
        """Return the model of a cell."""
        if name not in self._models:
            self._models[name] = self._build(self.library.cells[name])
        return self._models[name]

    def _build(self, cell: Cell) -> CellModel:
        if cell.latch or (cell.flip_flop is None and not cell.is_combinational):
            raise HwmodelError(
                f"cell {cell.name} is a latch, clock gate or three-state cell; expected"
                " combinational cells and flip-flops"
            )
        if cell.flip_flop is not None and not cell.flip_flop.rising:
            raise HwmodelError(f"flip-flop {cell.name} counts falling edges; expected rising ones")
        pins = cell.inputs + cell.outputs
        arcs: list[tuple[int, ...]] = []
        checks: dict[str, list[tuple[int, int, int]]] = {"setup_rising": [], "hold_rising": []}
        for arc in cell.arcs:
            if arc.pin not in pins or arc.related not in pins:
                continue
            source, sink = pins.index(arc.related), pins.index(arc.pin)
            numbers = [self.bank.number(table) for table in arc.delay]
            if arc.kind in checks:
                for edge in (FALL, RISE):
                    if numbers[edge] >= 0:
                        checks[arc.kind].append((sink, edge, numbers[edge]))
                continue
            slews = [self.bank.number(table) for table in arc.transition]
            for edge in (FALL, RISE):
                if numbers[edge] < 0 or slews[edge] < 0:
                    continue
                for in_edge in _input_edges(arc.kind, arc.sense, edge):
                    arcs.append((source, in_edge, sink, edge, numbers[edge], slews[edge]))
        if cell.inputs and not arcs:
            raise HwmodelError(f"cell {cell.name} has no delay tables in {self.library.name}")
        flip_flop = cell.flip_flop
        return CellModel(
            pins,
            np.array(arcs, np.int64).reshape(-1, 6),
            np.array(checks["setup_rising"], np.int64).reshape(-1, 3),
            np.array(checks["hold_rising"], np.int64).reshape(-1, 3),
            pins.index(flip_flop.clock) if flip_flop is not None else -1,
        )


def _input_edges(kind: str, sense: str, edge: int) -> tuple[int, ...]:
    """Edges of the input that can cause this edge of the output."""
    if kind == "rising_edge":
        return (RISE,)
    if kind in ("clear", "preset", "falling_edge"):
        return ()  # asynchronous controls are tied off here
    if kind not in ("combinational", "combinational_rise", "combinational_fall"):
        return ()
    if kind.endswith(("rise", "fall")) and edge != (RISE if kind.endswith("rise") else FALL):
        return ()
    return {"positive_unate": (edge,), "negative_unate": (1 - edge,)}.get(sense, (FALL, RISE))


@functools.lru_cache(maxsize=4)
def models_of(library: CellLibrary) -> LibraryModels:
    """Timing models of a library; one object for each library."""
    return LibraryModels(library)


@dataclass(frozen=True, eq=False)
class BoundNetlist:
    """Arrays of one netlist in one library.

    Attributes
    ----------
    loads : array of shape (nets, 2)
        Load in fF by edge: pins, wire and what the output ports carry.
    pin_loads, wire_loads : array of shape (nets, 2) and (nets,)
        The parts of it: input pins by edge, wire.
    arcs : array of shape (n, 5)
        In node, out node, delay table, transition table, instance.
    checks : dict of str to array of shape (n, 4)
        ``setup`` and ``hold``: data node, clock node, table, instance.
    clock_nets : frozenset of int
        Nets on which flip-flops' clock pins stand.
    driver : array of shape (nets,)
        Instance that drives a net, -1 for an input port, -2 for nothing.
    """

    netlist: Netlist
    library: CellLibrary
    loads: Floats
    pin_loads: Floats
    wire_loads: Floats
    arcs: Ints
    checks: dict[str, Ints]
    clock_nets: frozenset[int]
    driver: Ints


def bind(netlist: Netlist, library: CellLibrary) -> BoundNetlist:
    """Bind a netlist to its library.

    Raises
    ------
    HwmodelError
        A net with several drivers or none, or a cell that the analyses do not know.
    """
    models = models_of(library)
    nets = netlist.net_count
    by_cell: dict[str, list[int]] = defaultdict(list)
    for index, instance in enumerate(netlist.instances):
        by_cell[instance.cell].append(index)
    pin_loads = np.zeros((nets, 2))
    fanout = np.zeros(nets, np.int64)
    driver = np.full(nets, -2, np.int64)
    driver[:2] = -1
    arcs: list[Ints] = []
    setup: list[Ints] = []
    hold: list[Ints] = []
    clock_nets: set[int] = set()
    for port in netlist.ports.values():
        if port.direction == "input":
            driver[list(port.bits)] = -1
    # Unconnected outputs go to one extra net at the end, dropped again below.
    for name, members in by_cell.items():
        cell, model = library.cells[name], models.model(name)
        count = len(cell.inputs)
        pins = np.array(
            [[netlist.instances[i].pins.get(pin, nets) for pin in model.pins] for i in members],
            np.int64,
        ).reshape(len(members), len(model.pins))
        numbers = np.array(members, np.int64)
        for position, pin in enumerate(cell.inputs):
            record = cell.pins[pin]
            np.add.at(pin_loads[:, FALL], pins[:, position], record.fall_capacitance)
            np.add.at(pin_loads[:, RISE], pins[:, position], record.rise_capacitance)
            np.add.at(fanout, pins[:, position], 1)
        for position in range(count, len(model.pins)):
            for net, number in zip(pins[:, position].tolist(), members, strict=True):
                if net < nets:
                    if driver[net] != -2:
                        raise HwmodelError(
                            f"netlist {netlist.name}: net {netlist.net_names[net]} has two drivers"
                        )
                    driver[net] = number
        rows = model.arcs
        source = pins[:, rows[:, _IN_PIN]]
        sink = pins[:, rows[:, _OUT_PIN]]
        block = np.empty((len(members), len(rows), 5), np.int64)
        block[:, :, 0] = 2 * source + rows[:, _IN_EDGE]
        block[:, :, 1] = 2 * sink + rows[:, _OUT_EDGE]
        block[:, :, 2] = rows[:, _DELAY]
        block[:, :, 3] = rows[:, _SLEW]
        block[:, :, 4] = numbers[:, None]
        arcs.append(block[sink < nets])
        if model.clock >= 0:
            clocks = pins[:, model.clock]
            clock_nets.update(clocks.tolist())
            for checks, found in ((model.setup, setup), (model.hold, hold)):
                check = np.empty((len(members), len(checks), 4), np.int64)
                check[:, :, 0] = 2 * pins[:, checks[:, 0]] + checks[:, 1]
                check[:, :, 1] = (2 * clocks + RISE)[:, None]
                check[:, :, 2] = checks[:, 2]
                check[:, :, 3] = numbers[:, None]
                found.append(check.reshape(-1, 4))
    loaded = fanout > 0
    outputs = np.zeros(nets)
    for port in netlist.ports.values():
        if port.direction == "output":
            np.add.at(outputs, list(port.bits), 1.0)
    floating = np.flatnonzero((driver == -2) & (loaded | (outputs > 0)))
    if floating.size:
        raise HwmodelError(
            f"netlist {netlist.name}: nothing drives net {netlist.net_names[int(floating[0])]}"
        )
    model_of_wire = library.wire_load
    by_fanout = np.array(
        [model_of_wire.capacitance(n) for n in range(int(fanout.max(initial=0)) + 2)]
    )
    wire_loads = by_fanout[fanout + (outputs > 0)]
    wire_loads[:2] = 0.0
    loads = pin_loads + (wire_loads + outputs * OUTPUT_LOAD_FF)[:, None]
    empty = np.zeros((0, 4), np.int64)
    return BoundNetlist(
        netlist,
        library,
        loads,
        pin_loads,
        wire_loads,
        np.concatenate(arcs) if arcs else np.zeros((0, 5), np.int64),
        {
            "setup": np.concatenate(setup) if setup else empty,
            "hold": np.concatenate(hold) if hold else empty,
        },
        frozenset(clock_nets),
        driver,
    )
