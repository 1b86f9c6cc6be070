"""The quickest route: the float32 adder rounds numbers of every exponent to nearest even.

To a magnitude a power of two is added whose last place in float32 is that of the format at the
magnitude's exponent, and taken away again. Subnormals are no special case. Without a mantissa the
exponent's last bit makes a code even: where it does, the power has one unit more, so that the tie
at one and a half units goes down to one.

Arguments that are None or True choose what a loop has: what is not needed is not compiled.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats.plan import INFINITY, MAGNITUDE, NAN, Plan

__all__ = ["code_of", "encode", "encoding", "kind", "mend", "quantize", "rounding", "value_of"]

_TOP, _LOWEST, _LIFT, _SHIFT, _SIGN, _MAX_CODE, _OVER_CODE, _MAX_BITS, _OVER_BITS, _MINUS, _NAN = (
    Plan._fields.index(name)
    for name in (
        *("top", "lowest", "lift", "shift", "sign_bit", "max_code", "over_code", "max_bits"),
        *("over_bits", "negative_zero", "nan_code"),
    )
)
_NO_MANTISSA = 23  # bits that a format without any lacks


def encode(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met."""
    bits = x.view(np.int32)
    saw_nan = _encode(plan, bits, codes, *kind(plan)) > INFINITY
    if saw_nan:
        mend(bits, codes, plan[_NAN])
    return bool(saw_nan)


def quantize(
    plan: npt.NDArray[np.int32], x: npt.NDArray[np.float32], result: npt.NDArray[np.float32]
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    bits, values = x.view(np.int32), result.view(np.int32)
    saw_nan = _quantize(plan, bits, values, *kind(plan)) > INFINITY
    if saw_nan:
        mend(bits, values, np.int32(NAN))
    return bool(saw_nan)


def kind(plan: npt.NDArray[np.int32]) -> tuple[bool | None, ...]:
    """Whether there are no signs, no mantissas, numbers that are too large, no minus zero."""
    flags = (
        plan[_SIGN] == 0,
        plan[_SHIFT] == _NO_MANTISSA,
        plan[_OVER_BITS] != plan[_TOP],
        plan[_SIGN] != 0 and plan[_MINUS] == 0,
    )
    return tuple(True if flag else None for flag in flags)


_FLOAT = np.float32(0.0)  # for its type


@inlined
def _clipped(magnitude: Any, top: Any, lowest: Any) -> Any:
    """A magnitude no larger than `top`, and its exponent field, no smaller than `lowest`."""
    number = magnitude if magnitude < top else top
    field = np.int32(number & np.int32(INFINITY))
    return number, field if field > lowest else lowest


@inlined
def code_of(bits: Any, rule: Any, unsigned: Any, powers: Any, over: Any, plus: Any) -> Any:
    """Code of a number's bits, of a NaN anything; `rule` has what `encoding` gives."""
    top, lowest, lift, shift, max_code, over_code, sign_bit = rule
    magnitude = np.int32(bits & np.int32(MAGNITUDE))
    if unsigned is not None:  # negative numbers become zero
        magnitude = bits if bits > np.int32(0) else np.int32(0)
    number, field = _clipped(magnitude, top, lowest)
    adder = np.int32(field + lift)
    if powers is not None:
        adder = np.int32(adder + np.int32(field >> np.int32(_NO_MANTISSA)))
    total = bits_of(float_of(number, _FLOAT) + float_of(adder, _FLOAT))
    # The total's last bits count units of the last place; those of a normal number have the
    # hidden bit, too, which adds one to the exponent field.
    code = np.int32(np.int32(field - lowest) >> np.int32(shift & np.int32(31)))
    code = np.int32(code + np.int32(total - adder))
    if over is not None:
        code = over_code if code > max_code else code
    if unsigned is None:
        sign = np.int32(np.int32(bits >> np.int32(31)) & sign_bit)
        if plus is not None:
            sign = np.int32(0) if code == np.int32(0) else sign
        code = np.int32(code | sign)
    return code


@inlined
def encoding(plan: Any) -> Any:
    """What `code_of` needs of a plan's numbers."""
    return (
        *(plan[_TOP], plan[_LOWEST], plan[_LIFT], plan[_SHIFT], plan[_MAX_CODE]),
        *(plan[_OVER_CODE], plan[_SIGN]),
    )


@jit
def _encode(
    plan: Any, bits: Any, codes: Any, unsigned: Any, powers: Any, over: Any, plus: Any
) -> Any:
    """Write codes, of a NaN anything; returns the largest magnitude's bits."""
    rule = encoding(plan)
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        codes[i] = code_of(bits[i], rule, unsigned, powers, over, plus)
    return largest


@inlined
def value_of(bits: Any, rule: Any, unsigned: Any, powers: Any, over: Any, plus: Any) -> Any:
    """Bits of a rounded number, of a NaN anything; `rule` has what `rounding` gives."""
    top, lowest, lift, max_bits, over_bits = rule
    magnitude = np.int32(bits & np.int32(MAGNITUDE))
    if unsigned is not None:
        magnitude = bits if bits > np.int32(0) else np.int32(0)
    number, field = _clipped(magnitude, top, lowest)
    power = np.int32(field + lift)
    if powers is not None:
        power = np.int32(power + np.int32(field >> np.int32(_NO_MANTISSA)))
    adder = float_of(power, _FLOAT)
    value = bits_of(float_of(number, _FLOAT) + adder - adder)
    if over is not None:
        value = over_bits if value > max_bits else value
    if unsigned is None:
        value = np.int32(value | np.int32(bits & np.int32(~MAGNITUDE)))
        if plus is not None:  # minus zero and zero are zero
            value = bits_of(float_of(value, _FLOAT) + _FLOAT)
    return value


@inlined
def rounding(plan: Any) -> Any:
    """What `value_of` needs of a plan's numbers."""
    return plan[_TOP], plan[_LOWEST], plan[_LIFT], plan[_MAX_BITS], plan[_OVER_BITS]


@jit
def _quantize(
    plan: Any, bits: Any, result: Any, unsigned: Any, powers: Any, over: Any, plus: Any
) -> Any:
    """Write values, of a NaN anything; returns the largest magnitude's bits."""
    rule = rounding(plan)
    largest = np.int32(0)
    for i in range(bits.size):
        magnitude = np.int32(bits[i] & np.int32(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        result[i] = value_of(bits[i], rule, unsigned, powers, over, plus)
    return largest


@jit
def mend(bits: Any, result: Any, nan: Any) -> None:
    """Write what a NaN becomes, so that the main loops need not look for it."""
    for i in range(bits.size):
        if np.int32(bits[i] & np.int32(MAGNITUDE)) > np.int32(INFINITY):
            result[i] = nan
