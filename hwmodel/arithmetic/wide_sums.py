"""Sums of more than 64 bits, in two words, and their codes in as many as they have."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import inlined, jit

__all__ = ["WORD", "Totals", "carry", "last_mask", "word_count", "words_of"]

WORD = 64


class Totals(NamedTuple):
    """Sums ``(high * 2**split + low) * 2**shift``, but for it of 127 bits; `high` may be None."""

    low: npt.NDArray[Any]
    high: npt.NDArray[np.int64] | None
    split: int
    shift: int = 0


def word_count(width: int) -> int:
    """Words that a code of so many bits has."""
    return -(-width // WORD)


def last_mask(width: int) -> Any:
    """Bits of the last word that a code of so many bits has, as compiled code takes it."""
    return np.array((1 << (width - 1) % WORD + 1) - 1, np.uint64).view(np.int64)[()]


def words_of(totals: Totals, width: int) -> npt.NDArray[np.uint64]:
    """Sums modulo ``2**width``.

    Parameters
    ----------
    totals : Totals
        The sums, of shape (M, N).
    width : int
        Bits of a code.

    Returns
    -------
    ndarray of uint64, shape (M, N, ceil(width / 64))
        Words, the least significant first.
    """
    low = np.ascontiguousarray(totals.low, np.int64)
    high = np.zeros((0, 0), np.int64)
    if totals.high is not None:
        high = np.ascontiguousarray(totals.high)
    count = word_count(width)
    words = np.zeros((low.size, count), np.int64)
    _write(
        *(low.reshape(-1), high.reshape(-1), totals.split, *divmod(totals.shift, WORD)),
        *(words, last_mask(width)),
    )
    return words.view(np.uint64).reshape(*low.shape, count)


@inlined
def _raised(number: Any, places: Any) -> Any:
    """Times a power of two below 2**64, modulo 2**64."""
    return np.int64(number << places)


@inlined
def _cut(number: Any, places: Any) -> Any:
    """The upper bits of a word, as many as `places`, from 1 to 64 (its sign counts as one)."""
    return np.int64(np.uint64(number) >> np.uint64(np.int64(64) - places))


@jit
def _write(low: Any, high: Any, split: int, whole: int, places: int, words: Any, mask: Any) -> None:
    """Write sums, raised by `whole` words and `places` bits, to words of which the last is cut."""
    count = words.shape[1]
    for i in range(low.size):
        below, above = low[i], low[i] >> 63
        if high.size:
            if split:
                addend = _raised(high[i], split)
                upper = high[i] >> (64 - split)
            else:
                addend, upper = high[i], high[i] >> 63
            below = np.int64(below + addend)
            above += upper + (np.uint64(below) < np.uint64(addend))
        sign = above >> 63
        if places:
            last = np.int64(_raised(sign, places) | _cut(above, places))
            above = np.int64(_raised(above, places) | _cut(below, places))
            below = _raised(below, places)
        else:
            last = sign
        for n in range(whole, count):
            number = sign
            if n == whole:
                number = below
            elif n == whole + 1:
                number = above
            elif n == whole + 2:
                number = last
            words[i, n] = number
        words[i, count - 1] &= mask


@jit
def carry(low: Any, high: Any, split: int) -> None:
    """Move to `high` what is beyond the lower `split` bits of `low`."""
    mask = (1 << split) - 1
    for i in range(low.size):
        high[i] += low[i] >> split
        low[i] &= mask
