"""float32 and float64 as what sums are formed in: how much of a format or a product they hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwmodel.formats import FloatFormat, IntFormat, Rounding
from hwmodel.formats.scalar import decode_scalar, encode_scalar
from hwmodel.units import UnitSpec

__all__ = [
    "KINDS",
    "Kind",
    "bounds",
    "holds",
    "largest_product",
    "precision_of",
    "shifts",
    "split_scale",
    "top_of",
]


@dataclass(frozen=True)
class Kind:
    """A type, its integer, the bits of its significands and its bias."""

    dtype: type[np.floating[Any]]
    integer: type[np.signedinteger[Any]]
    precision: int
    bias: int


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


def largest_product(spec: UnitSpec) -> float:
    """Largest magnitude of a product of finite operands."""
    return max(abs(spec.a.max_value), abs(spec.a.min_value)) * max(
        abs(spec.b.max_value), abs(spec.b.min_value)
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


def split_scale(kind: Kind, spec: UnitSpec, scale: int) -> tuple[int, int] | None:
    """Powers of two for both operands that make `scale`, where all of their values stay."""
    assert isinstance(spec.a, FloatFormat | IntFormat)
    assert isinstance(spec.b, FloatFormat | IntFormat)
    (low_a, high_a), (low_b, high_b) = (shifts(kind, part) for part in (spec.a, spec.b))
    low, high = max(low_a, scale - high_b), min(high_a, scale - low_b)
    if low > high:
        return None
    first = min(max(scale // 2, low), high)
    return first, scale - first


def shifts(kind: Kind, fmt: FloatFormat | IntFormat) -> tuple[int, int]:
    """Least and largest exponent of a power of two times which all values are in the type."""
    lowest = 2 - kind.bias - kind.precision
    top = top_of(max(abs(fmt.max_value), abs(fmt.min_value)))
    return lowest - fmt.lsb_exponent, kind.bias + 1 - top
