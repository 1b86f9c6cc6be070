"""How chunks go into a floating-point accumulator: which compiled code holds all that occurs."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.carriers import is_float32
from hwmodel.arithmetic.spans import Span
from hwmodel.formats import FloatFormat, Overflow, Rounding
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Adder", "Factors"]

_SINGLE_BITS, _DOUBLE_BITS = 24, 53
_SIGNIFICAND = (1 << 52) - 1
# Exponents that leave float32, and float64 with errors of products, room for all that occurs.
_SINGLE_REACH, _DOUBLE_REACH = (-126, 126), (-900, 900)
# Where two float32 have what a product of three is.
_FINEST = -80

_Array = npt.NDArray[Any]
_Add = Callable[..., Any]


class Factors(NamedTuple):
    """Factors of the chunks of rows, shape (M, C), and of columns, shape (C, N): float64."""

    left: _Array
    right: _Array

    @classmethod
    def ones(cls, rows: int, chunks: int, columns: int) -> "Factors":
        """Factors that change nothing."""
        return cls(np.ones((rows, chunks)), np.ones((chunks, columns)))

    def of_chunk(self, number: int) -> tuple[_Array, _Array]:
        """Those of one chunk, shape (M,) and (N,)."""
        return np.ascontiguousarray(self.left[:, number]), np.ascontiguousarray(self.right[number])

    def measured(self) -> "Measured":
        """What they are made of."""
        return Measured(*(_measured(factors) for factors in self))


class Measured(NamedTuple):
    """Exponents between which factors lie, and the most bits that one has, on either side."""

    left: tuple[Span, int]
    right: tuple[Span, int]

    @property
    def spare(self) -> int:
        """Bits that products with both have more."""
        return self.left[1] + self.right[1] - 2

    @property
    def spans(self) -> tuple[Span, Span]:
        return self.left[0], self.right[0]


class Adder(NamedTuple):
    """Adds chunks times their factors to totals, which are values of an accumulator.

    Attributes
    ----------
    format, overflow, rounding
        Those of the accumulator.
    dtype : dtype
        float32, rounded as it is added to, or float64, which `rounded` rounds afterwards.
    factors : Factors
        In the type in which `add` takes them.
    add : callable
        Takes totals, shape (M, N), the chunks (or two parts of each) and the factors of rows and
        columns.
    """

    format: FloatFormat
    overflow: Overflow
    rounding: Rounding
    dtype: np.dtype[Any]
    factors: Factors
    add: _Add

    @classmethod
    def of(
        cls,
        spec: UnitSpec,
        factors: Factors,
        measured: Measured,
        sums: Span,
        bits: int,
        parts: int = 1,
        floats: bool = False,
    ) -> "Adder | None":
        """For chunks whose sums lie between exponents, or None where no float type does.

        Parameters
        ----------
        spec : UnitSpec
            The unit.
        factors, measured
            Factors, and what they are made of.
        sums : Span
            Exponents between which chunks lie.
        bits : int
            The most that a chunk, or a part of it, has.
        parts : int
            Whether chunks come as they are, 1, or in two parts.
        floats : bool
            Whether chunks come in float32.
        """
        from hwmodel.arithmetic import chunk_sums

        assert isinstance(spec.register, FloatAccumulator)
        assert spec.overflow is not None
        fmt = spec.register.format
        left, right = measured.spans
        products = Span(sums.low + left.low + right.low, sums.high + left.high + right.high)
        places = (sums, products, left, right)
        if not all(_within(place, _DOUBLE_REACH) for place in (*places, _reach(fmt))):
            return None
        if measured.spare + 2 > _DOUBLE_BITS:
            return None
        bits += measured.spare
        single = spec.rounding is Rounding.NEAREST_EVEN and is_float32(fmt)
        dtype = np.dtype(np.float32 if single else np.float64)
        rules = (fmt, spec.overflow, spec.rounding, dtype)
        plain = single and spec.overflow is Overflow.NONFINITE
        most = fmt.max_value if single and not plain else np.inf
        fixed = None if isinstance(spec.inner_unit.register, FloatAccumulator) else True
        downward = True if spec.rounding is Rounding.DOWN else None
        if parts == 2:
            if bits > _DOUBLE_BITS:
                return None
            add = _with_rules(chunk_sums.add_pairs, most, downward)
        elif plain and bits <= _SINGLE_BITS and all(_within(p, _SINGLE_REACH) for p in places):
            narrow = Factors(*(side.astype(np.float32) for side in factors))
            return cls(*rules, narrow, chunk_sums.add_floats)
        elif plain and _stay_exact(products, factors.left.shape[1]):
            add = chunk_sums.add_exactly
        elif bits <= _DOUBLE_BITS:
            add = _with_rules(chunk_sums.add_products, most, fixed, downward)
        elif plain and floats and _fine_floats(measured, products):
            narrow = Factors(*(side.astype(np.float32) for side in factors))
            return cls(
                *rules, narrow, functools.partial(_add_in_haste, chunk_sums.add_near_floats, fixed)
            )
        elif plain:
            near = _with_rules(chunk_sums.add_near_products, fixed)
            add = functools.partial(_add_in_haste, near, fixed)
        else:
            add = _with_rules(chunk_sums.add_long_products, most, fixed, downward)
        return cls(*rules, factors, add)

    def rounded(self, totals: _Array) -> _Array:
        """Totals to the values of the format, if they are not yet."""
        if totals.dtype == np.float32:
            return totals
        return self.format.quantize(totals, self.overflow, self.rounding)


def _with_rules(add: _Add, *rules: Any) -> _Add:
    return lambda *args: add(*args, *rules)


def _add_in_haste(
    near: Callable[..., int],
    fixed: bool | None,
    total: _Array,
    chunk: _Array,
    left: _Array,
    right: _Array,
) -> None:
    """Add what float64 does not hold: rows of which `near` is not sure with care."""
    from hwmodel.arithmetic.chunk_sums import add_long_products

    row = np.empty(total.shape[1], np.float32)
    done = near(total, chunk, left, right, row)
    if done == len(total):
        return
    rows, columns = (side.astype(np.float64, copy=False) for side in (left, right))
    while done < len(total):
        one = slice(done, done + 1)
        add_long_products(total[one], chunk[one], rows[one], columns, np.inf, fixed, None)
        rest = slice(done + 1, None)
        done += 1 + near(total[rest], chunk[rest], left[rest], right, row)


def _fine_floats(measured: Measured, products: Span) -> bool:
    """Whether float32 holds all factors, and sums of two of them all products."""
    (left, left_bits), (right, right_bits) = measured
    return (
        max(left_bits, right_bits) <= _SINGLE_BITS
        and all(_within(place, _SINGLE_REACH) for place in (left, right, products))
        and min(left.low + right.low, products.low) >= _FINEST
    )


def _stay_exact(products: Span, chunks: int) -> bool:
    """Whether float64 holds the sum of a product and a total of so many, rounded to nearest even.

    All are multiples of the products' last place. A total moves by no more than twice a product.
    """
    return products.bits + chunks.bit_length() + 1 <= _DOUBLE_BITS


def _reach(fmt: FloatFormat) -> Span:
    return Span(fmt.lsb_exponent, fmt.max_exponent + 1)


def _within(place: Span, reach: tuple[int, int]) -> bool:
    return reach[0] <= place.low and place.high <= reach[1]


def _measured(factors: _Array) -> tuple[Span, int]:
    """Exponents between which numbers lie, and the most bits that one has.

    Zero, NaN and infinity have none.
    """
    sizes = np.abs(factors).reshape(-1)
    there = np.isfinite(sizes) & (sizes != 0)
    if not there.all():
        sizes = sizes[there]
        if not sizes.size:
            return Span(0, 0), 1
    (_, low), (_, high) = np.frexp(sizes.min()), np.frexp(sizes.max())
    # The lowest bit that is set in any significand; the hidden one is always.
    below = int(np.bitwise_or.reduce(sizes.view(np.int64))) & _SIGNIFICAND
    bits = _DOUBLE_BITS - ((below & -below).bit_length() - 1) if below else 1
    return Span(int(low) - bits, int(high)), bits
