"""Quantise, encode and decode whole arrays of floating-point formats with NumPy.

Three routes, each compared with the scalar definition: a general one in float64, a quick one for
float32 by adding and taking away a large number, and tables for decoding.
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import (
    MAX_TABLE_BITS,
    CodeArray,
    Overflow,
    Rounding,
    code_dtype,
)

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = ["decode", "encode", "quantize"]

# Elements a pass works on at a time: two float32 arrays of this size stay in the L2 cache.
_BLOCK = 1 << 15


def quantize(
    fmt: "FloatFormat", x: npt.NDArray[Any], overflow: Overflow, rounding: Rounding
) -> npt.NDArray[Any]:
    """Round values to the grid of `fmt`; see `Format.quantize`."""
    _check_overflow(fmt, overflow)
    if x.dtype == np.float32 and rounding is Rounding.NEAREST_EVEN and _suits_float32(fmt):
        return _quantize_float32(fmt, x, overflow)
    result = _quantize_float64(fmt, x.astype(np.float64), overflow, rounding)
    if x.dtype.kind == "f" and x.dtype.itemsize < 8 and _fits(fmt, x.dtype):
        return result.astype(x.dtype.newbyteorder("="))
    return result


def encode(
    fmt: "FloatFormat", x: npt.NDArray[Any], overflow: Overflow, rounding: Rounding
) -> CodeArray:
    """Codes of values rounded to the grid of `fmt`; see `Format.encode`."""
    y = np.asarray(quantize(fmt, x, overflow, rounding), dtype=np.float64)
    magnitude = np.abs(y)
    finite = np.isfinite(y)
    exponent = np.frexp(np.where(finite, magnitude, 0.0))[1] - 1
    exponent = np.maximum(np.where(magnitude == 0, fmt.min_exponent, exponent), fmt.min_exponent)
    if fmt.exponent_bits == 0:
        exponent = np.full_like(exponent, fmt.min_exponent)
    steps = np.ldexp(np.where(finite, magnitude, 0.0), fmt.mantissa_bits - exponent)
    integer = steps.astype(np.int64)
    # The hidden bit of a normal number adds one to the exponent field, which starts one lower.
    code = ((exponent - fmt.min_exponent).astype(np.int64) << fmt.mantissa_bits) + integer
    sign = np.signbit(y)
    if fmt.has_nan:
        code = np.where(np.isnan(y), fmt.nan_code, code)
        # One NaN a sign: an overflow keeps its sign, a NaN that comes in is the positive one.
        sign &= ~np.isnan(y)
        if not fmt.has_infinity:
            sign |= _overflowed(x) & np.isnan(y)
    if fmt.has_infinity:
        code = np.where(np.isinf(y), fmt.infinity_code, code)
    if fmt.signed:
        code |= sign.astype(np.int64) << (fmt.bits - 1)
    return code.astype(code_dtype(fmt.bits))


def decode(fmt: "FloatFormat", codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values of checked codes; see `Format.decode`."""
    if fmt.bits <= MAX_TABLE_BITS:
        return _table(fmt)[codes.astype(np.intp, copy=False)]
    return _decode_fields(fmt, codes)


def _check_overflow(fmt: "FloatFormat", overflow: Overflow) -> None:
    if overflow is Overflow.WRAP:
        raise HwmodelError(
            f"{fmt.name} is a floating-point format and cannot wrap; choose Overflow.SATURATE"
        )
    if overflow is Overflow.NONFINITE and not fmt.has_nonfinite:
        raise HwmodelError(
            f"all codes of {fmt.name} are finite, so nothing can overflow to infinity or NaN;"
            " choose Overflow.SATURATE"
        )


def _check_nan(fmt: "FloatFormat", nan: npt.NDArray[np.bool_]) -> None:
    if not fmt.has_nan and nan.any():
        raise HwmodelError(
            f"all codes of {fmt.name} are finite, but NaN came; replace it (numpy.nan_to_num) first"
        )


