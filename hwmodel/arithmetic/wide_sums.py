"""Sums of more than 64 bits, in two words, and their codes as Python's integers."""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Totals", "codes_of"]

_WORD = 64
# Bits above the lower word of which a table has all numbers.
_TABLE_BITS = 16


class Totals(NamedTuple):
    """Sums ``(high * 2**split + low) * 2**shift``; `high` may be None."""

    low: npt.NDArray[Any]
    high: npt.NDArray[np.int64] | None
    split: int
    shift: int = 0


def codes_of(totals: Totals, width: int) -> npt.NDArray[Any]:
    """Sums modulo ``2**width``, more than 64 bits."""
    low, high, split, shift = totals
    if width > 2 * _WORD:
        total = low.astype(object)
        if high is not None:
            total += high.astype(object) << split
        return np.asarray((total << shift) & np.array((1 << width) - 1, object))
    below, above = low.astype(np.int64).view(np.uint64), low.astype(np.int64) >> (_WORD - 1)
    if high is not None:
        addend = _raised(high.view(np.uint64), split)
        below = below + addend
        above = above + (high >> (_WORD - split)) + (below < addend)
    if shift >= _WORD:
        below, above = np.zeros_like(below), _raised(below, shift - _WORD).view(np.int64)
    elif shift:
        carried = (below >> np.uint64(_WORD - shift)).view(np.int64)
        below, above = _raised(below, shift), (above << shift) | carried
    rest = width - _WORD
    tops = above.view(np.uint64)
    if rest < _WORD:
        tops = tops & np.uint64((1 << rest) - 1)
    # Most of the time is spent in making Python's integers: as few as can be.
    if rest <= _TABLE_BITS:
        upper = _tops(rest).take(tops.view(np.int64))
    else:
        upper = tops.astype(object) << _WORD
    codes = below.astype(object)
    return np.asarray(np.bitwise_or(codes, upper, out=codes, where=tops != 0))


def _raised(numbers: npt.NDArray[np.uint64], places: int) -> npt.NDArray[np.uint64]:
    """Numbers times a power of two modulo 2**64."""
    return numbers << np.uint64(places) if places < _WORD else np.zeros_like(numbers)


@functools.lru_cache(maxsize=8)
def _tops(bits: int) -> npt.NDArray[Any]:
    """Multiples of 2**64."""
    return np.array([number << _WORD for number in range(1 << bits)], object)
