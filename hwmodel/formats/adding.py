"""The quickest route: the float32 adder rounds numbers of every exponent to nearest even.

To a magnitude a power of two is added whose last place in float32 is that of the format at the
magnitude's exponent, and taken away again. Subnormals are no special case.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, jit
from hwmodel.formats.plan import INFINITY, MAGNITUDE, NAN, Plan, named

__all__ = ["encode", "quantize"]

_BLOCK = 4096  # numbers looked at for NaN at a time: they stay in the first-level cache


def encode(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met."""
    return bool(_encode(plan, x.view(np.int32), codes))


def quantize(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], result: npt.NDArray[np.float32]
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    return bool(_quantize(plan, x.view(np.int32), result.view(np.int32)))


_FLOAT = np.float32(0.0)  # for its type


@jit
def _added(plan: Plan, magnitude: Any) -> Any:
    """Exponent field, bits of the power of two for it, and bits of its sum with the number."""
    number = magnitude if magnitude < plan.top else plan.top
    field = np.int32(number & np.int32(INFINITY))
    field = field if field > plan.lowest else plan.lowest
    adder = np.int32(field + plan.lift)
    total = float_of(number, _FLOAT) + float_of(adder, _FLOAT)
    return field, adder, bits_of(total)


@jit
def _encode_block(plan: Plan, bits: Any, codes: Any) -> Any:
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        field, adder, total = _added(plan, magnitude)
        # The total's last bits count units of the last place; those of a normal number have the
        # hidden bit, too, which adds one to the exponent field.
        field = np.int32(field - plan.lowest)
        code = np.int32(field >> np.int32(plan.shift & np.int32(31)))
        code = np.int32(code + np.int32(total - adder))
        code = plan.over_code if code > plan.max_code else code
        sign = np.int32(np.int32(bits[i] >> np.int32(31)) & plan.sign_bit)
        sign = np.int32(0) if np.int32(code | plan.negative_zero) == np.int32(0) else sign
        codes[i] = np.int32(code | sign)
    return largest


@jit
def _mend(bits: Any, result: Any, nan: Any) -> None:
    """Write what a NaN becomes, so that the main loops need not look for it."""
    for i in range(bits.size):
        if np.int32(bits[i] & np.int32(MAGNITUDE)) > np.int32(INFINITY):
            result[i] = nan


@jit
def _encode(numbers: Any, bits: Any, codes: Any) -> Any:
    plan = named(numbers)
    saw_nan = False
    for first in range(0, bits.size, _BLOCK):
        source, target = bits[first : first + _BLOCK], codes[first : first + _BLOCK]
        if _encode_block(plan, source, target) > np.int32(INFINITY):
            _mend(source, target, plan.nan_code)
            saw_nan = True
    return saw_nan


@jit
def _rounded(plan: Plan, magnitude: Any) -> Any:
    _, adder, total = _added(plan, magnitude)
    return bits_of(float_of(total, _FLOAT) - float_of(adder, _FLOAT))


@jit
def _quantize_block(plan: Plan, bits: Any, result: Any) -> Any:
    largest = np.int32(0)
    if plan.over_bits == plan.top and plan.negative_zero != 0:  # the usual rules
        for i in range(bits.size):
            magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
            largest = magnitude if magnitude > largest else largest
            sign = np.int32(bits[i] & np.int32(~MAGNITUDE))
            result[i] = np.int32(_rounded(plan, magnitude) | sign)
        return largest
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        value = _rounded(plan, magnitude)
        value = plan.over_bits if value > plan.max_bits else value
        sign = np.int32(bits[i] & np.int32(~MAGNITUDE))
        sign = np.int32(0) if np.int32(value | plan.negative_zero) == np.int32(0) else sign
        result[i] = np.int32(value | sign)
    return largest


@jit
def _quantize(numbers: Any, bits: Any, result: Any) -> Any:
    plan = named(numbers)
    saw_nan = False
    for first in range(0, bits.size, _BLOCK):
        source, target = bits[first : first + _BLOCK], result[first : first + _BLOCK]
        if _quantize_block(plan, source, target) > np.int32(INFINITY):
            _mend(source, target, np.int32(NAN))
            saw_nan = True
    return saw_nan
