"""Sums in FP32 itself that are rounded toward zero, up, down or to odd.

float32's adder rounds to nearest even; what it left of a sum is one of its numbers (Knuth's
TwoSum), whose sign says on which side of the result the sum lies: the one beside it may be the
right one. Products are exact, so that a step is rounded once.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats import Rounding

__all__ = ["ROUNDINGS", "Errors", "add_products"]

ROUNDINGS = (Rounding.TOWARD_ZERO, Rounding.UP, Rounding.DOWN, Rounding.TO_ODD)
# Columns whose sums stay in the first-level cache.
_COLUMNS = 1024
_FLOAT = np.float32(0.0)  # for its type
_INT = np.int32


class Errors(NamedTuple):
    """Which of `ROUNDINGS` it is."""

    rounding: Rounding


def add_products(
    errors: Errors, a: npt.NDArray[Any], b: npt.NDArray[Any], sums: npt.NDArray[Any], hasty: bool
) -> npt.NDArray[np.bool_]:
    """Write the rounded sums of products of `a` and `b`; True for rows that have to be done again.

    Those are rows with a sum that is not finite: rounded so, a sum may overflow to the largest
    value. `hasty` is of no use here.
    """
    down, odd = errors.rounding is Rounding.DOWN, errors.rounding is Rounding.TO_ODD
    sided = down or errors.rounding is Rounding.UP
    flags = tuple(True if flag else None for flag in (sided, odd, down))
    for start in range(0, b.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        _add(a, np.ascontiguousarray(b[:, part]), sums[:, part], _INT(-1 if down else 0), *flags)
    return ~np.isfinite(sums).all(axis=1)


@inlined
def _stepped(total: Any, error: Any, which: Any, sided: Any, odd: Any) -> Any:
    """Bits of a sum after the rounding, from float32's sum and its error."""
    bits, rest = bits_of(total), bits_of(error)
    lost = _INT(abs(error) > np.float32(0.0))  # not so of a NaN, where the sum is infinite
    # -1 where the exact sum has the smaller magnitude. A sum that is zero has no error.
    inward = _INT(_INT(bits ^ rest) >> _INT(31))
    if odd is not None:
        # One step toward the sum, unless the sum is odd already.
        step = _INT(_INT(inward | _INT(1)) & -_INT(lost & _INT(_INT(bits & _INT(1)) ^ _INT(1))))
        return _INT(bits + step)
    if sided is not None:
        # To the upper neighbour where the error is positive, to the lower where it is negative.
        step = _INT(_INT(inward | _INT(1)) & -lost)
        return _INT(bits + (step if _INT(rest >> _INT(31)) == which else _INT(0)))
    return _INT(bits + _INT(inward & -lost))


@jit
def _add(a: Any, b: Any, sums: Any, which: Any, sided: Any, odd: Any, down: Any) -> None:
    for i in range(a.shape[0]):
        row = sums[i]
        for k in range(a.shape[1]):
            factor = a[i, k]
            for j in range(row.size):
                product = np.float32(factor * b[k, j])
                before = row[j]
                total = np.float32(before + product)
                back = np.float32(total - before)
                error = np.float32(
                    np.float32(before - np.float32(total - back)) + np.float32(product - back)
                )
                bits = _stepped(total, error, which, sided, odd)
                if down is not None:  # a zero is minus zero unless both are plus zero
                    signs = _INT(_INT(bits_of(before) | bits_of(product)) & _INT(-(1 << 31)))
                    bits = _INT(bits | (signs if total == np.float32(0.0) else _INT(0)))
                row[j] = float_of(bits, _FLOAT)
