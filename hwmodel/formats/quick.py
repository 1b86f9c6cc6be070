"""The quick route: float32 in, rounding to nearest even, compiled to vector instructions.

Where the format's exponents leave room it is `adding` that does the work. Else half a unit of the
format's last place is added to the bits of float32 and the rest is cut: the carry runs into the
exponent by itself. For subnormals a power of two is added whose last place is theirs, and the
float32 adder rounds; where float32's subnormals are normal numbers of the format, they are scaled
up before (`wide`). `kernels` does everything else, and all are compared with `scalar`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit
from hwmodel.formats import adding
from hwmodel.formats.plan import INFINITY, LIFT, MAGNITUDE, MANTISSA, NAN, Plan, adds, named

__all__ = ["encode", "quantize"]


def encode(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met."""
    if adds(plan):
        return adding.encode(plan, x, codes)
    return bool(_encode(plan, x.view(np.int32), codes))


def quantize(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], result: npt.NDArray[np.float32]
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    if adds(plan):
        return adding.quantize(plan, x, result)
    return bool(_quantize(plan, x.view(np.int32), result.view(np.int32)))


@jit
def _rounded(plan: Plan, bits: Any) -> Any:
    """Bits of a normal number with half a unit of the format's last place added as it rounds."""
    # The masks tell the compiler that a shift stays within 32 bits, else it works in 64.
    odd = np.int32(np.int32(bits >> np.int32(plan.shift & np.int32(31))) ^ plan.parity)
    return np.int32(np.int32(bits + plan.below_half) + np.int32(odd & np.int32(1)))


@jit
def _field(plan: Plan, bits: Any) -> Any:
    """Rounded bits without those that the format lacks."""
    return np.int32(_rounded(plan, bits) >> np.int32(plan.shift & np.int32(31)))


@jit
def _bounded_code(plan: Plan, bits: Any, code: Any) -> Any:
    """Magnitude code of a finite number with overflow and sign settled."""
    code = plan.over_code if code > plan.max_code else code
    return np.int32(code | np.int32(np.int32(bits >> np.int32(31)) & plan.sign_bit))


@jit
def _mend_codes(plan: Plan, bits: Any, codes: Any, largest: Any) -> Any:
    """Settle what is rare, so that the main loops need not look for it.

    Returns whether a NaN was met.
    """
    if plan.negative_zero == 0 and plan.sign_bit != 0:
        for i in range(codes.size):
            # The NaN has the negative zero's code, but stands for what is large.
            small = np.int32(bits[i] & np.int32(MAGNITUDE)) < plan.small
            codes[i] = 0 if small and codes[i] == plan.sign_bit else codes[i]
    if largest >= np.int32(INFINITY):
        for i in range(bits.size):
            magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
            if magnitude == np.int32(INFINITY):
                codes[i] = _bounded_code(plan, bits[i], plan.over_code)
            elif magnitude > np.int32(INFINITY):
                codes[i] = plan.nan_code
    return largest > np.int32(INFINITY)


@jit
def _encode_block(plan: Plan, bits: Any, codes: Any) -> Any:
    largest = np.int32(0)
    adder = np.int32(plan.adder).view(np.float32)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        code = np.int32(_field(plan, magnitude) - plan.offset)
        low = np.float32(np.int32(magnitude).view(np.float32) + adder).view(np.int32)
        code = np.int32(low - plan.adder) if magnitude < plan.small else code
        largest = max(largest, magnitude)
        codes[i] = _bounded_code(plan, bits[i], code)
    return largest


@jit
def _encode_wide_block(plan: Plan, bits: Any, codes: Any) -> Any:
    """For numbers that the format has as normal ones; returns the smallest above zero, too."""
    largest, least = np.int32(0), np.int32(MAGNITUDE)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        code = np.int32(_field(plan, magnitude) - plan.offset)
        code = np.int32(0) if magnitude == np.int32(0) else code
        largest = max(largest, magnitude)
        # One less than zero counts as large.
        least = min(least, np.int32(np.int32(magnitude - np.int32(1)) & np.int32(MAGNITUDE)))
        codes[i] = _bounded_code(plan, bits[i], code)
    return largest, np.int32(least + np.int32(1))


@jit
def _mend_low_codes(plan: Plan, bits: Any, codes: Any) -> None:
    """Write the codes of float32's subnormals."""
    lifted = np.int32(plan.offset + (np.int32(LIFT) << np.int32(np.int32(MANTISSA) - plan.shift)))
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        if np.int32(0) < magnitude < plan.small:
            raised = np.float32(np.int32(magnitude).view(np.float32) * np.float32(2.0**LIFT))
            code = np.int32(_field(plan, np.float32(raised).view(np.int32)) - lifted)
            codes[i] = _bounded_code(plan, bits[i], code)


