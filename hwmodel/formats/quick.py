"""The quick route: float32 in, rounding to nearest even, compiled to vector instructions.

Where the format's exponents leave room it is `adding` that does the work. Else half a unit of the
format's last place is added to the bits of float32 and the rest is cut: the carry runs into the
exponent by itself, and, where the format's subnormals are float32's, out of them. For other
subnormals a power of two is added whose last place is theirs, and the float32 adder rounds; where
float32's subnormals are normal numbers of the format, they are scaled up after (`wide`). `kernels`
does everything else, and all are compared with `scalar`.

Arguments that are None or True choose what a loop has: a function of few names is compiled sooner.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats import adding
from hwmodel.formats.plan import INFINITY, LIFT, MAGNITUDE, MANTISSA, NAN, Plan, adds

__all__ = ["encode", "quantize"]

_SHIFT, _BELOW_HALF, _OFFSET, _PARITY, _SMALL, _WIDE, _ADDER, _MAX_CODE, _OVER_CODE, _NAN_CODE = (
    Plan._fields.index(name)
    for name in (
        *("shift", "below_half", "offset", "parity", "small", "wide", "adder", "max_code"),
        *("over_code", "nan_code"),
    )
)
_MAX_BITS, _OVER_BITS, _KEEP, _SIGN, _MINUS = (
    Plan._fields.index(name)
    for name in ("max_bits", "over_bits", "keep", "sign_bit", "negative_zero")
)
_PIECE = 1 << 14  # numbers whose sign is settled at a time: they stay in the second-level cache
_FLOAT = np.float32(0.0)  # for its type
_MINUS_INFINITY = INFINITY - (1 << 31)  # its bits, and the largest of a negative number's


def encode(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met."""
    if adds(plan):
        return adding.encode(plan, x, codes)
    saw_nan = False
    for bits, part in _parts(plan, x, codes):
        largest, least = _encode(plan, bits, part, *_kind(plan))
        if least < plan[_SMALL]:
            _mend_low_codes(plan, bits, part)
        if largest >= INFINITY:
            _mend_codes(plan, bits, part)
        saw_nan |= bool(largest > INFINITY)
    return saw_nan


def quantize(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], result: npt.NDArray[np.float32]
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    if adds(plan):
        return adding.quantize(plan, x, result)
    saw_nan = False
    for bits, part in _parts(plan, x, result.view(np.int32)):
        largest, least = _quantize(plan, bits, part, *_kind(plan))
        if least < plan[_SMALL]:
            _mend_low_values(plan, bits, part)
        if largest > INFINITY:
            adding.mend(bits, part, np.int32(NAN))
            saw_nan = True
    return saw_nan


def _parts(plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], out: npt.NDArray[Any]) -> Any:
    """Bits of numbers, zeros for negative ones where there is no sign, and where results go."""
    bits = x.view(np.int32)
    if plan[_SIGN]:
        yield bits, out
        return
    room = np.empty(min(_PIECE, bits.size), np.int32)
    for first in range(0, bits.size, _PIECE):
        part = out[first : first + _PIECE]
        some = room[: part.size]
        _positive(bits[first : first + _PIECE], some)
        yield some, part


def _kind(plan: npt.NDArray[np.int32]) -> tuple[bool | None, ...]:
    """Whether there are subnormals of its own, float32's as normal numbers, no minus zero."""
    # With float32's exponents the offset is nothing, and so is what rounds differently.
    flags = (
        plan[_OFFSET] != 0 and not plan[_WIDE],
        bool(plan[_WIDE]),
        plan[_SIGN] != 0 and plan[_MINUS] == 0,
    )
    return tuple(True if flag else None for flag in flags)


@jit
def _positive(bits: Any, result: Any) -> None:
    """Write zeros for negative numbers; a NaN stays what it is."""
    for i in range(bits.size):
        result[i] = np.int32(0) if bits[i] <= np.int32(_MINUS_INFINITY) else bits[i]


@inlined
def _rounded(magnitude: Any, shift: Any, below_half: Any, parity: Any) -> Any:
    """Bits of a normal number with half a unit of the format's last place added as it rounds."""
    # The masks tell the compiler that a shift stays within 32 bits, else it works in 64.
    odd = np.int32(np.int32(magnitude >> np.int32(shift & np.int32(31))) ^ parity)
    return np.int32(np.int32(magnitude + below_half) + np.int32(odd & np.int32(1)))


