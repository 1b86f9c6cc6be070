"""Delays and energies of all instances of a netlist, looked up together, cell type by cell type.

Which table an event of a cell asks for, at the transition time of which pin and at which load, is
settled once for each cell of a library; the instances of a cell differ in the numbers alone.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.sim.gate_cells import CellBehaviour
from hwmodel.technology import CellLibrary
from hwmodel.technology.cells import Table
from hwmodel.technology.tables import TableArrays, TableBank, interpolate

__all__ = ["CellTables", "LibraryTables", "Stretch", "tables_of_library"]

# Edge of the input, edge of the output: 0 fall, 1 rise.
_EDGE_PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))
# Libraries whose cells' tables are kept.
_KEPT = 8

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Stretch(NamedTuple):
    """What an instance of a cell asks for: entries that stand one after the other.

    Attributes
    ----------
    size : int
        Entries of an instance.
    entry, table : array of shape (n,)
        To which entry a table adds its value; entries without tables are 0.
    slew_pin, slew_edge : array of shape (n,)
        Input whose transition time is the table's row.
    load_pin, load_edge : array of shape (n,)
        Output whose load is the table's column; -1 for a load of 0.
    """

    size: int
    entry: Ints
    table: Ints
    slew_pin: Ints
    slew_edge: Ints
    load_pin: Ints
    load_edge: Ints

    def values(self, tables: TableArrays, slews: Floats, loads: Floats) -> Floats:
        """Entries of N instances, of shape (N, size).

        Parameters
        ----------
        tables
            All tables.
        slews : array of shape (N, inputs, 2)
            ns, by input and edge.
        loads : array of shape (N, outputs, 2)
            fF, by output and edge.
        """
        rows = slews[:, self.slew_pin, self.slew_edge]
        columns = np.where(self.load_pin >= 0, loads[:, self.load_pin, self.load_edge], 0.0)
        found = _look_up(tables, self.table, rows, columns)
        result = np.zeros((len(slews), self.size))
        # In the order in which the tables stand: sums do not hang on the number of instances.
        np.add.at(result.T, self.entry, found.T)
        return result


@jit
def _look_up(tables: TableArrays, numbers: Ints, x: Floats, y: Floats) -> Floats:
    found = np.empty(x.shape)
    for n in range(x.shape[0]):
        for k in range(x.shape[1]):
            found[n, k] = interpolate(tables, numbers[k], x[n, k], y[n, k])
    return found


class CellTables(NamedTuple):
    """A cell's behaviour, and the tables of its delays, output events and input events."""

    behaviour: CellBehaviour
    stretches: tuple[Stretch, Stretch, Stretch]


class LibraryTables:
    """The cells of a library, made when first used."""

    def __init__(self, library: CellLibrary) -> None:
        self.library = library
        self.bank = TableBank()
        self._cells: dict[str, CellTables] = {}

    def cell(self, name: str) -> CellTables:
        """Behaviour and tables of a cell."""
        if name not in self._cells:
            self._cells[name] = self._make(CellBehaviour(self.library.cells[name]))
        return self._cells[name]

    def _make(self, behaviour: CellBehaviour) -> CellTables:
        inputs, outputs = behaviour.cell.inputs, behaviour.cell.outputs
        delay, power, own = _Asked(self.bank), _Asked(self.bank), _Asked(self.bank)
        for arc in behaviour.arcs:
            pins = inputs.index(arc.related), outputs.index(arc.pin)
            for edge, out in _EDGE_PAIRS:
                delay.ask([arc.delay[out]], (pins[0], edge), (pins[1], out))
        for pin, groups in behaviour.powers:
            pins = inputs.index(pin), outputs.index(groups[0].pin)
            for edge, out in _EDGE_PAIRS:
                power.ask([g.energy[out] for g in groups], (pins[0], edge), (pins[1], out))
        for pin, groups in behaviour.hidden:
            for edge in (0, 1):
                own.ask([g.energy[edge] for g in groups], (inputs.index(pin), edge), (-1, 0))
        return CellTables(behaviour, (delay.stretch(), power.stretch(), own.stretch()))


@lru_cache(_KEPT)
def tables_of_library(library: CellLibrary) -> LibraryTables:
    """The one `LibraryTables` of a library."""
    return LibraryTables(library)


class _Asked:
    """Collects the entries of a `Stretch`."""

    def __init__(self, bank: TableBank) -> None:
        self._bank = bank
        self._size = 0
        self._rows: list[tuple[int, int, int, int, int, int]] = []

    def ask(
        self, tables: Iterable[Table | None], slew: tuple[int, int], load: tuple[int, int]
    ) -> None:
        """Append an entry: the sum over `tables` at a pin's slew and another's load."""
        for table in tables:
            if table is not None:
                self._rows.append((self._size, self._bank.number(table), *slew, *load))
        self._size += 1

    def stretch(self) -> Stretch:
        """All entries."""
        columns = np.array(self._rows, np.int64).reshape(-1, 6).T
        return Stretch(self._size, *(np.ascontiguousarray(column) for column in columns))
