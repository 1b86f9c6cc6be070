"""Chunked accumulators over arrays: the inner unit's own routes, and the sums of chunks."""

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.chunk_adders import Factors
from hwmodel.arithmetic.chunk_products import float_totals
from hwmodel.arithmetic.combined import add_chunk_scalar
from hwmodel.arithmetic.mac import accumulator_dtype
from hwmodel.arithmetic.operations import Exact, exact, exact_product
from hwmodel.arithmetic.spans import of_products
from hwmodel.formats import FloatFormat, Overflow, Rounding
from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS
from hwmodel.formats.vector import layout_of
from hwmodel.units import ChunkedAccumulator, FloatAccumulator, IntAccumulator, UnitSpec

__all__ = ["add_chunks", "chunked_product", "simulate_chunked"]

_PRECISION = 53

_Codes = npt.NDArray[Any]


def chunked_product(
    product: Callable[[_Codes, _Codes, UnitSpec], _Codes],
    values: Callable[[UnitSpec, _Codes, _Codes], npt.NDArray[Any]],
    spec: UnitSpec,
    x: _Codes,
    y: _Codes,
    *factors: npt.NDArray[np.float64],
) -> _Codes:
    """Matrix product of the codes x, shape (M, K), and y, (K, N), in a chunked accumulator.

    Parameters
    ----------
    product
        Matrix product in the inner unit: `hwmodel.arithmetic.matmul` itself.
    values
        The same as values, for a float: `hwmodel.arithmetic.matmul.float_values`.
    spec, x, y
        As for `hwmodel.arithmetic.matmul`.
    factors : ndarray of float64, shape (M, C) and (C, N)
        What the chunks are multiplied with, if with anything.
    """
    scales = Factors(*factors) if factors else None
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    length = spec.accumulator.length
    if x.shape[1] and isinstance(spec.accumulator.outer, FloatAccumulator):
        found = float_totals(spec, x, y, scales, values)
        if found is not None:
            return found
    whole = _as_one_sum(spec, x, y)
    if whole is not None:
        return product(x, y, whole)
    codes = np.zeros((x.shape[0], y.shape[1]), accumulator_dtype(spec))
    for number, start in enumerate(range(0, x.shape[1], length)):
        chunk = slice(start, start + length)
        sums = product(x[:, chunk], y[chunk], spec.inner_unit)
        if scales is None:
            codes = add_chunks(spec, codes, sums)
        else:
            codes = _defined(spec, codes, sums, scales.of_chunk(number))
    return codes


def _as_one_sum(spec: UnitSpec, x: _Codes, y: _Codes) -> UnitSpec | None:
    """The unit without its inner accumulator, if integers in neither run over, or only wrap."""
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    outer, inner = spec.accumulator.outer, spec.accumulator.inner
    if not (isinstance(outer, IntAccumulator) and isinstance(inner, IntAccumulator)):
        return None
    products = of_products(spec, x, y)
    if products is None:
        return None
    terms = min(spec.accumulator.length, x.shape[1])
    if products.high + (terms - 1).bit_length() > inner.bits - 1:
        return None
    reach = products.high + (x.shape[1] - 1).bit_length()
    if spec.overflow is Overflow.SATURATE and reach > outer.bits - 1:
        return None
    return dataclasses.replace(spec, accumulator=outer)


def simulate_chunked(
    spec: UnitSpec,
    a: _Codes,
    b: _Codes,
    valid: npt.NDArray[np.bool_],
    clear: npt.NDArray[np.bool_],
    simulate: Callable[..., _Codes],
) -> _Codes:
    """Codes after every step of streams, for a unit with a chunked accumulator.

    Parameters
    ----------
    spec, a, b, valid, clear
        As for `hwmodel.arithmetic.simulate`, all of one shape (..., T).
    simulate
        That function, for the inner unit.
    """
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    codes = np.zeros(a.shape, accumulator_dtype(spec))
    if not codes.size:
        return codes
    # Products since the last clear tell where chunks begin.
    counts = np.cumsum(valid, axis=-1)
    before: npt.NDArray[np.int64] = counts - valid
    restart = np.where(clear, before, -1)
    base = np.maximum(np.maximum.accumulate(restart, axis=-1), 0)
    place = (counts - base - 1) % spec.accumulator.length
    begins = valid & (place == 0)
    ends = valid & (place == spec.accumulator.length - 1)
    inner = simulate(spec.inner_unit, a, b, valid, clear | begins)
    outer: _Codes = np.zeros(a.shape[:-1], codes.dtype)
    shown = outer
    for t in range(a.shape[-1]):
        outer = np.where(clear[..., t], np.zeros_like(outer), outer)
        shown = np.where(clear[..., t], np.zeros_like(shown), shown)
        if valid[..., t].any():
            shown = np.where(valid[..., t], add_chunks(spec, outer, inner[..., t]), shown)
        outer = np.where(ends[..., t], shown, outer)
        codes[..., t] = shown
    return codes


