"""The definition of rounding and coding, one number at a time, in exact rational arithmetic.

Everything faster, in NumPy or in hardware, derives from these two functions and is compared with
them. They are written to be read, not to be quick.
"""

import math
from fractions import Fraction

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import Format, Overflow, Rounding, Specials
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integer import IntFormat

__all__ = ["decode_scalar", "encode_scalar", "round_to_integer"]


def round_to_integer(x: Fraction, rounding: Rounding) -> int:
    """Round a rational to an integer."""
    if rounding is Rounding.TOWARD_ZERO:
        return math.trunc(x)
    return round(x)  # Python rounds halves to even


def decode_scalar(fmt: Format, code: int) -> float:
    """Value of one code, exact in float64.

    Raises
    ------
    HwmodelError
        `code` is not a code of `fmt`.
    """
    if not 0 <= code < fmt.code_count:
        raise HwmodelError(f"codes of {fmt.name} lie in 0..{fmt.code_count - 1}, but {code} came")
    if isinstance(fmt, IntFormat):
        negative = fmt.signed and code >> (fmt.bits - 1)
        return float(code - fmt.code_count if negative else code)
    assert isinstance(fmt, FloatFormat)
    sign = -1.0 if code & ~fmt.magnitude_mask else 1.0
    magnitude = code & fmt.magnitude_mask
    if magnitude > fmt.max_code:
        infinite = fmt.specials is Specials.IEEE and magnitude == fmt.infinity_code
        return sign * math.inf if infinite else math.nan
    exponent = magnitude >> fmt.mantissa_bits
    mantissa = Fraction(magnitude & ((1 << fmt.mantissa_bits) - 1), 1 << fmt.mantissa_bits)
    if exponent:
        value = Fraction(2) ** (exponent - fmt.bias) * (1 + mantissa)
    elif fmt.subnormals:
        value = Fraction(2) ** (1 - fmt.bias) * mantissa
    else:
        value = Fraction(0)
    return sign * float(value)


def encode_scalar(
    fmt: Format,
    x: float | Fraction,
    overflow: Overflow = Overflow.SATURATE,
    rounding: Rounding = Rounding.NEAREST_EVEN,
) -> int:
    """Code of one number, rounded to the format.

    Overflow is judged after rounding, as IEEE 754 does (section 7.4): a number overflows if it
    would exceed the largest finite value when rounded with an unbounded exponent.

    Raises
    ------
    HwmodelError
        NaN for a format without NaN, or an overflow rule that the format cannot follow.
    """
    if isinstance(x, float) and math.isnan(x):
        if isinstance(fmt, FloatFormat) and fmt.has_nan:
            return fmt.nan_code
        raise HwmodelError(f"{fmt.name} has no NaN, but NaN came")
    if isinstance(fmt, IntFormat):
        return _encode_integer(fmt, x, overflow, rounding)
    assert isinstance(fmt, FloatFormat)
    return _encode_float(fmt, x, overflow, rounding)


def _encode_integer(
    fmt: IntFormat, x: float | Fraction, overflow: Overflow, rounding: Rounding
) -> int:
    low, high = int(fmt.min_value), int(fmt.max_value)
    if overflow is Overflow.NONFINITE or (overflow is Overflow.WRAP and fmt.symmetric):
        raise HwmodelError(f"{fmt.name} cannot overflow by {overflow.value}")
    if isinstance(x, float) and math.isinf(x):
        if overflow is Overflow.WRAP:
            raise HwmodelError("an infinity cannot wrap; choose Overflow.SATURATE")
        return (high if x > 0 else low) % fmt.code_count
    integer = round_to_integer(Fraction(x), rounding)
    if overflow is Overflow.SATURATE:
        integer = min(max(integer, low), high)
    return integer % fmt.code_count


def _encode_float(
    fmt: FloatFormat, x: float | Fraction, overflow: Overflow, rounding: Rounding
) -> int:
    negative = math.copysign(1.0, x) < 0 if isinstance(x, float) else x < 0
    if overflow is Overflow.WRAP or (overflow is Overflow.NONFINITE and not fmt.has_nonfinite):
        raise HwmodelError(f"{fmt.name} cannot overflow by {overflow.value}")
    sign = 1 << (fmt.bits - 1) if negative and fmt.signed else 0

    infinite = isinstance(x, float) and math.isinf(x)
    if infinite:
        steps = None
    else:
        magnitude = abs(Fraction(x))
        steps, exponent = _round_magnitude(fmt, magnitude, rounding)
    if negative and not fmt.signed and steps != 0:  # below the smallest value, which is zero
        return 0 if overflow is Overflow.SATURATE else fmt.nan_code
    if steps is None or _value(fmt, steps, exponent) > Fraction(fmt.max_value):
        if overflow is Overflow.SATURATE:
            return sign | fmt.max_code
        return sign | (fmt.infinity_code if fmt.has_infinity else fmt.nan_code)
    if steps >> fmt.mantissa_bits > 1:  # the rounding carried into the next exponent
        steps, exponent = steps >> 1, exponent + 1
    if steps >> fmt.mantissa_bits:  # normal: the hidden bit is not stored
        field = exponent + fmt.bias
        return sign | field << fmt.mantissa_bits | (steps & ((1 << fmt.mantissa_bits) - 1))
    return sign | steps


def _round_magnitude(fmt: FloatFormat, x: Fraction, rounding: Rounding) -> tuple[int, int]:
    """Round |x| to ``steps * 2**(exponent - mantissa_bits)``; steps may be 2^(mantissa_bits+1)."""
    if x == 0:
        return 0, fmt.min_exponent
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    if x < Fraction(2) ** exponent:
        exponent -= 1
    if not fmt.subnormals and exponent < fmt.min_exponent:
        # Zero and the smallest normal number are the neighbours; zero's code is the even one.
        up = round_to_integer(x / Fraction(2) ** fmt.min_exponent, rounding)
        return up << fmt.mantissa_bits, fmt.min_exponent
    exponent = max(exponent, fmt.min_exponent)
    if fmt.exponent_bits == 0:
        exponent = fmt.min_exponent
    return round_to_integer(x / Fraction(2) ** (exponent - fmt.mantissa_bits), rounding), exponent


def _value(fmt: FloatFormat, steps: int, exponent: int) -> Fraction:
    return steps * Fraction(2) ** (exponent - fmt.mantissa_bits)
