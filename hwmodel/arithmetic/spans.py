"""Between which exponents values of codes lie: those at hand may need less than their format."""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.library_products import code_places
from hwmodel.arithmetic.tables import extremes
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.formats.base import MAX_TABLE_BITS
from hwmodel.units import UnitSpec

__all__ = ["Operands", "Span", "of_operands", "of_products", "span", "whole_span"]


class Span(NamedTuple):
    """Exponents of the last place of all numbers and beyond the largest one."""

    low: int
    high: int

    @property
    def bits(self) -> int:
        return self.high - self.low


class Operands(NamedTuple):
    """Spans of both operands of a product, and of how many products sums are."""

    a: Span
    b: Span
    steps: int

    @property
    def products(self) -> Span:
        """Span of the products of two numbers."""
        return Span(self.a.low + self.b.low, self.a.high + self.b.high)


def span(fmt: Format, codes: npt.NDArray[Any]) -> Span:
    """Of the values of codes that are numbers but not zero; (0, 0) if there are none."""
    lows, highs = _ends(fmt)
    low, high = extremes(lows, highs, codes)
    return Span(low, high) if low <= high else Span(0, 0)


@functools.lru_cache(maxsize=64)
def whole_span(fmt: Format) -> Span:
    """The same of all codes."""
    return span(fmt, np.arange(fmt.code_count))


@functools.lru_cache(maxsize=64)
def _ends(fmt: Format) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Of each code the exponents of its last place and beyond it, none where it is no number."""
    lows, highs, numbers = code_places(fmt)
    lsb, no = fmt.lsb_exponent, np.iinfo(np.int16)
    return (
        np.where(numbers, lows + lsb, no.max).astype(np.int16),
        np.where(numbers, highs + lsb, no.min).astype(np.int16),
    )


def of_operands(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Operands | None:
    """Those of the codes x, shape (M, K), and y, (K, N); None where formats are too wide."""
    if max(spec.a.bits, spec.b.bits) > MAX_TABLE_BITS or not (x.size and y.size):
        return None
    try:
        return Operands(span(spec.a, x), span(spec.b, y), x.shape[1])
    except HwmodelError:  # steps beyond float64
        return None


def of_products(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Span | None:
    """Of products of the unit's operands with these codes; None where formats are too wide."""
    operands = of_operands(spec, x, y)
    return operands and operands.products