def add_chunks(spec: UnitSpec, acc: _Codes, chunks: _Codes) -> _Codes:
    """Codes of the outer accumulators after the chunks were added, element by element.

    Parameters
    ----------
    spec : UnitSpec
        A unit with a chunked accumulator.
    acc, chunks : ndarray of one shape
        Codes of the outer and of the inner accumulators.
    """
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    outer, inner = spec.accumulator.outer, spec.inner_unit
    fixed = not isinstance(inner.register, FloatAccumulator)
    wide = fixed and inner.fixed_point.width > _PRECISION
    if isinstance(outer, IntAccumulator) and (wide or outer.bits > 62):  # 64-bit sums are no int64
        return _defined(spec, acc, chunks)
    if isinstance(outer, IntAccumulator):
        total = _integers(acc, outer.bits) + _integers(chunks, inner.fixed_point.width)
        if spec.overflow is Overflow.SATURATE:
            high = (1 << (outer.bits - 1)) - 1
            total = np.clip(total, -high - 1, high)
        return np.asarray(total & ((1 << outer.bits) - 1)).astype(acc.dtype)
    from hwmodel.arithmetic.steps import add_values, check_found

    assert spec.overflow is not None
    before = np.ravel(outer.format.decode(acc))
    if wide:
        if not _fits(inner, outer.format):
            return _defined(spec, acc, chunks)
        values = _wide_sums(spec, outer.format, before, np.ravel(chunks))
        before = np.zeros_like(before)
    else:
        values = np.ravel(_values(inner, chunks))
    result = np.empty(acc.size, acc.dtype)
    lost = add_values(
        layout_of(outer.format),
        before,
        values,
        ROUNDINGS[spec.rounding],
        OVERFLOWS[spec.overflow],
        result,
    )
    check_found(lost, spec.name)
    return result.reshape(acc.shape)


def _defined(
    spec: UnitSpec, acc: _Codes, chunks: _Codes, factors: tuple[_Codes, _Codes] | None = None
) -> _Codes:
    """The definition itself, element by element."""
    codes = np.empty(acc.shape, acc.dtype)
    for index, code in np.ndenumerate(acc):
        factor: Exact = Fraction(1)
        if factors is not None:  # of matrices
            left, right = (side[place] for side, place in zip(factors, index, strict=True))
            factor = exact_product(exact(left), exact(right))
        codes[index] = add_chunk_scalar(spec, int(code), int(chunks[index]), factor)
    return codes


def _fits(inner: UnitSpec, fmt: FloatFormat) -> bool:
    """Whether float64 holds the outer accumulator in its steps, and the sum with a chunk."""
    field = inner.fixed_point
    low = min(field.lsb_exponent, fmt.lsb_exponent)
    high = max(field.lsb_exponent + field.width, fmt.max_exponent + 1)
    return low >= -1022 and high <= 1022 and fmt.max_exponent - fmt.lsb_exponent <= 1000


def _wide_sums(
    spec: UnitSpec, fmt: FloatFormat, before: npt.NDArray[np.float64], chunks: _Codes
) -> npt.NDArray[np.float64]:
    """Sums of the outer accumulators' values and chunks wider than float64, rounded to odd.

    They are formed in Python's integers. A zero is minus zero where rounding goes down, unless
    both addends are plus zero.
    """
    field = spec.inner_unit.fixed_point
    base = min(field.lsb_exponent, fmt.lsb_exponent)
    up, own = field.lsb_exponent - base, fmt.lsb_exponent - base
    mask, sign = (1 << field.width) - 1, field.width - 1
    totals = np.empty(before.shape, np.float64)
    steps = np.ldexp(before, -fmt.lsb_exponent)
    for place, (step, chunk) in enumerate(zip(steps.tolist(), chunks.tolist(), strict=True)):
        if not math.isfinite(step) or chunk > mask:  # the sticky bit of NaN and infinities
            totals[place] = math.nan if chunk > mask else step
            continue
        code = chunk & mask
        total = (int(step) << own) + ((code - (code >> sign << field.width)) << up)
        size = abs(total)
        if (cut := size.bit_length() - _PRECISION) > 0:
            kept = size >> cut
            size = (kept | (kept << cut != size)) << cut
        value = math.ldexp(size, base)
        minus = total < 0
        if not total and spec.rounding is Rounding.DOWN:
            minus = code != 0 or math.copysign(1.0, step) < 0
        totals[place] = -value if minus else value
    return totals


def _values(inner: UnitSpec, chunks: _Codes) -> npt.NDArray[Any]:
    if isinstance(inner.register, FloatAccumulator):
        return inner.register.format.decode(chunks)
    return _fixed_values(inner, chunks)


def _fixed_values(inner: UnitSpec, chunks: _Codes) -> npt.NDArray[np.float64]:
    field = inner.fixed_point
    codes = chunks.astype(np.int64)
    integers = _integers(codes & ((1 << field.width) - 1), field.width)
    values = np.ldexp(integers.astype(np.float64), field.lsb_exponent)
    return np.where(codes >> field.width != 0, np.nan, values)


def _integers(codes: _Codes, width: int) -> npt.NDArray[np.int64]:
    """Two's-complement numbers of codes of up to 62 bits."""
    numbers = codes.astype(np.int64)
    return np.asarray(numbers - (numbers >> (width - 1) << width))
