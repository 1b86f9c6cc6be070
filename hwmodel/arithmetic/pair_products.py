"""Sums of products of integers by machine instructions that multiply pairs of 16-bit numbers.

x86's ``vpmaddwd`` multiplies two numbers of 16 bits in each of eight lanes and adds both products:
four times as many products an instruction as float64 has. Integers are cut into digits of so few
bits that sums over some columns fit 32 bits. Of operands with L digits each, L (L + 1) / 2 products
of matrices do: ``x_i y_j + x_j y_i`` is ``(x_i + x_j)(y_i + y_j) - x_i y_i - x_j y_j`` (Karatsuba
and Ofman, "Multiplication of multidigit numbers on automata", 1962).

Sums stay in registers while products pass, in tiles of `_ROWS` rows and `_WIDTH` columns.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, types

from hwmodel.arithmetic.wide_sums import Totals, carry
from hwmodel.compiled import intrinsic, jit
from hwmodel.lanes import COUNT, WORD, WORDS, pointer_to, spread
from hwmodel.parallel import in_pieces

__all__ = ["Plan", "arranged", "is_there", "plan_for", "totals"]

_ROWS, _VECTORS = 4, 2
_WIDTH = _VECTORS * COUNT
# Pairs of columns summed in 32 bits at most: what is read of a tile stays in the first-level cache.
_MOST_PAIRS = 256
# Fewer are not worth the way to the sums of 64 bits, which takes the time of so many others.
_FEWEST_PAIRS = 8
_FLUSH = 4
_MOST_DIGITS = 4
# Pairs between two carries from one word of a sum to the other.
_SPLIT_PAIRS = 256
# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 22

_SHORTS = ir.VectorType(ir.IntType(16), 2 * COUNT)


@functools.cache
def is_there() -> bool:
    """Whether the machine has the instructions, and compiled code is made for it."""
    chosen = config.CPU_NAME or config.CPU_FEATURES  # type: ignore[attr-defined]
    return not chosen and bool(binding.get_host_cpu_features().get("avx2"))


class _Term(NamedTuple):
    """One product of matrices: which digits of the operands are added first, and its weight."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    weight: tuple[tuple[int, int], ...]  # signs and exponents of two


class Plan(NamedTuple):
    """How a product of integers is cut.

    Attributes
    ----------
    left, right : int
        Digits of the operands.
    bits : tuple of int
        Bits of a digit of each, where there is more than one.
    terms : tuple
        Products of matrices.
    pairs : int
        Pairs of columns that are summed in 32 bits.
    product : int
        Bits of a product of two numbers.
    """

    left: int
    right: int
    bits: tuple[int, int]
    terms: tuple[_Term, ...]
    pairs: int
    product: int


@functools.lru_cache(maxsize=256)
def plan_for(bits_a: int, bits_b: int) -> Plan | None:
    """The plan of the least work, for magnitudes below two to these powers, or None."""
    digits = range(1, _MOST_DIGITS + 1)
    plans = [_plain(bits_a, bits_b, x, y) for x, y in itertools.product(digits, digits)]
    plans += [_crosswise(bits_a, bits_b, count) for count in digits[1:]]
    best = [plan for plan in plans if plan is not None]
    return min(best, key=lambda plan: len(plan.terms) * (1 + _FLUSH / plan.pairs), default=None)