def _overflowed(x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a NaN in the result comes from a negative number too large, not from a NaN."""
    return np.signbit(x) & ~np.isnan(x)


def _fits(fmt: "FloatFormat", dtype: np.dtype[Any]) -> bool:
    """Whether every value of `fmt` is a value of the NumPy float `dtype`."""
    info = np.finfo(dtype)
    return bool(
        fmt.mantissa_bits <= info.nmant
        and fmt.max_exponent < info.maxexp
        and fmt.lsb_exponent >= info.minexp - info.nmant
    )


def _suits_float32(fmt: "FloatFormat") -> bool:
    # The added number 1.5 * 2**(e + 23 - M) must itself be a normal float32 for every exponent e
    # that a clipped value can have, and the grid's step 2**(e - M) must be one, too.
    return (
        fmt.mantissa_bits <= 21
        and fmt.subnormals
        and fmt.exponent_bits > 0
        and fmt.max_exponent + 1 + 23 - fmt.mantissa_bits <= 127
        and fmt.lsb_exponent >= -126
    )


def _quantize_float32(
    fmt: "FloatFormat", x: npt.NDArray[np.float32], overflow: Overflow
) -> npt.NDArray[np.float32]:
    """Round float32 by adding 1.5 * 2**(e + 23 - M) and taking it away again.

    The sum has the step 2**(e - M) of the format in the binade of the value, so the float32 adder
    does the rounding, to nearest even; copying the sign keeps negative zeros.
    """
    flat = np.ascontiguousarray(x, dtype=np.float32).reshape(-1)
    result = np.empty_like(flat)
    # Beyond twice the largest value nothing changes but the exponent: clip there, so that the
    # large number stays in range, or at the largest value where that is what overflow means.
    saturate = overflow is Overflow.SATURATE
    high = np.float32(fmt.max_value if saturate else 2.0 ** (fmt.max_exponent + 1))
    low = -high if fmt.signed else np.float32(0.0 if saturate else -high)
    lowest = np.uint32((fmt.min_exponent + 127) << 23)
    lift = np.uint32((23 - fmt.mantissa_bits) << 23)
    half = np.uint32(1 << 22)
    scratch = np.empty(min(_BLOCK, flat.size), np.uint32)
    nan = False
    for start in range(0, flat.size, _BLOCK):
        source = flat[start : start + _BLOCK]
        target = result[start : start + _BLOCK]
        large = scratch[: source.size]
        np.clip(source, low, high, out=target)
        np.bitwise_and(target.view(np.uint32), np.uint32(0x7F800000), out=large)
        # A NaN would lift the exponent out of its field; it stays NaN whatever is added.
        np.clip(large, lowest, np.uint32((fmt.max_exponent + 1 + 127) << 23), out=large)
        large += lift
        large |= half
        number = large.view(np.float32)
        rounded = target + number
        rounded -= number
        np.copysign(rounded, source, out=target)
        if not saturate:
            _overflow_in_place(fmt, source, target)
        nan = nan or bool(np.isnan(rounded).any())
    if nan:
        _check_nan(fmt, np.isnan(flat))
    if not fmt.signed:
        result += np.float32(0.0)  # an unsigned format has no negative zero
    return result.reshape(x.shape)


def _overflow_in_place(
    fmt: "FloatFormat", source: npt.NDArray[Any], target: npt.NDArray[Any]
) -> None:
    beyond = np.abs(target) > fmt.max_value
    if not fmt.signed:
        beyond |= target < 0
    if beyond.any():
        infinity = np.copysign(np.inf, source[beyond]) if fmt.has_infinity else np.nan
        target[beyond] = infinity
        if not fmt.signed:
            target[beyond & (source < 0)] = np.nan


def _quantize_float64(
    fmt: "FloatFormat", x: npt.NDArray[np.float64], overflow: Overflow, rounding: Rounding
) -> npt.NDArray[np.float64]:
    """Round float64 (changed in place) on the grid of each value's binade."""
    source = x.copy() if overflow is Overflow.NONFINITE else x
    _check_nan(fmt, np.isnan(x))
    if overflow is Overflow.SATURATE:
        x = np.clip(x, fmt.min_value, fmt.max_value)
    finite = np.isfinite(x)
    exponent = np.maximum(np.frexp(np.where(finite, x, 0.0))[1] - 1, fmt.min_exponent)
    if fmt.exponent_bits == 0:
        exponent = np.full_like(exponent, fmt.min_exponent)
    step = exponent - fmt.mantissa_bits
    to_integer = np.rint if rounding is Rounding.NEAREST_EVEN else np.trunc
    result = np.where(finite, np.ldexp(to_integer(np.ldexp(x, -step)), step), x)
    if not fmt.subnormals:
        small = np.abs(x) < fmt.min_normal
        nearest = to_integer(np.abs(x) / fmt.min_normal) * fmt.min_normal
        result = np.where(small, np.copysign(nearest, x), result)
    if overflow is Overflow.NONFINITE:
        _overflow_in_place(fmt, source, result)
    return np.asarray(result if fmt.signed else result + 0.0, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def _table(fmt: "FloatFormat") -> npt.NDArray[np.float64]:
    table = _decode_fields(fmt, np.arange(fmt.code_count))
    table.setflags(write=False)
    return table


def _decode_fields(fmt: "FloatFormat", codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    code = codes.astype(np.int64)
    magnitude = code & fmt.magnitude_mask
    field = magnitude >> fmt.mantissa_bits
    mantissa = magnitude & ((1 << fmt.mantissa_bits) - 1)
    significand = np.where(field > 0, mantissa + (1 << fmt.mantissa_bits), mantissa)
    if not fmt.subnormals:
        significand = np.where(field > 0, significand, 0)
    exponent = np.maximum(field, 1) - fmt.bias - fmt.mantissa_bits
    special = magnitude > fmt.max_code
    value = np.ldexp(np.where(special, 0, significand).astype(np.float64),
                     np.where(special, 0, exponent))  # fmt: skip
    if fmt.has_nan:
        value = np.where(special, np.nan, value)
    if fmt.has_infinity:
        value = np.where(magnitude == fmt.infinity_code, np.inf, value)
    return np.copysign(value, np.where(code > fmt.magnitude_mask, -1.0, 1.0))
