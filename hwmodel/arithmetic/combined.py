"""The definition of sums in any accumulator, in exact rational arithmetic on single codes.

`dot_scalar` is what a unit's accumulator holds after a row of products. Plain accumulators take
them one by one (`step_scalar`), aligned ones a group at a time (`add_aligned_scalar`), chunked ones
add whole chunks (`add_chunk_scalar`). `aligned` and `chunked` are the fast routes.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from hwmodel.arithmetic.operations import Exact, exact_product, exact_sum, exact_value
from hwmodel.arithmetic.scalar import canonical, step_scalar
from hwmodel.formats import FloatFormat, Format, Overflow, Rounding
from hwmodel.formats.scalar import decode_scalar, encode_scalar, exponent_of
from hwmodel.units import (
    AlignedAccumulator,
    ChunkedAccumulator,
    FloatAccumulator,
    IntAccumulator,
    UnitSpec,
)

__all__ = ["add_aligned_scalar", "add_chunk_scalar", "dot_scalar"]

_ONE = Fraction(1)


def dot_scalar(
    spec: UnitSpec, a: Sequence[int], b: Sequence[int], factors: Sequence[Exact] | None = None
) -> int:
    """Accumulator code after the products of two rows of codes, from a cleared accumulator.

    Parameters
    ----------
    spec : UnitSpec
        The unit, with any accumulator.
    a, b : sequence of int
        Operand codes, as many of the one as of the other; added in this order.
    factors : sequence of Fraction or float, optional
        For a chunked accumulator: what the sum of each chunk is multiplied with, such as the
        scales of blocks. The product is exact.
    """
    code = 0
    accumulator = spec.accumulator
    if isinstance(accumulator, ChunkedAccumulator):
        for number, start in enumerate(range(0, len(a), accumulator.length)):
            chunk = slice(start, start + accumulator.length)
            factor = _ONE if factors is None else factors[number]
            inner = dot_scalar(spec.inner_unit, a[chunk], b[chunk])
            code = add_chunk_scalar(spec, code, inner, factor)
    elif isinstance(accumulator, AlignedAccumulator):
        for start in range(0, len(a), accumulator.terms):
            group = slice(start, start + accumulator.terms)
            code = add_aligned_scalar(spec, code, a[group], b[group])
    else:
        for x, y in zip(a, b, strict=True):
            code = step_scalar(spec, code, x, y)
    return code


def add_aligned_scalar(spec: UnitSpec, acc: int, a: Sequence[int], b: Sequence[int]) -> int:
    """Code after one group of products in an aligned accumulator.

    The exponent of a product is the sum of its operands' exponents, that of a subnormal number the
    format's smallest: operands are not normalised first. Zeros have no exponent. A sum of nothing
    but zeros, or one that cancels, is +0. NaN and infinities act by IEEE 754's rules.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    acc : int
        Code before.
    a, b : sequence of int
        Operand codes, at most as many as the accumulator has terms.
    """
    accumulator = spec.accumulator
    assert isinstance(accumulator, AlignedAccumulator)
    assert spec.overflow is not None
    fmt = accumulator.format
    xs = [decode_scalar(spec.a, code) for code in a]
    ys = [decode_scalar(spec.b, code) for code in b]
    before = decode_scalar(fmt, acc)
    products = [x * y for x, y in zip(xs, ys, strict=True)]
    # A product of finite numbers may leave float64, so it is the operands that are looked at.
    special = [
        v
        for v, x, y in zip((before, *products), (before, *xs), (1.0, *ys), strict=True)
        if not (math.isfinite(x) and math.isfinite(y))
    ]
    total: Exact
    if special:
        total = sum(special)
    else:
        addends = [
            (_exponent(spec.a, x) + _exponent(spec.b, y), Fraction(x) * Fraction(y))
            for x, y in zip(xs, ys, strict=True)
            if x and y
        ]
        if before:
            addends.append((_exponent(fmt, before), Fraction(before)))
        top = max((exponent for exponent, _ in addends), default=0)
        last = Fraction(2) ** (top - accumulator.kept + 1)
        cut = math.floor if accumulator.cut is Rounding.DOWN else math.trunc
        total = sum(cut(value / last) for _, value in addends) * last or 0.0
    code = encode_scalar(fmt, total, spec.overflow, spec.rounding)
    return canonical(fmt, code)


def _exponent(fmt: Format, value: float) -> int:
    assert isinstance(fmt, FloatFormat)
    return max(exponent_of(abs(Fraction(value))), fmt.min_exponent)


def add_chunk_scalar(spec: UnitSpec, acc: int, chunk: int, factor: Exact = _ONE) -> int:
    """Code of the outer accumulator of a chunked one after a chunk was added.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    acc : int
        Code of the outer accumulator before.
    chunk : int
        Code of the inner accumulator.
    factor : Fraction or float
        What the chunk is multiplied with, for a floating-point outer accumulator. A zero of a
        fixed-point inner one has no sign, and is plus zero.
    """
    accumulator = spec.accumulator
    assert isinstance(accumulator, ChunkedAccumulator)
    assert spec.overflow is not None
    inner = spec.inner_unit
    if isinstance(accumulator.outer, IntAccumulator):
        total = _integer(acc, accumulator.outer.bits) + _integer(chunk, inner.fixed_point.width)
        modulus = 1 << accumulator.outer.bits
        if spec.overflow is Overflow.SATURATE:
            total = min(max(total, -modulus // 2), modulus // 2 - 1)
        return total % modulus
    fmt = accumulator.outer.format
    addend = exact_product(_chunk_value(inner, chunk), factor)
    if addend == 0 and not isinstance(inner.register, FloatAccumulator):
        addend = 0.0
    total_value = exact_sum(exact_value(fmt, acc), addend, spec.rounding)
    code = encode_scalar(fmt, total_value, spec.overflow, spec.rounding)
    return canonical(fmt, code)


def _chunk_value(inner: UnitSpec, chunk: int) -> Exact:
    if isinstance(inner.register, FloatAccumulator):
        return exact_value(inner.register.format, chunk)
    field = inner.fixed_point
    if chunk >> field.width:  # the sticky bit of NaN and infinities
        return math.nan
    return _integer(chunk, field.width) * Fraction(2) ** field.lsb_exponent or 0.0


def _integer(code: int, width: int) -> int:
    return code - (code >> (width - 1) << width)
