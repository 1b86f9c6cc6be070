"""Sums of products of integers by matrix libraries, in pieces that a float type holds exactly."""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format
from hwmodel.formats.base import MAX_TABLE_BITS

__all__ = ["Steps", "code_places", "exact_sums", "shifted", "steps", "steps_of"]

_EXACT = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
# Products summed in one matrix product at least, else operands are cut into pieces.
_SHORTEST = 256


class Steps(NamedTuple):
    """Values in steps of their format: integers in a float type.

    `odd` says where a code is none (then there is a zero), if anywhere; `largest` bounds the
    magnitudes.
    """

    values: npt.NDArray[Any]
    odd: npt.NDArray[np.bool_] | None
    largest: int

    @property
    def transposed(self) -> "Steps":
        return Steps(self.values.T, None, self.largest)


def steps(fmt: Format, codes: npt.NDArray[Any]) -> Steps:
    """Values of codes in steps of the format."""
    table = _step_table(fmt) if fmt.bits <= MAX_TABLE_BITS else None
    values = steps_of(fmt, codes) if table is None else table.take(codes)
    high, low = values.max(initial=0.0), values.min(initial=0.0)
    if not np.isnan(high):
        return Steps(values, None, int(max(high, -low)))
    odd = np.isnan(values)
    values[odd] = 0.0
    return Steps(values, odd, _largest(values))


@functools.lru_cache(maxsize=64)
def _step_table(fmt: Format) -> npt.NDArray[Any]:
    steps = steps_of(fmt, np.arange(fmt.code_count))
    # In the type of the matrix product, if the other operand is no larger.
    single = _largest(np.nan_to_num(steps)) ** 2 * _SHORTEST <= 1 << _EXACT[np.dtype(np.float32)]
    return steps.astype(np.float32) if single else steps


def steps_of(fmt: Format, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values in steps of the format (exact), NaN where there is none."""
    value = fmt.decode(codes)
    scale = 2.0**-fmt.lsb_exponent if isinstance(fmt, FloatFormat) else 1.0
    if not np.isfinite(scale) or fmt.max_value * scale > 2.0**1000:
        raise HwmodelError(
            f"{fmt.name} has too wide a range for an exact matrix product; simulate() has it"
        )
    return np.where(np.isfinite(value), value, np.nan) * scale


@functools.lru_cache(maxsize=64)
def code_places(
    fmt: Format,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Of each code the exponents of the last bit that is set and beyond the first, in steps.

    And which codes are numbers other than zero; of the others the exponents are zero.
    """
    steps = steps_of(fmt, np.arange(fmt.code_count))
    numbers = (steps != 0) & ~np.isnan(steps)
    whole, high = np.frexp(np.where(numbers, steps, 0.0))
    # The significand as an integer of 53 bits, of which the last one that is set is kept.
    bits = np.ldexp(np.abs(whole), 53).astype(np.int64)
    last = np.frexp((bits & -bits).astype(np.float64))[1] - 54
    return np.where(numbers, high + last, 0), high.astype(np.int64), numbers


def _largest(steps: npt.NDArray[Any]) -> int:
    return int(max(steps.max(initial=0.0), -steps.min(initial=0.0)))


def exact_sums(a: Steps, b: Steps, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Sums of products of integers, given in floats, as `kind`.

    Each matrix product covers so few bits that its sums are exact: the columns of `a` are taken
    some at a time, and where that does not do, the magnitudes of `b` are cut into pieces.
    """
    length = a.values.shape[1]
    if a.largest == 0 or b.largest == 0:
        return np.zeros((a.values.shape[0], b.values.shape[1]), kind)
    short = min(length, _SHORTEST)
    # float32 multiplies twice as fast, where it holds enough.
    single = a.largest * b.largest * short <= 1 << _EXACT[np.dtype(np.float32)]
    dtype = np.dtype(np.float32 if single else np.float64)
    room = _EXACT[dtype]
    bits_a, bits_b = a.largest.bit_length(), b.largest.bit_length()
    cut = bits_b
    if a.largest * b.largest * short > 1 << room:
        if bits_a > bits_b:
            return exact_sums(b.transposed, a.transposed, kind).T  # cut the wider one
        cut = max(1, room - bits_a - short.bit_length())
    # Largest piece of b: all of it, or all ones.
    at_once = (1 << room) // (a.largest * min(b.largest, (1 << cut) - 1))
    if not at_once:
        return _exact_sums_of_halves(a, b, kind)
    left = a.values.astype(dtype, copy=False)
    total: Any = None
    for shift in range(0, bits_b, cut):
        piece = b.values
        if cut < bits_b:  # of the magnitude, at this place, with the number's sign
            upper = np.trunc(piece * 2.0**-shift)
            piece = upper - np.trunc(upper * 2.0**-cut) * 2.0**cut
        piece = piece.astype(dtype, copy=False)
        for start in range(0, length, at_once):
            partial = left[:, start : start + at_once] @ piece[start : start + at_once]
            whole = shifted(partial.astype(np.int64 if kind.hasobject else kind), shift, kind)
            total = whole if total is None else total + whole
    return np.asarray(total)


def _exact_sums_of_halves(a: Steps, b: Steps, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Both operands too wide for one piece: `a` in two parts, each by itself."""
    half = a.largest.bit_length() // 2
    upper = np.trunc(a.values * 2.0**-half)
    lower = a.values - upper * 2.0**half
    high, low = (exact_sums(Steps(x, None, _largest(x)), b, kind) for x in (upper, lower))
    return np.asarray(shifted(high, half, kind) + low)


def shifted(sums: npt.NDArray[Any], places: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Integers times a power of two, modulo the range of their type, or any as Python's."""
    if kind.hasobject:
        return np.asarray(sums.astype(object) << places)
    if places == 0:
        return sums
    # NumPy shifts by less than the word's size only.
    return sums << kind.type(places) if places < 8 * kind.itemsize else np.zeros_like(sums)
