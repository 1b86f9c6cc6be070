"""float32 and float64 as what sums are formed in: how much of a format or a product they hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwmodel.arithmetic.spans import Operands, Span
from hwmodel.formats import FloatFormat, IntFormat, Rounding
from hwmodel.formats.scalar import decode_scalar, encode_scalar
from hwmodel.units import UnitSpec

__all__ = [
    *("KINDS", "STEADY", "Kind", "all_operands", "bounds", "holds", "precision_of", "reach"),
    *("shifts", "split_scale", "top_of"),
]


@dataclass(frozen=True)
class Kind:
    """A type, its integer, the bits of its significands and its bias."""

    dtype: type[np.floating[Any]]
    integer: type[np.signedinteger[Any]]
    precision: int
    bias: int


# A sum moves by no more than twice the product that is added: what is added to is a number of the
# format itself, and no farther from the exact sum than that. Other roundings may double it.
STEADY = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO)

KINDS = (Kind(np.float32, np.int32, 24, 127), Kind(np.float64, np.int64, 53, 1023))


def precision_of(fmt: FloatFormat | IntFormat) -> int:
    """Bits of the significands of a format."""
    return fmt.mantissa_bits + 1 if isinstance(fmt, FloatFormat) else fmt.bits


def top_of(value: float) -> int:
    """Exponent above every magnitude up to `value`."""
    return int(np.frexp(value)[1])


def holds(kind: Kind, fmt: FloatFormat | IntFormat) -> bool:
    """Whether the type holds every value of the format."""
    return (
        precision_of(fmt) <= kind.precision
        and fmt.lsb_exponent >= 2 - kind.bias - kind.precision
        and top_of(max(abs(fmt.max_value), abs(fmt.min_value))) <= kind.bias + 1
    )


def bounds(
    spec: UnitSpec, fmt: FloatFormat, rounding: Rounding, scale: int
) -> tuple[float, float, float, float]:
    """Largest and smallest value, and what stands for larger and smaller ones, all scaled."""
    assert spec.overflow is not None
    huge = 2.0 ** (fmt.max_exponent + 2)
    # The definition: nothing is compiled for two numbers.
    codes = [encode_scalar(fmt, number, spec.overflow, rounding) for number in (huge, -huge)]
    above, beneath = (float(np.ldexp(decode_scalar(fmt, code), scale)) for code in codes)
    largest, smallest = (float(np.ldexp(end, scale)) for end in (fmt.max_value, fmt.min_value))
    return largest, smallest, above, beneath


def split_scale(kind: Kind, operands: Operands, scale: int) -> tuple[int, int] | None:
    """Powers of two for both operands that make `scale`, where all of their values stay."""
    (low_a, high_a), (low_b, high_b) = (shifts(kind, part) for part in operands[:2])
    low, high = max(low_a, scale - high_b), min(high_a, scale - low_b)
    if low > high:
        return None
    first = min(max(scale // 2, low), high)
    return first, scale - first


def shifts(kind: Kind, numbers: Span) -> tuple[int, int]:
    """Least and largest exponent of a power of two times which all numbers are in the type."""
    return 2 - kind.bias - kind.precision - numbers.low, kind.bias + 1 - numbers.high


def all_operands(spec: UnitSpec) -> Operands:
    """Spans of the operands' formats, and more products than there are."""
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    a, b = (
        Span(fmt.lsb_exponent, top_of(max(abs(fmt.max_value), abs(fmt.min_value))))
        for fmt in (spec.a, spec.b)
    )
    return Operands(a, b, 1 << 62)


def reach(spec: UnitSpec, operands: Operands) -> int:
    """Exponent above all sums of the operands' products in a floating-point accumulator.

    That is before a sum is rounded, as if there were no largest value.
    """
    high = operands.products.high
    if spec.rounding in STEADY:
        return high + operands.steps.bit_length() + 1
    return high + 2 * operands.steps
