"""The looked-up route: float32 in, any rule that leaves nothing to chance, narrow formats.

The upper half of a float32 (sign, exponent and seven bits of the mantissa) and whether anything
follows it decide every rounding to a significand of up to seven bits: one bit is left for the
midpoint, and the rest says on which side of it a number lies. So a table of 2**17 entries holds
all results. `kernels` fills it.
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit
from hwmodel.formats import kernels
from hwmodel.formats.base import code_dtype
from hwmodel.formats.rounding import Overflow, Request, Rounding

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = ["encode", "quantize", "suits"]

_UPPER_MANTISSA = 7
_UPPER_LSB = -126 - _UPPER_MANTISSA
# Numbers from which on a table is worth its making.
_MANY = 1 << 15
_INFINITY = 0x7F800000
_MAGNITUDE = 0x7FFFFFFF


def suits(fmt: "FloatFormat", x: npt.NDArray[Any], request: Request) -> bool:
    """Whether the table of a format and a rule exists and is worth its making.

    Parameters
    ----------
    fmt : FloatFormat
        The format.
    x : ndarray
        The numbers.
    request : Request
        The rules.
    """
    fixed = fmt.exponent_bits == 0  # the first bit is one of the mantissa's
    return (
        x.dtype == np.float32
        and x.size >= _MANY
        and fmt.mantissa_bits - fixed < _UPPER_MANTISSA
        and fmt.max_exponent <= 127
        and fmt.lsb_exponent > _UPPER_LSB
        and request.rounding is not Rounding.STOCHASTIC
        and request.overflow is not Overflow.RAISE
    )


def encode(
    fmt: "FloatFormat", request: Request, x: npt.NDArray[np.float32], codes: npt.NDArray[Any]
) -> int:
    """Write the codes of `x`; returns `kernels.SAW_NAN` if a NaN was met."""
    return int(_look_up(_codes(fmt, request.rounding, request.overflow), x.view(np.int32), codes))


def quantize(
    fmt: "FloatFormat", request: Request, x: npt.NDArray[np.float32], result: npt.NDArray[Any]
) -> int:
    """Write the rounded values of `x`; returns `kernels.SAW_NAN` if a NaN was met."""
    return int(_look_up(_values(fmt, request.rounding, request.overflow), x.view(np.int32), result))


@jit
def _look_up(table: Any, bits: Any, result: Any) -> int:
    largest = np.int32(0)
    for i in range(bits.size):
        number = bits[i]
        rest = np.int32(number & np.int32(0xFFFF)) != np.int32(0)
        place = np.int32(np.int32(np.int32(number >> np.int32(15)) & np.int32(0x1FFFE)) | rest)
        result[i] = table[place]
        largest = max(largest, np.int32(number & np.int32(_MAGNITUDE)))
    return kernels.SAW_NAN if largest > np.int32(_INFINITY) else 0


@functools.lru_cache(maxsize=64)
def _codes(fmt: "FloatFormat", rounding: Rounding, overflow: Overflow) -> npt.NDArray[Any]:
    table = np.empty(1 << 17, code_dtype(fmt.bits))
    kernels.encode(_layout(fmt), _numbers(), table, *_rules(rounding, overflow))
    return table


@functools.lru_cache(maxsize=64)
def _values(fmt: "FloatFormat", rounding: Rounding, overflow: Overflow) -> npt.NDArray[Any]:
    table = np.empty(1 << 17, np.float64)
    kernels.quantize(_layout(fmt), _numbers(), table, *_rules(rounding, overflow))
    return table.astype(np.float32)


def _layout(fmt: "FloatFormat") -> kernels.Layout:
    from hwmodel.formats.vector import layout_of

    return layout_of(fmt)


def _rules(rounding: Rounding, overflow: Overflow) -> tuple[Any, ...]:
    return kernels.ROUNDINGS[rounding], kernels.OVERFLOWS[overflow], np.zeros(1, np.int64), 0


def _numbers() -> npt.NDArray[np.float32]:
    """One float32 for each entry: the upper half, and one bit more where something follows."""
    place = np.arange(1 << 17, dtype=np.uint32)
    return (place >> 1 << 16 | place & 1).astype(np.uint32).view(np.float32)
