"""Constants of the quick route: what compiled code needs to know of a format and its rules."""

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.formats.rounding import Overflow

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = [
    "BIAS",
    "INFINITY",
    "LIFT",
    "MAGNITUDE",
    "MANTISSA",
    "NAN",
    "Plan",
    "adds",
    "plan_for",
]

# Of float32: bits of the mantissa, bias, and bits of all but the sign, of infinity and of NaN.
MANTISSA = 23
BIAS = 127
MAGNITUDE = 0x7FFFFFFF
INFINITY = 0x7F800000
NAN = 0x7FC00000
LIFT = 24  # powers of two by which float32's own subnormals are made normal


class Plan(NamedTuple):
    """Constants of a format and an overflow rule, as int32.

    Attributes
    ----------
    shift : int32
        Bits of float32's mantissa that the format lacks.
    below_half : int32
        One less than half a unit of the format's last place, in float32's bits.
    offset : int32
        What the shifted bits of a normal number exceed its code by.
    parity : int32
        Last bit of `offset`: where it is set, an odd field makes an even code.
    small : int32
        Bits below which the number is no normal one of the format, or of float32.
    wide : int32
        1 where float32's subnormals are normal numbers of the format, else 0.
    adder : int32
        Bits of the power of two whose last place is that of the subnormals.
    max_code, over_code, nan_code : int32
        Magnitude codes: the largest finite one, and what stands for a number too large (or an
        infinity) and for a NaN.
    max_bits, over_bits : int32
        The same as values, in float32's bits.
    keep : int32
        Mask of float32's bits that the format has, too.
    sign_bit : int32
        The sign bit of a code, 0 for an unsigned format.
    negative_zero : int32
        1 where there is a negative zero, else 0.
    adds : int32
        1 where the float32 adder can round numbers of every exponent, else 0.
    top : int32
        Bits of the number that stands for all larger ones: the largest value where they saturate,
        else the power of two above it.
    lowest : int32
        Exponent field, in place, of the smallest normal number.
    lift : int32
        What is added to an exponent field to make the power of two whose last place is the
        format's.
    """

    shift: np.int32
    below_half: np.int32
    offset: np.int32
    parity: np.int32
    small: np.int32
    wide: np.int32
    adder: np.int32
    max_code: np.int32
    over_code: np.int32
    nan_code: np.int32
    max_bits: np.int32
    over_bits: np.int32
    keep: np.int32
    sign_bit: np.int32
    negative_zero: np.int32
    adds: np.int32
    top: np.int32
    lowest: np.int32
    lift: np.int32


@functools.lru_cache(maxsize=1024)
def plan_for(fmt: "FloatFormat", overflow: Overflow) -> npt.NDArray[np.int32] | None:
    """Numbers of a `Plan` for rounding to nearest even, or None where another route is needed.

    Negative values of an unsigned format are to be made zero first.

    Parameters
    ----------
    fmt : FloatFormat
        The format.
    overflow : Overflow
        What becomes of numbers too large.
    """
    saturate = overflow is Overflow.SATURATE
    # One binade more than float32's has the same last place as the subnormals below it.
    wide = fmt.min_exponent < -BIAS
    if (
        overflow is Overflow.RAISE
        or not fmt.subnormals
        or (wide and (fmt.exponent_bits == 0 or fmt.min_exponent > 1 - BIAS - MANTISSA))
        or fmt.mantissa_bits >= MANTISSA
        or fmt.bits > 31
        # The largest value is to be one of float32's, or is beyond them all.
        or fmt.max_exponent - fmt.mantissa_bits < 1 - BIAS - MANTISSA
        or fmt.lsb_exponent + MANTISSA > BIAS
        or fmt.min_exponent > BIAS
        or not (fmt.signed or saturate)
        or (overflow is Overflow.NAN and fmt.has_infinity)
    ):
        return None
    # Values beyond float32 are not for this route, but numbers that large may be coded.
    largest = np.float32(fmt.max_value if fmt.max_exponent <= BIAS else np.inf)
    nan = fmt.nan_code if fmt.has_nan else 0
    if saturate:
        over_code, over_bits = fmt.max_code, _bits(largest)
    elif fmt.has_infinity:
        over_code, over_bits = fmt.infinity_code, INFINITY
    else:
        over_code, over_bits = nan, NAN
    shift = MANTISSA - fmt.mantissa_bits
    # The field of a normal number starts at 1, float32's bias of the same exponent higher.
    offset = (fmt.min_exponent - 1 + BIAS) << fmt.mantissa_bits
    # The power of two that is added to the largest number is to be one of float32's.
    room = fmt.max_exponent + (not saturate) + shift <= BIAS
    by_adding = fmt.min_exponent >= 1 - BIAS and room
    top = 0
    if by_adding:
        top = _bits(np.float32(fmt.max_value if saturate else 2.0 ** (fmt.max_exponent + 1)))
    numbers: tuple[int, ...] = (
        *(shift, (1 << (shift - 1)) - 1, offset, offset & 1),
        max(1 << MANTISSA, 0 if wide else _bits(np.float32(fmt.min_normal))),
        int(wide),
        0 if wide else _bits(np.float32(2.0 ** (fmt.lsb_exponent + MANTISSA))),
        *(fmt.max_code, over_code, nan),
        *(_bits(largest), over_bits),
        -(1 << shift),
        1 << (fmt.bits - 1) if fmt.signed else 0,
        int(fmt.has_negative_zero),
        *(int(by_adding), top),
        (fmt.min_exponent + BIAS) << MANTISSA if by_adding else 0,
        # Without a mantissa the exponent field is added, too, whose last bit is to be that of the
        # code and one.
        shift << MANTISSA | (fmt.mantissa_bits == 0 and (fmt.min_exponent + BIAS) & 1),
    )
    return np.array(numbers, np.int32)


def _bits(value: np.float32) -> int:
    return int(value.view(np.int32))


def adds(numbers: npt.NDArray[np.int32]) -> bool:
    """Whether `hwmodel.formats.adding` can do a plan's work."""
    return bool(numbers[Plan._fields.index("adds")])
