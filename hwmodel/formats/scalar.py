"""The definition of rounding and coding, one number at a time, in exact rational arithmetic.

Everything faster, in NumPy or in hardware, derives from these functions and is compared with
them. They are written to be read, not to be quick.
"""

import math
from fractions import Fraction

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import Format
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.power import PowerFormat
from hwmodel.formats.rounding import Overflow, Rounding, rounds_up
from hwmodel.formats.scaled import ScaledFormat
from hwmodel.formats.wide import MAX_FRACTION_EXPONENT, to_float

__all__ = [
    "decode_scalar",
    "encode_scalar",
    "exact_scalar",
    "exponent_of",
    "magnitude_value",
    "power_of_two",
    "round_to_integer",
    "significand_of",
]

Number = float | Fraction

_FAR_BELOW = 64  # places; more than any random number has


def exact_scalar(fmt: Format, code: int) -> Fraction | float:
    """Value of one code: a fraction where it is finite and not zero, else a float with its sign.

    Raises
    ------
    HwmodelError
        `code` is not a code of `fmt`, or its value has too many digits to be written out.
    """
    if not 0 <= code < fmt.code_count:
        raise HwmodelError(f"codes of {fmt.name} lie in 0..{fmt.code_count - 1}, but {code} came")
    if isinstance(fmt, FloatFormat):
        return _exact_float(fmt, code)
    if isinstance(fmt, IntFormat):
        negative = fmt.signed and code >> (fmt.bits - 1)
        return Fraction(code - fmt.code_count if negative else code) if code else 0.0
    if isinstance(fmt, PowerFormat):
        return math.nan if code == fmt.nan_code else power_of_two(fmt, code - fmt.bias)
    assert isinstance(fmt, ScaledFormat)
    base = exact_scalar(fmt.base, code)
    if not isinstance(base, Fraction):
        return base
    product = base * Fraction(fmt.scale)
    # A real-valued scale makes real values: the nearest float64.
    return product if fmt.is_exact else Fraction(_rounded(fmt, product))


def _exact_float(fmt: FloatFormat, code: int) -> Fraction | float:
    magnitude = code & fmt.magnitude_mask
    negative = code > magnitude
    if magnitude > fmt.max_code or (fmt.has_nan and code == fmt.nan_code):
        infinite = fmt.has_infinity and magnitude == fmt.infinity_code
        return (-math.inf if negative else math.inf) if infinite else math.nan
    value = magnitude_value(fmt, magnitude)
    if not value:
        return -0.0 if negative else 0.0
    return -value if negative else value


def decode_scalar(fmt: Format, code: int) -> float:
    """Value of one code, exact in float64.

    Raises
    ------
    HwmodelError
        `code` is not a code of `fmt`, or float64 does not hold its value.
    """
    value = exact_scalar(fmt, code)
    if not isinstance(value, Fraction):
        return value
    numerator, denominator = value.numerator, value.denominator  # a power of two
    places = (numerator & -numerator).bit_length() - 1
    exponent = places - denominator.bit_length() + 1
    return to_float(fmt, numerator >> places, exponent)


def _rounded(fmt: ScaledFormat, value: Fraction) -> float:
    """Nearest float64 of the value of a format with a real-valued scale."""
    if exponent_of(abs(value)) < -1022:
        raise HwmodelError(
            f"a value of {fmt.name} is too small for float64, in which values of a real-valued bias"
            " are carried; work with its code (encode)"
        )
    return float(value)


