"""Interpolation in non-linear tables, compiled."""

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmodel.compiled import jit
from hwmodel.technology.cells import Table

__all__ = ["TableArrays", "TableBank", "interpolate", "lookup", "segment", "weigh"]


class TableArrays(NamedTuple):
    """Many tables as rectangular arrays, for compiled code.

    ``sizes[t]`` says how much of ``rows[t]``, ``columns[t]`` and ``values[t]`` table t uses; tables
    with equal numbers in ``axes`` have the same rows and columns.
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    values: NDArray[np.float64]
    sizes: NDArray[np.int64]
    axes: NDArray[np.int64]


class TableBank:
    """Collects tables and numbers them; the same table keeps its number."""

    def __init__(self) -> None:
        self._tables: list[Table] = []
        self._numbers: dict[int, int] = {}
        self._arrays: TableArrays | None = None
        self._lock = threading.Lock()  # synthesis times several netlists at once

    def number(self, table: Table | None) -> int:
        """Number of a table, -1 for none."""
        if table is None:
            return -1
        with self._lock:
            if id(table) not in self._numbers:
                self._numbers[id(table)] = len(self._tables)
                self._tables.append(table)
                self._arrays = None
            return self._numbers[id(table)]

    def arrays(self) -> TableArrays:
        """All tables so far."""
        with self._lock:
            if self._arrays is None:
                count = len(self._tables)
                most_rows = max((table.rows.size for table in self._tables), default=1)
                most_columns = max((table.columns.size for table in self._tables), default=1)
                rows = np.zeros((count, most_rows))
                columns = np.zeros((count, most_columns))
                values = np.zeros((count, most_rows, most_columns))
                sizes = np.zeros((count, 2), np.int64)
                axes = np.zeros(count, np.int64)
                known: dict[tuple[bytes, bytes], int] = {}
                for index, table in enumerate(self._tables):
                    m, n = table.values.shape
                    rows[index, :m] = table.rows
                    columns[index, :n] = table.columns
                    values[index, :m, :n] = table.values
                    sizes[index] = m, n
                    both = (rows[index, :m].tobytes(), columns[index, :n].tobytes())
                    axes[index] = known.setdefault(both, len(known))
                self._arrays = TableArrays(rows, columns, values, sizes, axes)
            return self._arrays


# Compiled code that looks up millions of times takes the arrays out of the tuple and calls these
# two: a tuple of arrays costs ten times an interpolation at each call, for its references are
# counted.
@jit
def segment(axes: NDArray[np.float64], number: int, size: int, x: float) -> tuple[int, float]:
    """Segment of an axis that holds x (the first or last one beyond its ends) and the fraction."""
    if size == 1:
        return 0, 0.0
    low = 0
    while low < size - 2 and x >= axes[number, low + 1]:
        low += 1
    return low, (x - axes[number, low]) / (axes[number, low + 1] - axes[number, low])


@jit
def weigh(
    values: NDArray[np.float64],
    sizes: NDArray[np.int64],
    number: int,
    row: int,
    x: float,
    column: int,
    y: float,
) -> float:
    """Value of a table at fractions x and y of a segment of each axis."""
    row1 = min(row + 1, sizes[number, 0] - 1)
    column1 = min(column + 1, sizes[number, 1] - 1)
    low = values[number, row, column] * (1.0 - y) + values[number, row, column1] * y
    high = values[number, row1, column] * (1.0 - y) + values[number, row1, column1] * y
    return low * (1.0 - x) + high * x


@jit
def interpolate(tables: TableArrays, number: int, x: float, y: float) -> float:
    """Bilinear interpolation in table `number` at row value x and column value y.

    Beyond the ends of an axis the last segment goes on as a straight line, as timing analysers do.
    """
    sizes = tables.sizes
    i, fx = segment(tables.rows, number, sizes[number, 0], x)
    j, fy = segment(tables.columns, number, sizes[number, 1], y)
    return weigh(tables.values, sizes, number, i, fx, j, fy)


def lookup(table: Table, row: float, column: float) -> float:
    """Interpolate in one table.

    Parameters
    ----------
    table : Table
        The table.
    row : float
        Transition time in ns.
    column : float
        Load in fF (setup and hold: transition time of the clock in ns).
    """
    bank = TableBank()
    number = bank.number(table)
    return float(interpolate(bank.arrays(), number, row, column))
