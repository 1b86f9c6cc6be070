"""Measured rows that the models are trained on, with all that each holds for.

The packaged table is written by ``hwmodel predict --collect``; nobody types figures into it.
"""

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path

from hwmodel.errors import HwmodelError

__all__ = ["PACKAGED", "Row", "read_rows", "write_rows"]

PACKAGED = Path(__file__).with_name("measured.csv")


@dataclass(frozen=True)
class Row:
    """A measured design point.

    Attributes
    ----------
    spec : str
        Name of the unit.
    library, corner : str
        Cells and operating conditions.
    clock_ns : float or None
        Clock period asked for; None for minimum area.
    met : bool
        Whether `delay_ns` is within it.
    area_um2, nand2, delay_ns : float
        Cell area in um2 and in NAND2 of the library; minimum clock period.
    fj_per_mac, fj_low, fj_high : float
        Energy per multiply-accumulate in fJ and its 95 % interval from the simulation.
    clock_fj, leakage_fj : float
        Parts of it: the clock in the flip-flops, and leakage.
    energy_clock_ns : float
        Clock period of the energy (leakage grows with it).
    stimulus : str
        Operand stream of the energy.
    structure, recipe : str
        What won.
    effort : str
        How much was tried.
    tools : str
        Versions and hashes of tools and library, as ``name=value`` with blanks between.
    """

    spec: str
    library: str
    corner: str
    clock_ns: float | None
    met: bool
    area_um2: float
    nand2: float
    delay_ns: float
    fj_per_mac: float
    fj_low: float
    fj_high: float
    clock_fj: float
    leakage_fj: float
    energy_clock_ns: float
    stimulus: str
    structure: str
    recipe: str
    effort: str
    tools: str

    @property
    def reduced(self) -> bool:
        """Whether fewer circuits were tried than `hwmodel synth` tries."""
        return self.effort.startswith("reduced")


_FIELDS = tuple(field.name for field in dataclasses.fields(Row))
_TEXT = {"spec", "library", "corner", "stimulus", "structure", "recipe", "effort", "tools"}


def read_rows(path: Path = PACKAGED) -> tuple[Row, ...]:
    """Rows of a table.

    Raises
    ------
    HwmodelError
        The file is missing or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise HwmodelError(
            f"cannot read the measured rows {path}: {reason}; make them with:"
            f" hwmodel predict --collect -o {path.name}"
        ) from error
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != _FIELDS:
        raise HwmodelError(
            f"expected a table with the columns {', '.join(_FIELDS)} in {path}, but"
            f" {', '.join(reader.fieldnames or ()) or 'none'} came; make it with: hwmodel predict"
            " --collect -o FILE"
        )
    rows = []
    for line, entry in enumerate(reader, 2):
        try:
            rows.append(_row(entry))
        except (TypeError, ValueError) as error:
            raise HwmodelError(
                f"line {line} of {path} is no measured row ({error}); make the table again with:"
                " hwmodel predict --collect -o FILE"
            ) from error
    return tuple(rows)


def _row(entry: dict[str, str]) -> Row:
    values: dict[str, object] = {}
    for name in _FIELDS:
        text = entry[name]
        if name in _TEXT:
            values[name] = text
        elif name == "met":
            values[name] = {"yes": True, "no": False}[text] if text in ("yes", "no") else _bad(text)
        elif name == "clock_ns" and not text:
            values[name] = None
        else:
            number = float(text)
            values[name] = number if 0 < number < float("inf") else _bad(text)
    return Row(**values)  # type: ignore[arg-type]


def _bad(text: str) -> object:
    raise ValueError(f"{text!r} cannot stand there")


def write_rows(path: Path, rows: tuple[Row, ...]) -> None:
    """Write a table, units in order of name and minimum area before clocks."""
    from hwmodel.store import atomic_write

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_FIELDS)
    for row in sorted(rows, key=lambda r: (r.spec, r.clock_ns or 0.0)):
        writer.writerow([_text(getattr(row, name)) for name in _FIELDS])
    atomic_write(path, buffer.getvalue())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
