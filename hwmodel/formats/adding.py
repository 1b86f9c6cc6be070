"""The quickest route: the float32 adder rounds numbers of every exponent to nearest even.

To a magnitude a power of two is added whose last place in float32 is that of the format at the
magnitude's exponent, and taken away again. Subnormals are no special case.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats.plan import INFINITY, MAGNITUDE, NAN, Plan

__all__ = ["BLOCK", "encode", "mend", "positive", "quantize"]

BLOCK = 4096  # numbers settled at a time: they stay in the first-level cache

_TOP, _LOWEST, _LIFT, _SHIFT, _SIGN, _MAX_CODE, _OVER_CODE, _MAX_BITS, _OVER_BITS, _MINUS, _NAN = (
    Plan._fields.index(name)
    for name in (
        *("top", "lowest", "lift", "shift", "sign_bit", "max_code", "over_code", "max_bits"),
        *("over_bits", "negative_zero", "nan_code"),
    )
)


def encode(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met."""
    bits = x.view(np.int32)
    saw_nan = (_encode if plan[_SIGN] else _encode_unsigned)(plan, bits, codes) > INFINITY
    if saw_nan:
        mend(bits, codes, plan[_NAN])
    return bool(saw_nan)


def quantize(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], result: npt.NDArray[np.float32]
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    bits, values = x.view(np.int32), result.view(np.int32)
    usual = plan[_OVER_BITS] == plan[_TOP] and plan[_MINUS] != 0
    signed = _quantize if usual else _quantize_bounded
    saw_nan = (signed if plan[_SIGN] else _quantize_unsigned)(plan, bits, values) > INFINITY
    if saw_nan:
        mend(bits, values, np.int32(NAN))
    return bool(saw_nan)


_FLOAT = np.float32(0.0)  # for its type
_MINUS_INFINITY = INFINITY - (1 << 31)  # its bits, and the largest of a negative number's


@inlined
def _clipped(magnitude: Any, top: Any, lowest: Any) -> Any:
    """A magnitude no larger than `top`, and its exponent field, no smaller than `lowest`."""
    number = magnitude if magnitude < top else top
    field = np.int32(number & np.int32(INFINITY))
    return number, field if field > lowest else lowest


@jit
def _encode(plan: Any, bits: Any, codes: Any) -> Any:
    """Write codes, of a NaN anything; returns the largest magnitude's bits."""
    top, lowest, lift, shift = plan[_TOP], plan[_LOWEST], plan[_LIFT], plan[_SHIFT]
    max_code, over_code = plan[_MAX_CODE], plan[_OVER_CODE]
    sign_bit, negative_zero = plan[_SIGN], plan[_MINUS]
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        number, field = _clipped(magnitude, top, lowest)
        adder = np.int32(field + lift)
        total = bits_of(float_of(number, _FLOAT) + float_of(adder, _FLOAT))
        # The total's last bits count units of the last place; those of a normal number have the
        # hidden bit, too, which adds one to the exponent field.
        code = np.int32(np.int32(field - lowest) >> np.int32(shift & np.int32(31)))
        code = np.int32(code + np.int32(total - adder))
        code = over_code if code > max_code else code
        sign = np.int32(np.int32(bits[i] >> np.int32(31)) & sign_bit)
        sign = np.int32(0) if np.int32(code | negative_zero) == np.int32(0) else sign
        codes[i] = np.int32(code | sign)
    return largest


@jit
def _quantize(plan: Any, bits: Any, result: Any) -> Any:
    """Write values under the usual rules: they saturate, and there is a negative zero."""
    top, lowest, lift = plan[_TOP], plan[_LOWEST], plan[_LIFT]
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        number, field = _clipped(magnitude, top, lowest)
        adder = float_of(np.int32(field + lift), _FLOAT)
        value = bits_of(float_of(number, _FLOAT) + adder - adder)
        result[i] = np.int32(value | np.int32(bits[i] & np.int32(~MAGNITUDE)))
    return largest


@jit
def _quantize_bounded(plan: Any, bits: Any, result: Any) -> Any:
    """`_quantize` with overflow and the sign of zeros settled."""
    top, lowest, lift = plan[_TOP], plan[_LOWEST], plan[_LIFT]
    max_bits, over_bits, negative_zero = plan[_MAX_BITS], plan[_OVER_BITS], plan[_MINUS]
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        number, field = _clipped(magnitude, top, lowest)
        adder = float_of(np.int32(field + lift), _FLOAT)
        value = bits_of(float_of(number, _FLOAT) + adder - adder)
        value = over_bits if value > max_bits else value
        sign = np.int32(bits[i] & np.int32(~MAGNITUDE))
        sign = np.int32(0) if np.int32(value | negative_zero) == np.int32(0) else sign
        result[i] = np.int32(value | sign)
    return largest


@jit
def positive(bits: Any, result: Any) -> None:
    """Write zeros for negative numbers; a NaN stays what it is."""
    for i in range(bits.size):
        result[i] = np.int32(0) if bits[i] <= np.int32(_MINUS_INFINITY) else bits[i]


@jit
def _encode_unsigned(plan: Any, bits: Any, codes: Any) -> Any:
    """`_encode` where negative numbers become zero."""
    room = np.empty(BLOCK, np.int32)
    largest = np.int32(0)
    for first in range(0, bits.size, BLOCK):
        target = codes[first : first + BLOCK]
        source = room[: target.size]
        positive(bits[first : first + BLOCK], source)
        largest = max(largest, _encode(plan, source, target))
    return largest


@jit
def _quantize_unsigned(plan: Any, bits: Any, result: Any) -> Any:
    """`_quantize_bounded` where negative numbers become zero."""
    room = np.empty(BLOCK, np.int32)
    largest = np.int32(0)
    for first in range(0, bits.size, BLOCK):
        target = result[first : first + BLOCK]
        source = room[: target.size]
        positive(bits[first : first + BLOCK], source)
        largest = max(largest, _quantize_bounded(plan, source, target))
    return largest


@jit
def mend(bits: Any, result: Any, nan: Any) -> None:
    """Write what a NaN becomes, so that the main loops need not look for it."""
    for i in range(bits.size):
        if np.int32(bits[i] & np.int32(MAGNITUDE)) > np.int32(INFINITY):
            result[i] = nan
