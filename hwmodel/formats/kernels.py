"""Rounding and coding of whole arrays, compiled: the general route, for any float64 and rule.

The same steps as `scalar`, in float64 where they are exact: the value is scaled so that the last
place of the format weighs one, which loses nothing, and the whole part and the fraction decide.
`quick` has a faster route for the common case.
"""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import inner, jit
from hwmodel.formats.rounding import Overflow, Rounding

__all__ = [
    "OVERFLOWS",
    "ROUNDINGS",
    "SAW_NAN",
    "SAW_OVERFLOW",
    "Layout",
    "code_of",
    "encode",
    "power_of_two",
    "quantize",
    "round_integers",
    "round_powers",
    "value_of",
    "values",
]

ROUNDINGS = {rounding: number for number, rounding in enumerate(Rounding)}
OVERFLOWS = {overflow: number for number, overflow in enumerate(Overflow)}
_EVEN, _AWAY, _ZERO, _UP, _DOWN, _ODD, _STOCHASTIC = (ROUNDINGS[r] for r in Rounding)
_SATURATE, _NONFINITE, _INFINITY, _NAN, _, _RAISE = (OVERFLOWS[o] for o in Overflow)

# What a kernel reports of the values that it met.
SAW_NAN = 1
SAW_OVERFLOW = 2

# Steps beyond which a number overflows every format of one exponent.
_MANY_STEPS = 2.0**60


class Layout(NamedTuple):
    """A floating-point format for compiled code.

    Attributes
    ----------
    mantissa_bits : int
        Width of the mantissa field.
    min_exponent : int
        Exponent of the smallest normal number.
    one_exponent : bool
        Whether there is no exponent field, so that all numbers have the same exponent.
    subnormals : bool
        Whether the lowest exponent field holds numbers besides zero.
    sign_bit : int
        The sign bit of a code, 0 for an unsigned format.
    max_code : int
        Code of the largest finite value.
    infinity_code, nan_code : int
        Codes, or -1 where there are none.
    signed_nan : bool
        Whether the NaN has a sign.
    negative_zero : bool
        Whether there is a negative zero.
    """

    mantissa_bits: int
    min_exponent: int
    one_exponent: bool
    subnormals: bool
    sign_bit: int
    max_code: int
    infinity_code: int
    nan_code: int
    signed_nan: bool
    negative_zero: bool


@inner
def power_of_two(exponent: Any) -> Any:
    """Two to a power from -1022 to 1023."""
    return np.int64((exponent + 1023) << 52).view(np.float64)


@inner
def _scaled(x: Any, exponent: Any) -> Any:
    """``x * 2**-exponent`` for any exponent: two factors, for one may leave float64."""
    half = exponent >> 1
    return x * power_of_two(-half) * power_of_two(half - exponent)


@inner
def _exponent(magnitude: Any) -> Any:
    """Exponent of a positive number; -1023 for all of float64's subnormals."""
    return (np.float64(magnitude).view(np.int64) >> 52) - 1023


@inner
def _goes_up(
    fraction: Any, odd: Any, negative: Any, rounding: Any, random: Any, random_bits: Any
) -> Any:
    """`rounding.rounds_up`, for a fraction in float64."""
    if rounding == _EVEN:
        return fraction > 0.5 or (fraction == 0.5 and odd)
    if rounding == _AWAY:
        return fraction >= 0.5
    if rounding == _UP:
        return fraction > 0.0 and not negative
    if rounding == _DOWN:
        return fraction > 0.0 and negative
    if rounding == _ODD:
        return fraction > 0.0 and not odd
    if rounding == _STOCHASTIC:
        limit = 1 << random_bits
        return np.int64(fraction * limit) + random >= limit
    return False


@inner
def _magnitude_code(
    layout: Layout, magnitude: Any, negative: Any, rounding: Any, random: Any, random_bits: Any
) -> Any:
    """Code of a rounded magnitude, the exponent unbounded above."""
    bits, lowest = layout.mantissa_bits, layout.min_exponent
    if magnitude == 0.0:
        return 0
    exponent = max(_exponent(magnitude), lowest)
    if layout.one_exponent:
        exponent = lowest
    if not layout.subnormals and magnitude < power_of_two(lowest):
        # Zero and the smallest normal number are the neighbours; zero's code is even.
        fraction = _scaled(magnitude, lowest)
        if fraction == 0.0:
            fraction = 5e-324  # scaled out of float64, but not zero
        up = _goes_up(fraction, False, negative, rounding, random, random_bits)
        return (1 << bits) if up else 0
    steps = _scaled(magnitude, exponent - bits)
    if steps >= _MANY_STEPS:
        return np.int64(1) << 60
    whole = np.int64(steps)
    fraction = steps - whole
    if steps == 0.0:
        fraction = 5e-324
    # The hidden bit of a normal number adds one to the exponent field; so does a carry.
    code = ((exponent - lowest) << bits) + whole
    if _goes_up(fraction, (code & 1) == 1, negative, rounding, random, random_bits):
        code += 1
    return code


@inner
def _overflow_code(layout: Layout, negative: Any, rounding: Any, overflow: Any) -> Any:
    """Magnitude code that stands for a finite number too large."""
    if overflow in (_SATURATE, _RAISE):
        return layout.max_code
    if overflow == _NAN or layout.infinity_code < 0:
        return layout.nan_code
    inward = (
        rounding in (_ZERO, _ODD)
        or (rounding == _UP and negative)
        or (rounding == _DOWN and not negative)
    )
    # IEEE 754-2019, section 7.4: rounding toward zero carries overflows to the largest number.
    return layout.max_code if inward else layout.infinity_code


