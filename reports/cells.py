"""The library's name on all that holds figures of it: a table or picture may be passed on alone."""

import dataclasses

import altair as alt

from hwmodel.cost.results import Results
from hwmodel.reports.charts import Figure
from hwmodel.reports.tables import Column, Table

__all__ = ["figure_with_cells", "table_with_cells"]

_TABLES = ("main", "ratio_summary", "ratio_stimuli", "ratios", "measurements", "energy", "blocks")
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
        columns=columns,
        rows=[{"library": library, **row} for row in table.rows],
    )


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
