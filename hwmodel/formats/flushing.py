"""Formats with nothing between zero and the smallest normal number, made easy for quick routes.

What is smaller than that number becomes it or zero first; every rounding is then that of the same
format with subnormals, of which no number is left. From which magnitude on a number goes up is
found by asking `scalar`, or, where chance has a say, by the random number beside it.
"""

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import float_of, jit
from hwmodel.formats.plan import BIAS, MAGNITUDE, MANTISSA, plan_for
from hwmodel.formats.rounding import Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = ["eased", "flush_limits", "has_subnormals"]

_NORMAL = 1 << MANTISSA  # bits of float32's smallest normal number
_FLOAT = np.float32(0.0)  # for its type


def eased(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> tuple["FloatFormat", npt.NDArray[Any]]:
    """A format with subnormals and numbers whose codes are those asked for, where there are such.

    Parameters
    ----------
    fmt : FloatFormat
        The format.
    x : ndarray of float32
        The numbers.
    request, random
        The rules, and random numbers of at most `QUICK_RANDOM_BITS`.
    """
    nearest_even = request.rounding is Rounding.NEAREST_EVEN
    if fmt.subnormals and (fmt.mantissa_bits or nearest_even):
        return fmt, x
    easy = dataclasses.replace(fmt, subnormals=True)
    if plan_for(easy, request.overflow) is None:
        return fmt, x
    if fmt.min_exponent < 1 - BIAS:  # only float32's subnormals may be that small
        return (fmt, x) if has_subnormals(x) else (easy, x)
    result = np.empty_like(x)
    bits, flushed = x.view(np.int32), result.view(np.int32)
    least = int(np.float32(fmt.min_normal).view(np.int32))
    by_chance = request.rounding is Rounding.STOCHASTIC
    if by_chance:
        chances, inverse = request.part_of(random), np.float32(2.0**-fmt.min_exponent)
    else:
        limits = flush_limits(fmt, request.overflow, request.rounding, _FLOAT.dtype)

    def work(part: slice) -> int:
        given = bits[part], flushed[part], least
        if by_chance:
            _flush_by_chance(*given, inverse, chances(part), request.random_bits)
        else:
            _flush(*given, *limits)
        return 0

    in_pieces(work, x.size)
    return easy, result


def has_subnormals(x: npt.NDArray[np.float32]) -> bool:
    """Whether a number is so small that float32 has fewer bits of it."""
    return bool(_least(x.view(np.int32)) < _NORMAL - 1)


@functools.lru_cache(maxsize=1024)
def flush_limits(
    fmt: "FloatFormat", overflow: Overflow, rounding: Rounding, dtype: np.dtype[Any]
) -> tuple[int, int]:
    """Bits of the least positive and negative magnitudes of a type that do not become zero.

    Parameters
    ----------
    fmt : FloatFormat
        A format with nothing between zero and its smallest normal number.
    overflow, rounding
        The rules; not by chance.
    dtype : dtype
        float32 or float64, of which that number is a normal one.
    """
    from hwmodel.formats.scalar import encode_scalar

    sign_bit = 1 << (fmt.bits - 1) if fmt.signed else 0
    integer = np.dtype(f"i{dtype.itemsize}")

    def limit(sign: float) -> int:
        # The first becomes zero; the second is the smallest normal number.
        low, high = 0, int(np.array(fmt.min_normal, dtype).view(integer))
        while high - low > 1:
            middle = (low + high) // 2
            value = sign * float(np.array(middle, integer).view(dtype))
            zero = encode_scalar(fmt, value, overflow, rounding) in (0, sign_bit)
            low, high = (middle, high) if zero else (low, middle)
        return high

    return limit(1.0), limit(-1.0)


@jit
def _least(bits: Any) -> Any:
    """One less than the bits of the least magnitude above zero."""
    least = np.int32(MAGNITUDE)
    for i in range(bits.size):
        # One less than zero counts as large.
        less = np.int32(np.int32(bits[i] & np.int32(MAGNITUDE)) - np.int32(1))
        less = np.int32(less & np.int32(MAGNITUDE))
        least = less if less < least else least
    return least


@jit
def _flush(bits: Any, result: Any, least: int, limit: int, below: int) -> None:
    """Write numbers of which none lies between zero and the bits `least`."""
    normal, positive, negative = np.int32(least), np.int32(limit), np.int32(below)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        edge = negative if bits[i] < np.int32(0) else positive
        small = normal if magnitude >= edge else np.int32(0)
        small = np.int32(small | np.int32(bits[i] & np.int32(~MAGNITUDE)))
        result[i] = small if magnitude < normal else bits[i]


@jit
def _flush_by_chance(
    bits: Any, result: Any, least: int, inverse: Any, random: Any, random_bits: int
) -> None:
    """The same by chance; `inverse` is that of the smallest normal number."""
    normal, kept = np.int32(least), np.int32(random_bits)
    # A product that float32 does not hold exactly is far below the last random bit.
    limit = np.float32(np.int32(1) << kept)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        number = magnitude if magnitude < normal else np.int32(0)
        fraction = np.int32(float_of(number, _FLOAT) * inverse * limit)
        up = np.int32(np.int32(fraction + np.int32(random[i])) >> kept) != np.int32(0)
        small = normal if up else np.int32(0)
        small = np.int32(small | np.int32(bits[i] & np.int32(~MAGNITUDE)))
        result[i] = small if magnitude < normal else bits[i]
