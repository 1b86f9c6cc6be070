"""Matrix products in chunks that go into a floating-point accumulator, with factors if need be.

A chunk's sum may be multiplied with a factor of its row and one of its column, the scales of
blocks; the product is exact, and rounded once together with what the accumulator holds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.chunk_adders import Adder, Factors
from hwmodel.arithmetic.chunk_values import ChunkValues, values_of_chunks
from hwmodel.arithmetic.coding import coded
from hwmodel.arithmetic.spans import Span
from hwmodel.parallel import alone, in_pieces
from hwmodel.units import ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["float_totals"]

# Sums that stay in the second-level cache while a chunk is added to them.
_TILE = 1 << 15
# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 20

_Array = npt.NDArray[Any]


def float_totals(
    spec: UnitSpec,
    x: _Array,
    y: _Array,
    factors: Factors | None,
    values: Callable[[UnitSpec, _Array, _Array], _Array],
) -> _Array | None:
    """Codes of the product of the codes x, shape (M, K), and y, shape (K, N).

    Parameters
    ----------
    spec : UnitSpec
        A unit with a chunked accumulator, of which the outer one is a float.
    x, y
        Codes; K is not zero.
    factors : Factors, optional
        What chunks are multiplied with.
    values
        Values of matrix products in a unit: `hwmodel.arithmetic.matmul.float_values`.

    Returns
    -------
    ndarray or None
        None where a float type does not hold what is needed.
    """
    accumulator = spec.accumulator
    assert isinstance(accumulator, ChunkedAccumulator)
    terms, length = x.shape[1], accumulator.length
    chunks = [slice(start, min(start + length, terms)) for start in range(0, terms, length)]
    if factors is None:
        factors = Factors.ones(len(x), len(chunks), y.shape[1])
    measured = factors.measured()
    register = spec.inner_unit.register
    if isinstance(register, FloatAccumulator):
        inner = register.format
        reach = Span(inner.lsb_exponent, inner.max_exponent + 1)
        adder = Adder.of(spec, factors, measured, reach, inner.mantissa_bits + 1)
        return adder and coded(spec, _by_units(spec, x, y, chunks, adder, values))
    found = values_of_chunks(spec, x, y, measured.spare)
    if found is None:
        return None
    floats = found.right.dtype == np.float32
    adder = Adder.of(spec, factors, measured, found.span, found.bits, len(found.left), floats)
    return adder and coded(spec, _by_libraries(found, chunks, adder))


def _by_libraries(found: ChunkValues, chunks: list[slice], adder: Adder) -> _Array:
    """Sums of chunks by matrix libraries, some rows at a time."""
    rows, columns = len(found.left[0]), found.right.shape[1]
    totals = np.zeros((rows, columns), adder.dtype)
    factors = [adder.factors.of_chunk(number) for number in range(len(chunks))]

    def some(part: slice) -> int:
        height = max(1, _TILE // columns)
        buffers = [np.empty((height, columns), found.right.dtype) for _ in found.left]
        for start in range(part.start, part.stop, height):
            tile = slice(start, min(start + height, part.stop))
            total = totals[tile]
            sums = [buffer[: len(total)] for buffer in buffers]
            for chunk, (of_rows, of_columns) in zip(chunks, factors, strict=True):
                for left, result in zip(found.left, sums, strict=True):
                    np.matmul(left[tile, chunk], found.right[chunk], out=result)
                adder.add(total, *sums, of_rows[tile], of_columns)
                if total.dtype != np.float32:
                    total[:] = adder.rounded(total)
        return 0

    with alone():
        in_pieces(some, rows, worth=_worthwhile(found.left[0].size * columns, rows))
    return totals


def _by_units(
    spec: UnitSpec,
    x: _Array,
    y: _Array,
    chunks: list[slice],
    adder: Adder,
    values: Callable[[UnitSpec, _Array, _Array], _Array],
) -> _Array:
    """Sums of chunks by the inner unit's own routes."""
    totals = np.zeros((len(x), y.shape[1]), adder.dtype)
    factors = [adder.factors.of_chunk(number) for number in range(len(chunks))]

    def some(part: slice) -> int:
        total = totals[part]
        for chunk, (of_rows, of_columns) in zip(chunks, factors, strict=True):
            sums = values(spec.inner_unit, x[part, chunk], y[chunk])
            if of_columns.dtype == np.float32:
                sums = sums.astype(np.float32, copy=False)
            adder.add(total, sums, of_rows[part], of_columns)
            if total.dtype != np.float32:
                total[:] = adder.rounded(total)
        return 0

    in_pieces(some, len(x), worth=_worthwhile(x.size * y.shape[1], len(x)))
    return totals


def _worthwhile(work: int, rows: int) -> int:
    """Rows that pay for a thread, of so many that take so many multiplications."""
    return max(1, rows * _WORTHWHILE // max(1, work))