def encode_scalar(
    fmt: Format,
    x: Number,
    overflow: Overflow = Overflow.SATURATE,
    rounding: Rounding = Rounding.NEAREST_EVEN,
    random: int = 0,
    random_bits: int = 0,
) -> int:
    """Code of one number, rounded to the format.

    Parameters
    ----------
    fmt : Format
        The format.
    x : float or Fraction
        The number.
    overflow, rounding
        The rules.
    random, random_bits : int
        Random number and its width, for stochastic rounding.

    Raises
    ------
    HwmodelError
        NaN for a format without NaN, an overflow rule that the format cannot follow, or an
        overflow that is asked to be an error.
    """
    fmt.check_overflow(overflow)
    if isinstance(fmt, ScaledFormat):
        quotient = _quotient(fmt, x)
        return encode_scalar(fmt.base, quotient, overflow, rounding, random, random_bits)
    if isinstance(x, float) and math.isnan(x):
        if isinstance(fmt, FloatFormat | PowerFormat) and fmt.has_nan:
            return fmt.nan_code
        raise HwmodelError(f"{fmt.name} has no NaN, but NaN came")
    negative = math.copysign(1.0, x) < 0 if isinstance(x, float) else x < 0
    infinite = isinstance(x, float) and math.isinf(x)
    exact = None if infinite else Fraction(x)
    rule = (rounding, random, random_bits)
    if isinstance(fmt, IntFormat):
        return _encode_integer(fmt, exact, negative, overflow, rule)
    if isinstance(fmt, PowerFormat):
        return _encode_power(fmt, exact, negative, overflow, rule)
    assert isinstance(fmt, FloatFormat)
    return _encode_float(fmt, exact, negative, overflow, rule)


def round_to_integer(x: Fraction, rounding: Rounding, random: int = 0, random_bits: int = 0) -> int:
    """Round a rational to an integer; as integers' codes do, odd and even are the last bit's."""
    magnitude = abs(x)
    whole = math.floor(magnitude)
    odd = whole % 2 == 1
    up = rounds_up(magnitude - whole, odd, x < 0, rounding, random, random_bits)
    return (whole + up) * (-1 if x < 0 else 1)


_Rule = tuple[Rounding, int, int]


def _overflows(fmt: Format, overflow: Overflow) -> None:
    if overflow is Overflow.RAISE:
        raise HwmodelError(f"a number lies beyond {fmt.name}, and overflow is an error")


def _quotient(fmt: ScaledFormat, x: Number) -> Number:
    """A number over the format's scale; by a real-valued scale rounded to float64."""
    if isinstance(x, float) and (x == 0 or not math.isfinite(x)):
        return x
    exact = Fraction(x) / Fraction(fmt.scale)
    if fmt.is_exact or isinstance(x, Fraction):
        return exact
    # What leaves float64 is no infinity and no zero: it is only very large or very small.
    try:
        return float(exact) or exact
    except OverflowError:
        return exact


def _encode_integer(
    fmt: IntFormat, x: Fraction | None, negative: bool, overflow: Overflow, rule: _Rule
) -> int:
    low, high = int(fmt.min_value), int(fmt.max_value)
    if x is None:
        if overflow is Overflow.WRAP:
            raise HwmodelError("an infinity cannot wrap; choose Overflow.SATURATE")
        _overflows(fmt, overflow)
        return (low if negative else high) % fmt.code_count
    integer = round_to_integer(x, *rule)
    if not low <= integer <= high:
        _overflows(fmt, overflow)
        if overflow is Overflow.SATURATE:
            integer = min(max(integer, low), high)
    return integer % fmt.code_count


def _encode_power(
    fmt: PowerFormat, x: Fraction | None, negative: bool, overflow: Overflow, rule: _Rule
) -> int:
    """Powers of two: there is no zero, so what is smaller than the least becomes the least."""
    if negative and x != 0:
        _overflows(fmt, overflow)
        return 0 if overflow is Overflow.SATURATE else fmt.nan_code
    code = fmt.max_code + 1
    if x is not None:
        if x <= Fraction(fmt.min_value):
            return 0
        exponent = exponent_of(x)
        code = exponent + fmt.bias
        fraction = x / Fraction(2) ** exponent - 1
        code += rounds_up(fraction, code % 2 == 1, False, *rule)
    if code > fmt.max_code:
        _overflows(fmt, overflow)
        return fmt.max_code if overflow is Overflow.SATURATE else fmt.nan_code
    return code


def _encode_float(
    fmt: FloatFormat, x: Fraction | None, negative: bool, overflow: Overflow, rule: _Rule
) -> int:
    if x is None and fmt.has_infinity and overflow is not Overflow.SATURATE:
        magnitude = fmt.infinity_code
    else:
        magnitude = fmt.max_code + 1 if x is None else _magnitude_code(fmt, abs(x), negative, rule)
        if magnitude > fmt.max_code:
            _overflows(fmt, overflow)
            magnitude = _overflow_code(fmt, negative, None if x is None else rule[0], overflow)
    if not negative:
        return magnitude
    if not fmt.signed:
        if magnitude:  # below the smallest value, which is zero; no infinity is on that side
            _overflows(fmt, overflow)
        return 0 if magnitude == 0 or overflow is Overflow.SATURATE else fmt.nan_code
    if magnitude == 0 and not fmt.has_negative_zero:
        return 0
    if fmt.has_nan and magnitude == fmt.nan_code and not fmt.has_signed_nan:
        return magnitude
    return magnitude | 1 << (fmt.bits - 1)


