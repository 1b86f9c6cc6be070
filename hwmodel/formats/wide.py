"""Formats with values beyond float64's: exact in integers, from and to significand and exponent.

A format of many exponent bits (e12m3) or with an extreme bias has values that float64 does not
hold. Encoding is exact all the same: any float64 lies somewhere among them. The other way an error
tells where a value does not fit; `decode_parts` and `fraction` of a format bring out every one.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.rounding import Overflow, Request, Rounding

if TYPE_CHECKING:
    from hwmodel.formats.base import Format
    from hwmodel.formats.floating import FloatFormat

__all__ = ["MAX_FRACTION_EXPONENT", "encode", "joined", "parts", "to_float"]

MAX_FRACTION_EXPONENT = 1 << 20
"""Numbers beyond two to this power are not written out as fractions: they have too many digits."""

# No float64 reaches an exponent so far from zero, nor comes a code from it within 64 bits.
_FAR = 1 << 36
_PRECISION = 53
_OVERFLOWS = np.int64(1) << 60  # a code beyond all others
_MOST_SHIFTED = 62


def to_float(fmt: "Format", significand: int, exponent: int) -> float:
    """``significand * 2**exponent`` as a float, of a significand that float64 holds.

    Raises
    ------
    HwmodelError
        float64 does not hold it.
    """
    try:
        value = math.ldexp(significand, exponent)
    except OverflowError:
        value = math.inf
    if not _holds(value, significand, exponent):
        raise _beyond(fmt, significand, exponent)
    return value


def _holds(value: float, significand: int, exponent: int) -> bool:
    if not significand or not math.isfinite(value) or not value:
        return value == significand
    fraction, place = math.frexp(value)
    whole, more = math.frexp(significand)
    return (fraction, place) == (whole, more + exponent)


def _beyond(fmt: "Format", significand: float, exponent: int) -> HwmodelError:
    return HwmodelError(
        f"the value {significand:g} * 2^{exponent} of {fmt.name} does not fit float64; work with"
        " its code (encode), whose value decode_parts and fraction give exactly"
    )


def parts(
    fmt: "FloatFormat", codes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Significands, of a magnitude from 1/2 to below 1, and exponents of checked codes.

    Raises
    ------
    HwmodelError
        An exponent does not fit 64 bits.
    """
    code = codes.astype(np.int64)
    magnitude = code & fmt.magnitude_mask
    field = magnitude >> fmt.mantissa_bits
    whole = magnitude & ((1 << fmt.mantissa_bits) - 1)
    whole |= np.where(field > 0, 1 << fmt.mantissa_bits, 0) if fmt.exponent_bits else 0
    if not fmt.subnormals:
        whole[field == 0] = 0
    significand, exponent = np.frexp(whole.astype(np.float64))
    place = np.maximum(field, 1) - 1 + exponent
    if max(abs(fmt.lsb_exponent), abs(fmt.max_exponent)) >> 62:
        raise HwmodelError(f"the exponents of {fmt.name} do not fit 64 bits; choose another bias")
    place = np.where(whole == 0, 0, place + fmt.lsb_exponent)
    if fmt.has_nan:
        lost = (magnitude > fmt.max_code) | (code == fmt.nan_code)
        significand, place = np.where(lost, np.nan, significand), np.where(lost, 0, place)
    if fmt.has_infinity:
        infinite = magnitude == fmt.infinity_code
        significand = np.where(infinite, np.inf, significand)
    negative = (code > fmt.magnitude_mask) & ~np.isnan(significand)
    return np.where(negative, -significand, significand), place


