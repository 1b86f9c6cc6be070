"""Tables as data: the same rows become HTML, Markdown and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwmodel.reports.wording import NOTHING, number

__all__ = ["Column", "Table"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    key : str
        Of the value in a row; also the heading in CSV.
    label : str
        Heading for readers, with the unit.
    digits : int, optional
        Decimals of a figure; None for text.
    scale : float
        What a figure is multiplied by for readers (100 for percent); CSV keeps the plain value.
    interval : tuple of str, optional
        Keys of the ends of its 95 % interval.
    merged : bool
        Whether equal values of neighbouring rows of a group are written once in HTML.
    unbroken : bool
        Whether a text is kept on one line.
    hidden : bool
        Whether only CSV and JSON have it.
    """

    key: str
    label: str
    digits: int | None = None
    scale: float = 1.0
    interval: tuple[str, str] | None = None
    merged: bool = False
    unbroken: bool = False
    hidden: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the column holds figures."""
        return self.digits is not None

    def text(self, row: Mapping[str, Any]) -> str:
        """Value for readers."""
        value = row.get(self.key)
        if self.digits is None:
            return NOTHING if value is None or value == "" else str(value)
        return number(None if value is None else self.scale * value, self.digits)

    def interval_text(self, row: Mapping[str, Any]) -> str:
        """Ends of the interval for readers; empty where there is none."""
        if self.interval is None or self.digits is None:
            return ""
        ends = [row.get(key) for key in self.interval]
        if None in ends:
            return ""
        return " to ".join(number(self.scale * float(end), self.digits) for end in ends)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Table:
    """A table: a name (of its CSV file), a caption, columns and rows.

    `group` is the key whose equal neighbours belong together (see `Column.merged`).
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    group: str | None = None

    @property
    def shown(self) -> list[Column]:
        """Columns for readers."""
        return [column for column in self.columns if not column.hidden]

    def span(self, index: int, column: Column) -> int:
        """Rows that a cell covers in HTML: 0 where the cell above covers it."""
        if not column.merged or self.group is None:
            return 1
        group = [row.get(self.group) for row in self.rows]
        if index and group[index] == group[index - 1]:
            return 0
        end = index
        while end < len(group) and group[end] == group[index]:
            end += 1
        return end - index

    def csv(self) -> str:
        """Comma-separated values with all digits, every column, and interval ends of their own."""
        keys: list[str] = []
        for column in self.columns:
            keys += [column.key, *(column.interval or ())]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, keys, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({key: row.get(key) for key in keys})
        return buffer.getvalue()

    def markdown(self) -> str:
        """GitHub-flavoured Markdown."""
        lines = [_line(column.label for column in self.shown)]
        lines.append(_line("--:" if column.numeric else ":--" for column in self.shown))
        for row in self.rows:
            lines.append(_line(_with_interval(column, row) for column in self.shown))
        return "\n".join(lines)


def _with_interval(column: Column, row: Mapping[str, Any]) -> str:
    interval = column.interval_text(row)
    return f"{column.text(row)} ({interval})" if interval else column.text(row)


def _line(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
