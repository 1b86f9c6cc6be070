"""Operands' values as matrices whose products over a chunk are exact in a float type.

So matrix libraries sum the chunks of a fixed-point accumulator. What they need is found from the
codes at hand: numbers near one take fewer bits than the formats' whole ranges.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.library_products import steps_of
from hwmodel.arithmetic.spans import Span, span, whole_span
from hwmodel.arithmetic.tables import looked_up
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.formats.base import MAX_TABLE_BITS
from hwmodel.units import ChunkedAccumulator, UnitSpec

__all__ = ["ChunkValues", "values_of_chunks"]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
# Bits of significands, and exponents within which nothing is subnormal or too large: float64's
# leave room for the factors that a chunk is multiplied with.
_ROOM = {_SINGLE: (24, -120, 120), _DOUBLE: (53, -400, 400)}


class ChunkValues(NamedTuple):
    """Matrices `left`, shape (M, K), each to be multiplied with `right`, shape (K, N).

    Over a chunk the products are exact, with at most so many bits; the sums of all lie in `span`.
    Codes that are no numbers are NaN.
    """

    left: tuple[npt.NDArray[Any], ...]
    right: npt.NDArray[Any]
    span: Span
    bits: int


def values_of_chunks(
    spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any], spare: int
) -> ChunkValues | None:
    """Values for chunks of codes x, shape (M, K), and y, (K, N).

    `spec` has a chunked accumulator with a fixed-point inner one. None if that may wrap or
    saturate, or where more than two matrices would be needed. If there are two, so many bits are
    to spare in their products.
    """
    accumulator = spec.accumulator
    assert isinstance(accumulator, ChunkedAccumulator)
    if max(spec.a.bits, spec.b.bits) > MAX_TABLE_BITS:
        return None
    length = min(accumulator.length, x.shape[1])
    try:
        found = _fitting(spec, whole_span(spec.a), whole_span(spec.b), length, spare)
    except HwmodelError:  # steps beyond float64
        return None
    if found is None or found.dtype != _SINGLE:  # perhaps the codes at hand need less
        found = _fitting(spec, span(spec.a, x), span(spec.b, y), length, spare)
    if found is None:
        return None
    if found.cut is None:
        left: tuple[npt.NDArray[Any], ...] = (looked_up(_table(spec.a, found.dtype), x),)
    else:
        left = tuple(looked_up(table, x) for table in _cut_tables(spec.a, found.cut))
    return ChunkValues(left, looked_up(_table(spec.b, found.dtype), y), found.sums, found.bits)


class _Fit(NamedTuple):
    """A float type that holds sums of chunks, and where the first operand is cut, if it is."""

    dtype: np.dtype[Any]
    sums: Span
    bits: int
    cut: int | None


def _fitting(spec: UnitSpec, a: Span, b: Span, length: int, spare: int) -> _Fit | None:
    """What holds chunks of so many products of numbers in these spans."""
    carry = (length - 1).bit_length()
    sums = Span(a.low + b.low, a.high + b.high + carry)
    field = spec.inner_unit.fixed_point
    if sums.high > field.lsb_exponent + field.width - 1:
        return None
    for dtype in (_SINGLE, _DOUBLE):
        bits, lowest, highest = _ROOM[dtype]
        if min(a.low, b.low, sums.low) < lowest or max(a.high, b.high, sums.high) > highest:
            continue
        if sums.bits <= bits:
            return _Fit(dtype, sums, sums.bits, None)
        bits -= spare
        cut = a.low + bits - carry - b.bits  # what lies below makes products of so many bits
        if dtype == _DOUBLE and a.low < cut and a.high - cut + b.bits + carry <= bits:
            return _Fit(dtype, sums, bits, cut)
    return None


@functools.lru_cache(maxsize=64)
def _table(fmt: Format, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Values of all codes, NaN for what is no number."""
    with np.errstate(over="ignore", under="ignore"):  # of codes that do not occur
        values = np.ldexp(steps_of(fmt, np.arange(fmt.code_count)), fmt.lsb_exponent)
        return np.asarray(values.astype(dtype))


@functools.lru_cache(maxsize=64)
def _cut_tables(fmt: Format, cut: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Values in multiples of ``2**cut``, toward zero, and what is left of them."""
    values = _table(fmt, _DOUBLE)
    upper = np.ldexp(np.trunc(np.ldexp(values, -cut)), cut)
    return upper, np.asarray(values - upper)