def joined(
    fmt: "Format", significand: npt.NDArray[np.float64], exponent: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Values of parts as `parts` gives them.

    Raises
    ------
    HwmodelError
        float64 does not hold one of them.
    """
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(significand, np.clip(exponent, -4096, 4096).astype(np.int32))
    back, place = np.frexp(values)
    number = np.isfinite(significand) & (significand != 0)
    lost = number & ((back != significand) | (place != exponent))
    if lost.any():
        raise _beyond(fmt, float(significand[lost][0]), int(exponent[lost][0]))
    return np.asarray(values)


def encode(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], bool]:
    """Codes of a flat array (0 for a NaN where there is none), and whether a value overflowed."""
    with np.errstate(invalid="ignore"):  # a signalling NaN is as good as another
        values = x.astype(np.float64)
    negative, nan, infinite = np.signbit(values), np.isnan(values), np.isinf(values)
    number = np.where(nan | infinite, 0.0, np.abs(values))
    codes = _magnitudes(fmt, number, negative, request, random)
    beyond = (codes > fmt.max_code) | infinite
    codes[beyond] = _over_codes(fmt, negative, infinite, request)[beyond]
    if fmt.has_infinity and request.overflow is not Overflow.SATURATE:
        codes[infinite] = fmt.infinity_code
        beyond &= ~infinite
    if fmt.signed:
        unsigned = np.zeros_like(nan)
        if not fmt.has_negative_zero:
            unsigned |= codes == 0
        if fmt.has_nan and not fmt.has_signed_nan:
            unsigned |= codes == fmt.nan_code
        codes[negative & ~unsigned] |= fmt.magnitude_mask + 1
    else:
        below = negative & (codes != 0)  # the smallest value is zero
        codes[below] = 0 if _stays_finite(request.overflow) else fmt.nan_code
        beyond |= below
    codes[nan] = fmt.nan_code if fmt.has_nan else 0
    return codes, bool((beyond & ~nan).any())


def _stays_finite(overflow: Overflow) -> bool:
    return overflow in (Overflow.SATURATE, Overflow.RAISE)


def _over_codes(
    fmt: "FloatFormat",
    negative: npt.NDArray[np.bool_],
    infinite: npt.NDArray[np.bool_],
    request: Request,
) -> npt.NDArray[np.int64]:
    """Magnitude codes that stand for numbers too large, and for infinities where there are none."""
    if _stays_finite(request.overflow):
        return np.full(negative.shape, fmt.max_code)
    if request.overflow is Overflow.NAN or not fmt.has_infinity:
        return np.full(negative.shape, fmt.nan_code)
    # IEEE 754-2019, section 7.4: rounding toward zero carries overflows to the largest number.
    inward = {Rounding.UP: negative, Rounding.DOWN: ~negative}.get(
        request.rounding,
        np.full(negative.shape, request.rounding in (Rounding.TOWARD_ZERO, Rounding.TO_ODD)),
    )
    return np.where(inward & ~infinite, fmt.max_code, fmt.infinity_code)


def _magnitudes(
    fmt: "FloatFormat",
    x: npt.NDArray[np.float64],
    negative: npt.NDArray[np.bool_],
    request: Request,
    random: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Codes of rounded magnitudes, the exponent unbounded above; `scalar` defines them."""
    lowest = min(max(fmt.min_exponent, -_FAR), _FAR)
    fraction, exponent = np.frexp(x)
    whole = np.ldexp(fraction, _PRECISION).astype(np.int64)  # of 53 bits, but for zero
    top = exponent.astype(np.int64) - 1
    level = np.maximum(top, lowest) if fmt.exponent_bits else np.full(x.shape, lowest)
    # Places that are cut off. Where it is none or less there is one exponent, which x exceeds.
    shift = level - fmt.mantissa_bits - (top - (_PRECISION - 1))
    unit = np.ones(x.shape, np.int64)
    if not fmt.subnormals:  # zero and the smallest normal number are neighbours; zero is even
        small = top < lowest
        shift = np.where(small, shift + fmt.mantissa_bits, shift)
        unit = np.where(small, 1 << fmt.mantissa_bits, 1)
    within = np.clip(shift, 1, _MOST_SHIFTED)
    kept = whole >> within
    codes = (np.minimum(level - lowest, _FAR) << fmt.mantissa_bits) + kept
    rest = whole - (kept << within)
    codes += unit * _goes_up(rest, within, shift, (codes & 1) == 1, negative, request, random)
    codes[shift < 1] = _OVERFLOWS
    codes[x == 0] = 0
    return codes


def _goes_up(
    rest: npt.NDArray[np.int64],
    within: npt.NDArray[np.int64],
    shift: npt.NDArray[np.int64],
    odd: npt.NDArray[np.bool_],
    negative: npt.NDArray[np.bool_],
    request: Request,
    random: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """`rounding.rounds_up` of the fraction ``rest / 2**within``, which is less where it was cut."""
    half = np.int64(1) << (within - 1)
    if request.rounding is Rounding.NEAREST_EVEN:
        return (rest > half) | ((rest == half) & odd)
    if request.rounding is Rounding.NEAREST_AWAY:
        return rest >= half
    if request.rounding is Rounding.UP:
        return (rest > 0) & ~negative
    if request.rounding is Rounding.DOWN:
        return (rest > 0) & negative
    if request.rounding is Rounding.TO_ODD:
        return (rest > 0) & ~odd
    if request.rounding is Rounding.STOCHASTIC:
        # The first bits of the fraction, of which there are fewer than 64.
        places = shift - request.random_bits
        cut = np.where(
            places > 0,
            rest >> np.clip(places, 0, 63),
            rest << np.clip(-places, 0, request.random_bits),
        )
        return cut + random >= 1 << request.random_bits
    return np.zeros(rest.shape, np.bool_)