@jit
def _encode(plan: Any, bits: Any, codes: Any, low: Any, wide: Any, plus: Any) -> Any:
    """Write codes, anything for what `_mend_codes` settles.

    Returns the largest magnitude's bits, and in a wide format those of the smallest above zero.
    """
    shift, below_half, parity = plan[_SHIFT], plan[_BELOW_HALF], plan[_PARITY]
    offset, small, adder = plan[_OFFSET], plan[_SMALL], plan[_ADDER]
    max_code, over_code = plan[_MAX_CODE], plan[_OVER_CODE]
    sign_bit = plan[_SIGN]
    largest, least = np.int32(0), np.int32(MAGNITUDE)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        field = _rounded(magnitude, shift, below_half, parity)
        code = np.int32(np.int32(field >> np.int32(shift & np.int32(31))) - offset)
        if low is not None:
            total = bits_of(float_of(magnitude, _FLOAT) + float_of(adder, _FLOAT))
            code = np.int32(total - adder) if magnitude < small else code
        if wide is not None:
            code = np.int32(0) if magnitude == np.int32(0) else code
            # One less than zero counts as large.
            less = np.int32(np.int32(magnitude - np.int32(1)) & np.int32(MAGNITUDE))
            least = less if less < least else least
        code = over_code if code > max_code else code
        sign = np.int32(np.int32(bits[i] >> np.int32(31)) & sign_bit)
        if plus is not None:
            sign = np.int32(0) if code == np.int32(0) else sign
        codes[i] = np.int32(code | sign)
    return largest, least


@jit
def _quantize(plan: Any, bits: Any, result: Any, low: Any, wide: Any, plus: Any) -> Any:
    """Write values, of a NaN anything; returns as `_encode` does."""
    shift, below_half, parity = plan[_SHIFT], plan[_BELOW_HALF], plan[_PARITY]
    keep, small, adder = plan[_KEEP], plan[_SMALL], plan[_ADDER]
    max_bits, over_bits = plan[_MAX_BITS], plan[_OVER_BITS]
    largest, least = np.int32(0), np.int32(MAGNITUDE)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        value = np.int32(_rounded(magnitude, shift, below_half, parity) & keep)
        if low is not None:
            power = float_of(adder, _FLOAT)
            total = bits_of((float_of(magnitude, _FLOAT) + power) - power)
            value = total if magnitude < small else value
        if wide is not None:
            value = np.int32(0) if magnitude == np.int32(0) else value
            less = np.int32(np.int32(magnitude - np.int32(1)) & np.int32(MAGNITUDE))
            least = less if less < least else least
        value = over_bits if value > max_bits else value
        value = np.int32(value | np.int32(bits[i] & np.int32(~MAGNITUDE)))
        if plus is not None:  # minus zero and zero are zero
            value = bits_of(float_of(value, _FLOAT) + _FLOAT)
        result[i] = value
    return largest, least


@jit
def _mend_codes(plan: Any, bits: Any, codes: Any) -> None:
    """Write what infinities and NaNs become."""
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        if magnitude == np.int32(INFINITY):
            sign = np.int32(np.int32(bits[i] >> np.int32(31)) & plan[_SIGN])
            codes[i] = np.int32(plan[_OVER_CODE] | sign)
        elif magnitude > np.int32(INFINITY):
            codes[i] = plan[_NAN_CODE]


@inlined
def _lifted(plan: Any, magnitude: Any) -> Any:
    """Rounded bits of a subnormal of float32 that was made normal."""
    raised = bits_of(float_of(magnitude, _FLOAT) * np.float32(2.0**LIFT))
    return _rounded(raised, plan[_SHIFT], plan[_BELOW_HALF], plan[_PARITY])


@jit
def _mend_low_codes(plan: Any, bits: Any, codes: Any) -> None:
    """Write the codes of float32's subnormals."""
    shift = np.int32(plan[_SHIFT] & np.int32(31))
    offset = np.int32(plan[_OFFSET] + (np.int32(LIFT) << np.int32(np.int32(MANTISSA) - shift)))
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        if np.int32(0) < magnitude < plan[_SMALL]:
            code = np.int32(np.int32(_lifted(plan, magnitude) >> shift) - offset)
            code = plan[_OVER_CODE] if code > plan[_MAX_CODE] else code
            sign = np.int32(np.int32(bits[i] >> np.int32(31)) & plan[_SIGN])
            codes[i] = np.int32(code | sign)


@jit
def _mend_low_values(plan: Any, bits: Any, result: Any) -> None:
    """Write the values of float32's subnormals."""
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        if np.int32(0) < magnitude < plan[_SMALL]:
            cut = np.int32(_lifted(plan, magnitude) & plan[_KEEP])
            value = bits_of(float_of(cut, _FLOAT) * np.float32(2.0**-LIFT))
            value = plan[_OVER_BITS] if value > plan[_MAX_BITS] else value
            result[i] = np.int32(value | np.int32(bits[i] & np.int32(~MAGNITUDE)))
