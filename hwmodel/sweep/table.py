"""Rows of a sweep as a tidy pandas table, and that as CSV and Parquet."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwmodel.store import write_together
from hwmodel.sweep.point import COLUMNS

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["to_frame", "write_tables"]

_DTYPES = {str: "string", float: "float64", int: "int64"}


def to_frame(rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """One line a point; what is not known is missing (NaN).

    Columns and units: ``clock_ns`` is the period asked for, missing for minimum area;
    ``area_um2``, ``delay_ns`` (minimum period) and ``fj_per_mac`` (at ``energy_clock_ns``, 95 %
    interval ``fj_low`` to ``fj_high``, under ``stimulus``) are ``how``: measured; ``status`` is
    met, missed (the clock was not reached; this is the fastest circuit found) or failed;
    ``note`` says more; ``tmac_per_s_mm2`` is 10^12 multiply-accumulates a second and mm2.
    """
    import pandas as pd

    frame = pd.DataFrame(
        [{name: row.get(name) for name in COLUMNS} for row in rows], columns=list(COLUMNS)
    )
    return frame.astype({name: _DTYPES[kind] for name, kind in COLUMNS.items()})


def write_tables(rows: Sequence[dict[str, Any]], folder: Path) -> tuple[Path, Path]:
    """Write ``results.csv`` and ``results.parquet``, both or neither.

    Raises
    ------
    HwmodelError
        A file could not be written.
    """
    frame = to_frame(rows)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    text = frame.to_csv(index=False, lineterminator="\n")
    files = {"results.csv": text, "results.parquet": buffer.getvalue()}
    table, packed = write_together(folder, files)
    return table, packed
