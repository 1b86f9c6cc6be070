"""The quick route: float32 in, rounding to nearest even, compiled to vector instructions.

Works on the bits of float32. Above the smallest normal number of the format, half a unit of its
last place is added to the bits and the rest is cut: the carry runs into the exponent by itself.
Below, a power of two is added whose last place is that of the subnormals, and the float32 adder
rounds. `kernels` does everything else, and both are compared with `scalar`.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit
from hwmodel.formats.rounding import Overflow, Rounding

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = ["Plan", "encode", "plan_for", "quantize"]

_MANTISSA = 23
_BIAS = 127
_MAGNITUDE = 0x7FFFFFFF
_INFINITY = 0x7F800000
_NAN = 0x7FC00000
_BLOCK = 4096  # numbers settled at a time: they stay in the first-level cache
_LIFT = 24  # powers of two by which float32's own subnormals are made normal


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
        Bits below which the number is no normal one of the format (`wide`: of float32).
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


@functools.lru_cache(maxsize=1024)
def plan_for(
    fmt: "FloatFormat", overflow: Overflow, rounding: Rounding, codes: bool
) -> npt.NDArray[np.int32] | None:
    """Numbers of a `Plan`, or None where the general route is needed.

    Negative values of an unsigned format are to be made zero first.

    Parameters
    ----------
    fmt : FloatFormat
        The format.
    overflow, rounding
        The rules.
    codes : bool
        Whether codes are wanted; values must fit float32.
    """
    saturate = overflow is Overflow.SATURATE
    wide = fmt.min_exponent < 1 - _BIAS
    if (
        rounding is not Rounding.NEAREST_EVEN
        or overflow is Overflow.RAISE
        or not fmt.subnormals
        or (wide and (fmt.exponent_bits == 0 or fmt.min_exponent > 1 - _BIAS - _MANTISSA))
        or fmt.mantissa_bits >= _MANTISSA
        or fmt.bits > 31
        or fmt.lsb_exponent + _MANTISSA > _BIAS
        or fmt.min_exponent > _BIAS
        or (fmt.max_exponent > _BIAS and not codes)
        or not (fmt.signed or saturate)
        or (overflow is Overflow.NAN and fmt.has_infinity)
    ):
        return None
    largest = np.float32(fmt.max_value if fmt.max_exponent <= _BIAS else np.inf)
    nan = fmt.nan_code if fmt.has_nan else 0
    if saturate:
        over_code, over_bits = fmt.max_code, _bits(largest)
    elif fmt.has_infinity:
        over_code, over_bits = fmt.infinity_code, _INFINITY
    else:
        over_code, over_bits = nan, _NAN
    shift = _MANTISSA - fmt.mantissa_bits
    # The field of a normal number starts at 1, float32's bias of the same exponent higher.
    offset = (fmt.min_exponent - 1 + _BIAS) << fmt.mantissa_bits
    numbers: tuple[int, ...] = (
        *(shift, (1 << (shift - 1)) - 1, offset, offset & 1),
        1 << _MANTISSA if wide else _bits(np.float32(fmt.min_normal)),
        int(wide),
        0 if wide else _bits(np.float32(2.0 ** (fmt.lsb_exponent + _MANTISSA))),
        *(fmt.max_code, over_code, nan),
        *(_bits(largest), over_bits),
        -(1 << shift),
        1 << (fmt.bits - 1) if fmt.signed else 0,
        int(fmt.has_negative_zero),
    )
    return np.array(numbers, np.int32)


def _bits(value: np.float32) -> int:
    return int(value.view(np.int32))


@jit
def _plan(numbers: Any) -> Plan:
    """The constants by name. They come as an array, which compiled code takes in far quicker."""
    return Plan(
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        numbers[6],
        numbers[7],
        numbers[8],
        numbers[9],
        numbers[10],
        numbers[11],
        numbers[12],
        numbers[13],
        numbers[14],
    )


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
            small = np.int32(bits[i] & np.int32(_MAGNITUDE)) < plan.small
            codes[i] = 0 if small and codes[i] == plan.sign_bit else codes[i]
    if largest >= np.int32(_INFINITY):
        for i in range(bits.size):
            magnitude = np.int32(bits[i] & np.int32(_MAGNITUDE))
            if magnitude == np.int32(_INFINITY):
                codes[i] = _bounded_code(plan, bits[i], plan.over_code)
            elif magnitude > np.int32(_INFINITY):
                codes[i] = plan.nan_code
    return largest > np.int32(_INFINITY)


@jit
def _encode_block(plan: Plan, bits: Any, codes: Any) -> Any:
    largest = np.int32(0)
    adder = np.int32(plan.adder).view(np.float32)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(_MAGNITUDE))
        code = np.int32(_field(plan, magnitude) - plan.offset)
        low = np.float32(np.int32(magnitude).view(np.float32) + adder).view(np.int32)
        code = np.int32(low - plan.adder) if magnitude < plan.small else code
        largest = max(largest, magnitude)
        codes[i] = _bounded_code(plan, bits[i], code)
    return largest


@jit
def _encode_wide_block(plan: Plan, bits: Any, codes: Any) -> Any:
    largest = np.int32(0)
    lifted = np.int32(plan.offset + (np.int32(_LIFT) << np.int32(np.int32(_MANTISSA) - plan.shift)))
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(_MAGNITUDE))
        code = np.int32(_field(plan, magnitude) - plan.offset)
        raised = np.float32(np.int32(magnitude).view(np.float32) * np.float32(2.0**_LIFT))
        low = np.int32(_field(plan, np.float32(raised).view(np.int32)) - lifted)
        code = low if magnitude < plan.small else code
        code = np.int32(0) if magnitude == np.int32(0) else code
        largest = max(largest, magnitude)
        codes[i] = _bounded_code(plan, bits[i], code)
    return largest


@jit
def _encode(numbers: Any, bits: Any, codes: Any) -> Any:
    plan = _plan(numbers)
    saw_nan = False
    for first in range(0, bits.size, _BLOCK):
        source, target = bits[first : first + _BLOCK], codes[first : first + _BLOCK]
        if plan.wide:
            largest = _encode_wide_block(plan, source, target)
        else:
            largest = _encode_block(plan, source, target)
        saw_nan |= _mend_codes(plan, source, target, largest)
    return saw_nan


@jit
def _bounded_value(plan: Plan, bits: Any, value: Any) -> Any:
    """Bits of a finite number with overflow and sign settled."""
    value = plan.over_bits if value > plan.max_bits else value
    return np.int32(value | np.int32(bits & np.int32(~_MAGNITUDE)))


@jit
def _mend_values(plan: Plan, bits: Any, result: Any, largest: Any) -> Any:
    """Settle what is rare; returns whether a NaN was met."""
    if plan.negative_zero == 0:
        for i in range(result.size):
            value = result[i]
            result[i] = np.int32(0) if value == np.int32(~_MAGNITUDE) else value
    if largest > np.int32(_INFINITY):
        for i in range(bits.size):
            if np.int32(bits[i] & np.int32(_MAGNITUDE)) > np.int32(_INFINITY):
                result[i] = np.int32(_NAN)
    return largest > np.int32(_INFINITY)


@jit
def _quantize_block(plan: Plan, bits: Any, result: Any) -> Any:
    largest = np.int32(0)
    adder = np.int32(plan.adder).view(np.float32)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(_MAGNITUDE))
        value = np.int32(_rounded(plan, magnitude) & plan.keep)
        added = np.float32(np.int32(magnitude).view(np.float32) + adder)
        low = np.float32(added - adder).view(np.int32)
        value = low if magnitude < plan.small else value
        largest = max(largest, magnitude)
        result[i] = _bounded_value(plan, bits[i], value)
    return largest


@jit
def _quantize_wide_block(plan: Plan, bits: Any, result: Any) -> Any:
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(_MAGNITUDE))
        value = np.int32(_rounded(plan, magnitude) & plan.keep)
        raised = np.float32(np.int32(magnitude).view(np.float32) * np.float32(2.0**_LIFT))
        cut = np.int32(_rounded(plan, np.float32(raised).view(np.int32)) & plan.keep)
        low = np.float32(np.int32(cut).view(np.float32) * np.float32(2.0**-_LIFT)).view(np.int32)
        value = low if magnitude < plan.small else value
        value = np.int32(0) if magnitude == np.int32(0) else value
        largest = max(largest, magnitude)
        result[i] = _bounded_value(plan, bits[i], value)
    return largest


@jit
def _quantize(numbers: Any, bits: Any, result: Any) -> Any:
    plan = _plan(numbers)
    saw_nan = False
    for first in range(0, bits.size, _BLOCK):
        source, target = bits[first : first + _BLOCK], result[first : first + _BLOCK]
        if plan.wide:
            largest = _quantize_wide_block(plan, source, target)
        else:
            largest = _quantize_block(plan, source, target)
        saw_nan |= _mend_values(plan, source, target, largest)
    return saw_nan