@jit
def _encode(numbers: Any, bits: Any, codes: Any) -> Any:
    plan = named(numbers)
    saw_nan = False
    room = np.empty(adding.BLOCK if plan.sign_bit == 0 else 0, np.int32)
    for first in range(0, bits.size, adding.BLOCK):
        source, target = bits[first : first + adding.BLOCK], codes[first : first + adding.BLOCK]
        if plan.sign_bit == 0:
            adding.positive(source, room[: source.size])
            source = room[: source.size]
        if plan.wide:
            largest, least = _encode_wide_block(plan, source, target)
            if least < plan.small:
                _mend_low_codes(plan, source, target)
        else:
            largest = _encode_block(plan, source, target)
        saw_nan |= _mend_codes(plan, source, target, largest)
    return saw_nan


@jit
def _bounded_value(plan: Plan, bits: Any, value: Any) -> Any:
    """Bits of a finite number with overflow and sign settled."""
    value = plan.over_bits if value > plan.max_bits else value
    return np.int32(value | np.int32(bits & np.int32(~MAGNITUDE)))


@jit
def _mend_values(plan: Plan, bits: Any, result: Any, largest: Any) -> Any:
    """Settle what is rare; returns whether a NaN was met."""
    if plan.negative_zero == 0:
        for i in range(result.size):
            value = result[i]
            result[i] = np.int32(0) if value == np.int32(~MAGNITUDE) else value
    if largest > np.int32(INFINITY):
        for i in range(bits.size):
            if np.int32(bits[i] & np.int32(MAGNITUDE)) > np.int32(INFINITY):
                result[i] = np.int32(NAN)
    return largest > np.int32(INFINITY)


@jit
def _quantize_block(plan: Plan, bits: Any, result: Any) -> Any:
    largest = np.int32(0)
    adder = np.int32(plan.adder).view(np.float32)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        value = np.int32(_rounded(plan, magnitude) & plan.keep)
        added = np.float32(np.int32(magnitude).view(np.float32) + adder)
        low = np.float32(added - adder).view(np.int32)
        value = low if magnitude < plan.small else value
        largest = max(largest, magnitude)
        result[i] = _bounded_value(plan, bits[i], value)
    return largest


@jit
def _quantize_wide_block(plan: Plan, bits: Any, result: Any) -> Any:
    """For numbers that the format has as normal ones; returns the smallest above zero, too."""
    largest, least = np.int32(0), np.int32(MAGNITUDE)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        value = np.int32(_rounded(plan, magnitude) & plan.keep)
        value = np.int32(0) if magnitude == np.int32(0) else value
        largest = max(largest, magnitude)
        least = min(least, np.int32(np.int32(magnitude - np.int32(1)) & np.int32(MAGNITUDE)))
        result[i] = _bounded_value(plan, bits[i], value)
    return largest, np.int32(least + np.int32(1))


@jit
def _mend_low_values(plan: Plan, bits: Any, result: Any) -> None:
    """Write the values of float32's subnormals."""
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        if np.int32(0) < magnitude < plan.small:
            raised = np.float32(np.int32(magnitude).view(np.float32) * np.float32(2.0**LIFT))
            cut = np.int32(_rounded(plan, np.float32(raised).view(np.int32)) & plan.keep)
            low = np.float32(np.int32(cut).view(np.float32) * np.float32(2.0**-LIFT))
            result[i] = _bounded_value(plan, bits[i], np.float32(low).view(np.int32))


@jit
def _quantize(numbers: Any, bits: Any, result: Any) -> Any:
    plan = named(numbers)
    saw_nan = False
    room = np.empty(adding.BLOCK if plan.sign_bit == 0 else 0, np.int32)
    for first in range(0, bits.size, adding.BLOCK):
        source, target = bits[first : first + adding.BLOCK], result[first : first + adding.BLOCK]
        if plan.sign_bit == 0:
            adding.positive(source, room[: source.size])
            source = room[: source.size]
        if plan.wide:
            largest, least = _quantize_wide_block(plan, source, target)
            if least < plan.small:
                _mend_low_values(plan, source, target)
        else:
            largest = _quantize_block(plan, source, target)
        saw_nan |= _mend_values(plan, source, target, largest)
    return saw_nan