def _overflow_code(
    fmt: FloatFormat, negative: bool, rounding: Rounding | None, overflow: Overflow
) -> int:
    """Magnitude code of a number too large; `rounding` is None for an infinity."""
    if overflow is Overflow.SATURATE:
        return fmt.max_code
    if overflow is Overflow.NAN or not fmt.has_infinity:
        return fmt.nan_code
    # IEEE 754-2019, section 7.4: rounding toward zero carries overflows to the largest number.
    inward = {Rounding.TOWARD_ZERO, Rounding.TO_ODD, Rounding.UP if negative else Rounding.DOWN}
    return fmt.max_code if rounding in inward else fmt.infinity_code


def _magnitude_code(fmt: FloatFormat, x: Fraction, negative: bool, rule: _Rule) -> int:
    """Code of a rounded magnitude, the exponent unbounded above: the field may run over."""
    if x == 0:
        return 0
    top, lowest = exponent_of(x), fmt.min_exponent
    # Far beyond the format's numbers only the direction matters: an extreme bias needs no long
    # fractions.
    if top > fmt.max_exponent + 1:
        return fmt.max_code + 1
    smallest = 1 if fmt.subnormals else 1 << fmt.mantissa_bits
    if top < fmt.lsb_exponent - _FAR_BELOW:
        return rounds_up(Fraction(1, 1 << _FAR_BELOW), False, negative, *rule) * smallest
    if not fmt.subnormals and top < lowest:
        # Zero and the smallest normal number are the neighbours; zero's code is the even one.
        return rounds_up(x / Fraction(2) ** lowest, False, negative, *rule) * smallest
    exponent = max(top, lowest) if fmt.exponent_bits else lowest
    steps = x / Fraction(2) ** (exponent - fmt.mantissa_bits)
    whole = math.floor(steps)
    # Codes of neighbours are neighbours: the hidden bit adds one to the field, and so does a carry.
    code = ((exponent - lowest) << fmt.mantissa_bits) + whole
    return code + rounds_up(steps - whole, code % 2 == 1, negative, *rule)


def magnitude_value(fmt: FloatFormat, code: int) -> Fraction:
    """Value of a magnitude code as if there were no special codes and no end to the exponents.

    Raises
    ------
    HwmodelError
        It has too many digits to be written out.
    """
    significand, exponent = significand_of(fmt, code)
    if not significand:
        return Fraction(0)
    _check_length(fmt, exponent)
    if exponent >= 0:
        return Fraction(significand << exponent)
    return Fraction(significand, 1 << -exponent)


def significand_of(fmt: FloatFormat, code: int) -> tuple[int, int]:
    """Two integers s and e of a magnitude code that stands for ``s * 2**e``."""
    field = code >> fmt.mantissa_bits
    mantissa = code & ((1 << fmt.mantissa_bits) - 1)
    if not fmt.exponent_bits:  # all subnormal
        return code, fmt.lsb_exponent
    if field:
        mantissa += 1 << fmt.mantissa_bits
    elif not fmt.subnormals:
        mantissa = 0
    return mantissa, max(field, 1) - 1 + fmt.lsb_exponent


def power_of_two(fmt: Format, exponent: int) -> Fraction:
    """Two to a power.

    Raises
    ------
    HwmodelError
        It has too many digits to be written out.
    """
    _check_length(fmt, exponent)
    return Fraction(2) ** exponent


def _check_length(fmt: Format, exponent: int) -> None:
    if abs(exponent) > MAX_FRACTION_EXPONENT:
        raise HwmodelError(
            f"a value of {fmt.name} about 2^{exponent} is too long to be written out as a fraction;"
            " decode_parts gives its significand and exponent"
        )


def exponent_of(x: Fraction) -> int:
    """Exponent of the largest power of two that is not above `x`."""
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    return exponent - (x < Fraction(2) ** exponent)
