"""Sums of products of integers by machine instructions that multiply pairs of 16-bit numbers.

x86's ``vpmaddwd`` multiplies two numbers of 16 bits in each of eight lanes and adds both products:
four times as many products an instruction as float64 has. `pair_plans` cuts integers into digits of
so few bits that sums over some columns fit 32 bits.

Sums stay in registers while products pass, in tiles of `_ROWS` rows and `_WIDTH` columns.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, types

from hwmodel.arithmetic.pair_plans import MOST_PAIRS, SPLIT_PAIRS, Plan, Weight, place_of_split
from hwmodel.arithmetic.wide_sums import Totals, carry
from hwmodel.compiled import intrinsic, jit
from hwmodel.lanes import COUNT, WORD, WORDS, pointer_to, spread
from hwmodel.parallel import in_pieces

__all__ = ["arranged", "is_there", "totals"]

# Enough sums that none waits for its own last step, few enough for the registers.
_ROWS, _VECTORS = 3, 4
_WIDTH = _VECTORS * COUNT
# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 22

_SHORTS = ir.VectorType(ir.IntType(16), 2 * COUNT)


@functools.cache
def is_there() -> bool:
    """Whether the machine has the instructions, and compiled code is made for it."""
    chosen = config.CPU_NAME or config.CPU_FEATURES  # type: ignore[attr-defined]
    return not chosen and bool(binding.get_host_cpu_features().get("avx2"))


def totals(
    plan: Plan,
    left: Callable[[int, int], npt.NDArray[np.int16]],
    right: Callable[[int, int], npt.NDArray[np.int16]],
    shape: tuple[int, int, int],
    kind: np.dtype[Any] | None,
) -> Totals | None:
    """Sums of the products of two matrices of integers.

    Parameters
    ----------
    plan : Plan
        How they are cut.
    left, right : callable
        Give a digit of the numbers of the `arranged` matrices, from the bits of a digit and which
        one. All but the last are from minus to plus half of the bits' range; the last is the rest.
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
    split = 0 if kind is not None else place_of_split(plan, shape[1])
    if split is None:
        return None
    step = SPLIT_PAIRS if split else max(1, length // 2)
    low = np.zeros(rows * columns, kind or np.int64)
    high = np.zeros(rows * columns if split else 0, np.int64)
    left, right = functools.cache(left), functools.cache(right)
    for term in plan.terms:
        a = _sum_of(left, plan.bits[0], term.left).view(np.int32)
        b = _sum_of(right, plan.bits[1], term.right).view(np.int32)
        weight = Weight.of(term.weight, split, low.dtype)
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


def _sum_of(
    digit: Callable[[int, int], npt.NDArray[np.int16]], bits: int, which: tuple[int, ...]
) -> npt.NDArray[np.int16]:
    """One digit, or two of them added."""
    first, *second = (digit(bits, one) for one in which)
    return first + second[0] if second else first


def _add_term(
    pairs: int,
    weight: Weight,
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
    for first in range(start, stop, MOST_PAIRS):
        last = min(first + MOST_PAIRS, stop)
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
