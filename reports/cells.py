"""The library's mark on all that holds figures of it: its name, and digits that suit its size.

A table or picture may be passed on alone, so each of them names the cells.
"""

import dataclasses

import altair as alt

from hwmodel.cost.results import Results
from hwmodel.reports.charts import Figure
from hwmodel.reports.tables import Column, Table

__all__ = ["figure_with_cells", "table_with_cells"]

_TABLES = ("main", "ratio_summary", "ratio_stimuli", "ratios", "measurements", "energy", "blocks")
# Areas and energies (by the end of their column's key) whose figures are all below this have two
# decimals more: cells of 7 nm are a hundredth of those of 180 nm.
_SMALL = 100.0
_SIZES = ("_um2", "_fj", "fj_per_mac")
_FIGURES = ("accuracy-energy", "area-by-block", "area-delay", "energy")


def table_with_cells(table: Table, results: Results) -> Table:
    """Name the library in the caption, and in a column of the CSV file."""
    if table.name not in _TABLES or not results.cells:
        return table
    columns = table.columns
    if not any(column.key == "library" for column in columns):
        columns = (*columns, Column("library", "Library", hidden=True))
    library = results.measurements[0].library
    return dataclasses.replace(
        table,
        caption=f"{table.caption} Cells: {results.cells}.",
        columns=tuple(_with_digits(column, table) for column in columns),
        rows=[{"library": library, **row} for row in table.rows],
    )


def _with_digits(column: Column, table: Table) -> Column:
    if column.digits != 0 or not column.key.endswith(_SIZES):
        return column
    values = [float(row[column.key]) for row in table.rows if row.get(column.key) is not None]
    small = bool(values) and max(map(abs, values)) < _SMALL
    return dataclasses.replace(column, digits=2) if small else column


def figure_with_cells(figure: Figure, results: Results) -> Figure:
    """Name the library in the title, and in the picture itself."""
    if figure.name not in _FIGURES or not results.cells:
        return figure
    label = alt.TitleParams(
        f"cells: {results.cells}", fontSize=11, fontWeight="normal", anchor="start"
    )
    return dataclasses.replace(
        figure,
        title=f"{figure.title} ({results.measurements[0].library})",
        chart=figure.chart.properties(title=label),
    )
