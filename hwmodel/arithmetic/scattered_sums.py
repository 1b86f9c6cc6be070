"""Exact sums of products whose exponents lie far apart: each product goes where its bits belong.

A sum is kept in bins of some bits each, as 64-bit integers with room for the carries of all its
products. A product is a small integer times a power of two: shifted within a bin, it is added to
that one alone. Carries move on once, at the end.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.library_products import code_places, steps_of
from hwmodel.arithmetic.wide_sums import WORD, last_mask, word_count
from hwmodel.compiled import jit
from hwmodel.formats import Format
from hwmodel.parallel import in_pieces

__all__ = ["Parts", "scattered_sums"]

# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 18


class Parts:
    """Values of codes as integers times powers of two, in steps of a format of 16 bits at most.

    Attributes
    ----------
    significands, exponents : ndarray of int32, shape that of the codes
        The values; a code that is no number counts as zero.
    odd : ndarray of bool
        Where a code is no number.
    bits : int
        The most that a significand has.
    """

    def __init__(self, fmt: Format, codes: npt.NDArray[Any]) -> None:
        significands, exponents, odd, self.bits = _tables(fmt)
        self.significands = significands.take(codes)
        self.exponents = exponents.take(codes)
        self.odd = odd.take(codes)


@functools.lru_cache(maxsize=64)
def _tables(
    fmt: Format,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.bool_], int]:
    """`Parts` of all codes."""
    lows, highs, numbers = code_places(fmt)
    steps = steps_of(fmt, np.arange(fmt.code_count))
    significands = np.ldexp(np.where(numbers, steps, 0.0), -lows).astype(np.int32)
    bits = int((highs - lows).max(initial=0))
    return significands, lows.astype(np.int32), np.isnan(steps), bits


def scattered_sums(a: Parts, b: Parts, width: int) -> npt.NDArray[np.uint64] | None:
    """Sums of the products of the matrices a, shape (M, K), and b, (K, N), modulo ``2**width``.

    Returns
    -------
    ndarray of uint64, shape (M, N, ceil(width / 64)), or None
        Words, the least significant first; None where products have no room in a bin.
    """
    height, length = a.significands.shape
    columns = b.significands.shape[1]
    room = WORD - 2 - a.bits - b.bits - length.bit_length()
    if room < 1:
        return None
    # Bits of a bin, a power of two that divides a word's.
    place = min(room.bit_length() - 1, 5)
    low = int(a.exponents.min(initial=0) + b.exponents.min(initial=0)) >> place << place
    high = int(a.exponents.max(initial=0) + b.exponents.max(initial=0))
    bins = (high - low >> place) + 1
    words = np.zeros((height, columns, word_count(width)), np.int64)
    mask = last_mask(width)
    whole, places = (np.ascontiguousarray(part.T) for part in (b.significands, b.exponents))

    def work(part: slice) -> int:
        rows = a.significands[part], a.exponents[part]
        _scatter(rows[0], rows[1], whole, places, low, place, bins, words[part], mask)
        return 0

    in_pieces(work, height, worth=max(1, _WORTHWHILE // max(1, length * columns)))
    return words.view(np.uint64)


@jit
def _scatter(
    whole_a: Any,
    places_a: Any,
    whole_b: Any,
    places_b: Any,
    low: int,
    place: int,
    bins: int,
    words: Any,
    mask: Any,
) -> None:
    size, inner = 1 << place, (1 << place) - 1
    ones = (1 << size) - 1
    last = words.shape[2] - 1
    sums = np.zeros(bins, np.int64)
    for i in range(whole_a.shape[0]):
        for j in range(whole_b.shape[0]):
            sums[:] = 0
            for k in range(whole_a.shape[1]):
                exponent = np.int64(places_a[i, k] + places_b[j, k]) - low
                product = np.int64(whole_a[i, k]) * np.int64(whole_b[j, k])
                sums[exponent >> place] += product << (exponent & inner)
            carried = np.int64(0)
            # Beyond the last bin there is the carry, and then the sign.
            for n in range((64 * (last + 1) - low) >> place):
                total = carried
                if n < bins:
                    total += sums[n]
                carried = total >> size
                position = low + n * size
                words[i, j, position >> 6] |= (total & ones) << (position & 63)
            words[i, j, last] &= mask
