"""Tables of what codes stand for, looked up for whole arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["extremes", "looked_up"]

# Codes that NumPy has looked up before other code is loaded.
_FEW = 1 << 14


def looked_up(table: npt.NDArray[Any], codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The items of a table for codes of any shape, in C order."""
    if codes.size <= _FEW:
        return np.asarray(table.take(codes))
    from hwmodel.arithmetic.table_loops import look_up

    result = np.empty(codes.shape, table.dtype)
    look_up(table, np.ascontiguousarray(codes).reshape(-1), result.reshape(-1))
    return result


def extremes(
    lows: npt.NDArray[Any], highs: npt.NDArray[Any], codes: npt.NDArray[Any]
) -> tuple[int, int]:
    """The least number that one table has for codes, and the largest of the other."""
    if codes.size <= _FEW:
        return int(lows.take(codes).min()), int(highs.take(codes).max())
    from hwmodel.arithmetic.table_loops import reach

    low, high = reach(lows, highs, np.ascontiguousarray(codes).reshape(-1))
    return int(low), int(high)