def _digit_bits(bits: int, count: int) -> int:
    """Bits of a digit from minus to plus half its weight, of so many in a magnitude."""
    return -(-(bits + 1) // count)


def _pairs(most_a: int, most_b: int) -> int:
    """Pairs of products of digits up to these magnitudes whose sum is within 32 bits."""
    if max(most_a, most_b) >= 1 << 15:
        return 0
    return min(_MOST_PAIRS, ((1 << 31) - 1) // max(1, 2 * most_a * most_b))


def _plain(bits_a: int, bits_b: int, left: int, right: int) -> Plan | None:
    width_a, width_b = _digit_bits(bits_a, left), _digit_bits(bits_b, right)
    most_a = 1 << (bits_a if left == 1 else width_a - 1)
    most_b = 1 << (bits_b if right == 1 else width_b - 1)
    # Without digits, magnitudes are below their power of two.
    pairs = _pairs(most_a - (left == 1), most_b - (right == 1))
    terms = tuple(
        _Term((i,), (j,), ((1, i * width_a + j * width_b),))
        for i in range(left)
        for j in range(right)
    )
    enough = pairs >= _FEWEST_PAIRS
    bits = (width_a, width_b)
    return Plan(left, right, bits, terms, pairs, bits_a + bits_b) if enough else None


def _crosswise(bits_a: int, bits_b: int, count: int) -> Plan | None:
    width = _digit_bits(max(bits_a, bits_b), count)
    pairs = _pairs(1 << width, 1 << width)
    terms = []
    for i in range(count):
        weight = [(1, 2 * i * width), *((-1, (i + j) * width) for j in range(count) if j != i)]
        terms.append(_Term((i,), (i,), tuple(weight)))
    for i, j in itertools.combinations(range(count), 2):
        terms.append(_Term((i, j), (i, j), ((1, (i + j) * width),)))
    if pairs < _FEWEST_PAIRS:
        return None
    return Plan(count, count, (width, width), tuple(terms), pairs, bits_a + bits_b)


def totals(
    plan: Plan,
    left: Callable[[int, tuple[int, ...]], npt.NDArray[np.int16]],
    right: Callable[[int, tuple[int, ...]], npt.NDArray[np.int16]],
    shape: tuple[int, int, int],
    kind: np.dtype[Any] | None,
) -> Totals | None:
    """Sums of the products of two matrices of integers.

    Parameters
    ----------
    plan : Plan
        How they are cut.
    left, right : callable
        Give the sums of some digits of the `arranged` matrices, from the number of bits of a digit
        and which ones. All but the last are from minus to plus half of the bits' range; the last
        is the rest.
    shape : tuple of int
        Rows of the first, columns of it, and columns of the second matrix.
    kind : dtype or None
        int32 or int64, in which sums are exact or taken modulo its range; None for exact ones of
        any size.

    Returns
    -------
    Totals or None
        Without `high` those modulo the range of the type; None where two words of 64 bits do not
        hold exact sums.
    """
    rows, length, columns = (
        -(-size // step) * step for size, step in zip(shape, (_ROWS, 2, _WIDTH), strict=True)
    )
    split = 0 if kind is not None else _place(plan, shape[1])
    if split is None:
        return None
    step = _SPLIT_PAIRS if split else max(1, length // 2)
    low = np.zeros(rows * columns, kind or np.int64)
    high = np.zeros(rows * columns if split else 0, np.int64)
    left, right = functools.cache(left), functools.cache(right)
    for term in plan.terms:
        a = left(plan.bits[0], term.left).view(np.int32)
        b = right(plan.bits[1], term.right).view(np.int32)
        weight = _Weight.of(term.weight, split, low.dtype)
        if weight.vanishes:
            continue
        growth = abs(weight.low) * 2 * step << 2 * max(plan.bits)
        work = functools.partial(
            _add_term,
            plan.pairs,
            weight,
            a,
            b,
            low,
            high,
            (length // 2, columns, step, split, growth),
        )
        in_pieces(work, rows // _ROWS, _WORTHWHILE // (length * columns) + 1)
    grid = low.reshape(rows, columns)[: shape[0], : shape[2]]
    if not split:
        return Totals(grid, None, 0)
    return Totals(grid, high.reshape(rows, columns)[: shape[0], : shape[2]], split)


def arranged(codes: npt.NDArray[Any], first: bool) -> npt.NDArray[Any]:
    """A matrix of codes, of which zero means zero, in the order in which digits are read.

    The first operand row by row, the second tile by tile, with pairs of rows side by side.
    """
    steps = (_ROWS, 2) if first else (2, _WIDTH)
    missing = [(0, -size % step) for size, step in zip(codes.shape, steps, strict=True)]
    if any(after for _, after in missing):
        codes = np.pad(codes, missing)
    if not first:
        both = np.empty((codes.shape[0] // 2, codes.shape[1], 2), codes.dtype)
        both[..., 0], both[..., 1] = codes[0::2], codes[1::2]
        # A pair is moved as one number.
        pairs = both.view(f"u{2 * codes.itemsize}").reshape(len(both), -1, _WIDTH)
        codes = np.ascontiguousarray(pairs.swapaxes(0, 1)).view(codes.dtype)
    return np.ascontiguousarray(codes).reshape(-1)


def _place(plan: Plan, length: int) -> int | None:
    """Where exact sums are split into two words of 64 bits, or None where these do not do."""
    # Sums below it, over some columns, and what those before left fill a word at most.
    last = 62 - (2 * _SPLIT_PAIRS - 1).bit_length() - 2 * max(plan.bits)
    top = max(exponent for term in plan.terms for _, exponent in term.weight)
    split = min(-(-(top + 1) // 2), last)
    return split if split > 0 and plan.product + (length - 1).bit_length() - split < 63 else None


class _Weight(NamedTuple):
    """What a term is multiplied with: ``high * 2**split + low``, and as compiled code takes it.

    Either two numbers, or where the weight is a power of two its exponent in one of both words.
    """

    low: int
    high: int
    numbers: tuple[Any, Any, bool | None]
    vanishes: bool = False

    @classmethod
    def of(cls, weight: tuple[tuple[int, int], ...], split: int, kind: np.dtype[Any]) -> "_Weight":
        high = low = 0
        for sign, exponent in weight:
            if split and exponent >= split:
                high += sign << (exponent - split)
            else:
                low += sign << exponent
        alone = (high or low) if not (high and low) else 0
        if alone > 0 and alone & (alone - 1) == 0:
            shift = alone.bit_length() - 1
            return cls(low, high, (kind.type(shift), np.int64(0), True), shift >= 8 * kind.itemsize)
        return cls(low, high, (_wrapped(low, kind), np.int64(high), None))


def _add_term(
    pairs: int,
    weight: _Weight,
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    low: npt.NDArray[Any],
    high: npt.NDArray[Any],
    sizes: tuple[int, int, int, int, int],
    part: slice,
) -> int:
    """Add a term to some rows, counted in `_ROWS`; returns 0.

    `sizes` are pairs of columns of `a`, columns of `b`, pairs that are added between two looks at
    how large the lower words may be, where these end, and by how much they may grow.
    """
    length, columns, step, split, growth = sizes
    here = slice(part.start * _ROWS * columns, part.stop * _ROWS * columns)
    there = slice(part.start * _ROWS * length, part.stop * _ROWS * length)
    below, above = low[here], high[here]
    # An exponent belongs to one word.
    both = (above, above) if weight.numbers[2] and weight.high else (below, above)
    reached = 1 << split  # magnitude in the lower words
    for first in range(0, length, step):
        if split and reached + growth >= 1 << 63:
            carry(below, above, split)
            reached = 1 << split
        reached += growth
        _add_products(
            *(a[there], b, *both, length, columns),
            *(first, min(first + step, length), min(pairs, step), *weight.numbers),
        )
    if split:
        carry(below, above, split)
    return 0


def _wrapped(number: int, kind: np.dtype[Any]) -> Any:
    """A number modulo the range of an integer type."""
    size = 8 * kind.itemsize
    return kind.type((number + (1 << (size - 1))) % (1 << size) - (1 << (size - 1)))


@jit
def _add_products(
    a: Any,
    b: Any,
    low: Any,
    high: Any,
    length: int,
    columns: int,
    start: int,
    stop: int,
    pairs: int,
    low_weight: Any,
    high_weight: Any,
    shifted: Any,
) -> None:
    """Add weighted sums of products; `length` and what follows count pairs of columns of `a`.

    If `shifted` is True, `low_weight` is the exponent of a power of two.
    """
    rows = a.size // length
    for first in range(start, stop, _MOST_PAIRS):
        last = min(first + _MOST_PAIRS, stop)
        for column in range(0, columns, _WIDTH):
            for i in range(0, rows, _ROWS):
                place = i * columns + column
                for begin in range(first, last, pairs):
                    _add_tile(
                        *(a, i * length + begin, length, min(pairs, last - begin)),
                        *(b, column * length + begin * _WIDTH),
                        *(low, high, place, columns, low_weight, high_weight, shifted),
                    )


def _madd(builder: Any, x: Any, y: Any) -> Any:
    kind = ir.FunctionType(WORDS, [_SHORTS, _SHORTS])
    multiply = builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", fnty=kind)
    return builder.call(multiply, (builder.bitcast(x, _SHORTS), builder.bitcast(y, _SHORTS)))


@intrinsic
def _add_tile(
    typing: Any,
    a: Any,
    from_a: Any,
    length: Any,
    count: Any,
    b: Any,
    from_b: Any,
    low: Any,
    high: Any,
    place: Any,
    columns: Any,
    low_weight: Any,
    high_weight: Any,
    shifted: Any,
) -> Any:
    """Add products to a tile of the result; written for LLVM as in `tied_sums`."""
    by_shift = not isinstance(shifted, types.NoneType)
    arguments = (a, from_a, length, count, b, from_b, low, high, place, columns)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        begin_a, stride, steps, begin_b, begin = (args[k] for k in (1, 2, 3, 5, 8))
        held = [
            [cgutils.alloca_once_value(builder, ir.Constant(WORDS, None)) for _ in range(_VECTORS)]
            for _ in range(_ROWS)
        ]

        def at(array: int, index: Any, kind: Any) -> Any:
            return pointer_to(context, builder, arguments[array], args[array], index, kind)

        def moved(start: Any, step: Any, times: int) -> Any:
            return builder.add(start, builder.mul(step, step.type(times)))

        with cgutils.for_range(builder, steps) as loop:
            row = moved(begin_b, loop.index, _WIDTH)
            ys = [
                builder.load(at(4, moved(row, row.type(COUNT), n), WORDS), align=4)
                for n in range(_VECTORS)
            ]
            for r in range(_ROWS):
                start = moved(begin_a, stride, r)
                number = builder.load(at(0, builder.add(start, loop.index), WORD), align=4)
                x = spread(builder, number)
                for n in range(_VECTORS):
                    product = _madd(builder, x, ys[n])
                    builder.store(builder.add(builder.load(held[r][n]), product), held[r][n])

        def flush(array: int, weight: Any) -> None:
            item = ir.IntType(arguments[array].dtype.bitwidth)
            kind = ir.VectorType(item, COUNT)
            factor = spread(builder, weight)
            for r, n in itertools.product(range(_ROWS), range(_VECTORS)):
                sums = builder.load(held[r][n])
                if item.width > WORD.width:
                    sums = builder.sext(sums, kind)
                index = moved(moved(begin, args[9], r), begin.type(COUNT), n)
                where = at(array, index, kind)
                known = builder.load(where, align=4)
                weighted = (builder.shl if by_shift else builder.mul)(sums, factor)
                builder.store(builder.add(known, weighted), where, align=4)

        flush(6, args[10])
        if not by_shift:
            some = builder.icmp_signed("!=", args[11], args[11].type(0))
            with builder.if_then(some):
                flush(7, args[11])
        return context.get_dummy_value()

    return types.void(*arguments, low_weight, high_weight, shifted), code