@inner
def code_of(
    layout: Layout, x: Any, rounding: Any, overflow: Any, random: Any, random_bits: Any
) -> Any:
    """Code of one value, and what was met (`SAW_NAN`, `SAW_OVERFLOW`)."""
    if np.isnan(x):
        return max(layout.nan_code, 0), SAW_NAN
    negative = np.float64(x).view(np.int64) < 0
    saw = 0
    if np.isinf(x):
        if layout.infinity_code >= 0 and overflow != _SATURATE:
            magnitude = layout.infinity_code
        else:
            magnitude, saw = _overflow_code(layout, negative, _EVEN, overflow), SAW_OVERFLOW
    else:
        magnitude = _magnitude_code(layout, abs(x), negative, rounding, random, random_bits)
        if magnitude > layout.max_code:
            magnitude, saw = _overflow_code(layout, negative, rounding, overflow), SAW_OVERFLOW
    if not negative:
        return magnitude, saw
    if layout.sign_bit == 0:
        if magnitude == 0:
            return 0, saw
        # Below the smallest value, which is zero; there is no infinity on that side.
        return (0 if overflow in (_SATURATE, _RAISE) else layout.nan_code), SAW_OVERFLOW
    if magnitude == 0 and not layout.negative_zero:
        return 0, saw
    if magnitude == layout.nan_code and not layout.signed_nan:
        return magnitude, saw
    return magnitude | layout.sign_bit, saw


@inner
def value_of(layout: Layout, code: Any) -> Any:
    """Value of a code."""
    negative = (code & layout.sign_bit) != 0
    magnitude = code & (layout.sign_bit - 1) if layout.sign_bit else code
    if layout.nan_code == code:
        return np.nan
    if magnitude > layout.max_code:
        value = np.inf if magnitude == layout.infinity_code else np.nan
    else:
        field = magnitude >> layout.mantissa_bits
        whole = magnitude & ((1 << layout.mantissa_bits) - 1)
        if field > 0:
            whole |= 1 << layout.mantissa_bits
        elif not layout.subnormals:
            whole = 0
        exponent = max(field, 1) - 1 + layout.min_exponent - layout.mantissa_bits
        value = whole * power_of_two(exponent)
    return -value if negative else value


@jit
def encode(
    layout: Layout,
    x: Any,
    codes: Any,
    rounding: Any,
    overflow: Any,
    random: Any,
    random_bits: Any,
) -> Any:
    """Write the code of every value of `x` to `codes`; returns what was met."""
    saw = 0
    last = random.size - 1  # one number for all where none are used
    for i in range(x.size):
        code, met = code_of(
            layout, np.float64(x[i]), rounding, overflow, random[min(i, last)], random_bits
        )
        codes[i] = code
        saw |= met
    return saw


@jit
def values(layout: Layout, codes: Any, result: Any) -> None:
    """Write the value of every code to `result`."""
    for i in range(codes.size):
        result[i] = value_of(layout, np.int64(codes[i]))


@jit
def quantize(
    layout: Layout,
    x: Any,
    result: Any,
    rounding: Any,
    overflow: Any,
    random: Any,
    random_bits: Any,
) -> Any:
    """Write every value of `x`, rounded, to `result`; returns what was met."""
    saw = 0
    last = random.size - 1
    for i in range(x.size):
        code, met = code_of(
            layout, np.float64(x[i]), rounding, overflow, random[min(i, last)], random_bits
        )
        result[i] = value_of(layout, code)
        saw |= met
    return saw


@jit
def round_powers(
    x: Any, codes: Any, bias: Any, rounding: Any, random: Any, random_bits: Any
) -> None:
    """Write to `codes` the rounded binary logarithm of every magnitude, plus `bias`, at least 0.

    Infinities and NaNs get a code beyond all others.
    """
    last = random.size - 1
    for i in range(x.size):
        magnitude = abs(np.float64(x[i]))
        if not np.isfinite(magnitude):
            codes[i] = np.int64(1) << 60
            continue
        exponent = _exponent(magnitude)
        code = exponent + bias
        if code < 0 or magnitude == 0.0:
            codes[i] = 0
            continue
        fraction = _scaled(magnitude, exponent) - 1.0
        number = random[min(i, last)]
        if _goes_up(fraction, (code & 1) == 1, False, rounding, number, random_bits):
            code += 1
        codes[i] = code


@jit
def round_integers(x: Any, result: Any, rounding: Any, random: Any, random_bits: Any) -> None:
    """Write every value of `x`, rounded to an integer, to `result`; infinities stay."""
    last = random.size - 1
    for i in range(x.size):
        value = np.float64(x[i])
        magnitude = abs(value)
        if magnitude < 2.0**53:  # beyond, all are integers
            whole = np.int64(magnitude)
            number = random[min(i, last)]
            odd = (whole & 1) == 1
            if _goes_up(magnitude - whole, odd, value < 0, rounding, number, random_bits):
                whole += 1
            magnitude = np.float64(whole)
        # No negative zero.
        result[i] = -magnitude if value < 0 and magnitude > 0 else magnitude
