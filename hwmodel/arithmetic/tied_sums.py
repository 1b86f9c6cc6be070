"""Sums with a rounding a step on the bit patterns of float32, which may round them before.

Scaled so that the accumulator's smallest normal number is float32's, the accumulator's values are
the patterns that end in zeros, subnormals too, and to round is to add half a step and to cut off.
That is right even for sums that float32 rounded, unless one is halfway between two values then: to
round never takes a sum past a point that float32 has. Those few are looked at again: what the
float32 adder left of a sum is a float32 itself (Knuth's TwoSum; Moller, "Quasi double-precision in
floating point addition", BIT 5, 1965), and its sign tells the side. Signs of zeros are the sums'.

Sums stay in registers while many products pass, in tiles of one row and `_WIDTH` columns.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from hwmodel.arithmetic import sums
from hwmodel.compiled import float_of, intrinsic, jit
from hwmodel.lanes import COUNT, REALS, WORD, WORDS, largest_magnitude, pointer_to

__all__ = ["Patterns", "add_products", "padded"]

# Vectors in a tile: enough that none waits for its own last step, few enough for the registers.
_VECTORS = 4
_WIDTH = _VECTORS * COUNT
# Columns and products of a sum between two looks at how large it is: in the second-level cache.
_COLUMNS = 512
_STEPS = 128
# Of so many steps of a vector one may hold a sum that is looked at again; else float64 is quicker.
_RARE = 8


class Patterns(NamedTuple):
    """How float32 sums, scaled, are rounded to an accumulator by their patterns.

    Attributes
    ----------
    half, step : int
        Patterns of half the accumulator's last place and of a whole one.
    up : float32
        Power of two that takes products to where float32 holds all of their bits.
    large : float
        Scaled magnitude that no sum may reach.
    sure : bool
        Whether it takes all products there; else it depends on the smallest factors.
    finest : int
        The exponents of `numpy.frexp` of two scaled factors add to this or more if it does.
    """

    half: int
    step: int
    up: Any
    large: float
    sure: bool
    finest: int


def padded(columns: int) -> int:
    """Columns that the result needs: whole tiles."""
    return -(-columns // _WIDTH) * _WIDTH


def add_products(
    patterns: Patterns, a: Any, b: Any, result: Any, hasty: bool
) -> npt.NDArray[np.bool_]:
    """Write the scaled products of the matrices `a` and `b` to `result`, zero so far.

    The parameters are those of `sums.add_products`, but that `result` has `padded` columns.

    Returns which rows were given up; what was written there is void.
    """
    void = np.zeros(len(a), np.bool_)
    numbers = (np.int32(patterns.half), np.int32(-patterns.step), np.float32(patterns.up))
    for first in range(0, b.shape[1], _COLUMNS):
        columns = b[:, first : first + _COLUMNS]
        width = padded(columns.shape[1])
        for start in range(0, a.shape[1], _STEPS):
            x = np.ascontiguousarray(a[:, start : start + _STEPS])
            y = columns[start : start + _STEPS]
            growth = sums.growth(x, y)
            if not patterns.sure:
                void |= sums.smallest(x, axis=1) + sums.smallest(y) < patterns.finest
            tiles = _tiles(y, width)
            where = (first, width, result.shape[1], _RARE if hasty else 0)
            limit = patterns.large * sums.SLACK
            done = _add_tiles(
                *(numbers, limit, growth, x.reshape(-1), tiles, result.reshape(-1), where, void)
            )
            if not done or (hasty and 2 * np.sum(void) > len(void)):
                void[:] = True
                return void
    return void


def _tiles(b: Any, width: int) -> npt.NDArray[np.float32]:
    """The matrix column by column of tiles, each whole and in order; zeros fill the last."""
    full = b
    if width > b.shape[1]:
        full = np.zeros((len(b), width), np.float32)
        full[:, : b.shape[1]] = b
    return full.reshape(len(b), -1, _WIDTH).swapaxes(0, 1).reshape(-1)


@jit
def _add_tiles(
    numbers: Any, limit: float, growth: Any, a: Any, b: Any, result: Any, where: Any, void: Any
) -> bool:
    """Add products to the rows whose sums stay below the limit; the others become void.

    Returns False when it was given up, as too many sums had to be looked at again.
    """
    first, width, stride, rare = where
    half, keep, up = numbers
    rows = growth.size
    steps = a.size // rows
    for i in range(rows):
        peak = float_of(largest_magnitude(result, i * stride + first, width), up)
        if not np.float64(peak) + growth[i] < limit:
            void[i] = True
    seen = 0
    for column in range(0, width, _WIDTH):
        for i in range(rows):
            if not void[i]:
                place = i * stride + first + column
                seen += _add_tile(
                    *(a, i * steps, steps, b, column * steps, result, place, half, keep, up)
                )
        if seen * rare > a.size * (column + _WIDTH) // COUNT:
            return False
    return True


def _spread(builder: Any, number: Any, kind: Any) -> Any:
    """A number in all lanes of a vector."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, number, ir.Constant(WORD, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(WORDS, [0] * COUNT))


def _hidden(builder: Any, number: Any) -> Any:
    """The same number, but LLVM does not know: what is computed from it is not kept for later."""
    kind = ir.FunctionType(number.type, [number.type])
    return builder.asm(kind, "", "=r,0", [number], False)


class _Rules(NamedTuple):
    """Vectors that stay the same."""

    half: Any
    keep: Any
    up: Any


def _total(builder: Any, x: Any, y: Any, held: Any) -> Any:
    """``x * y + held``, rounded by float32, as a pattern."""
    kind = ir.FunctionType(REALS, [REALS] * 3)
    add = builder.module.declare_intrinsic(f"llvm.fma.v{COUNT}f32", fnty=kind)
    return builder.bitcast(builder.call(add, (x, y, builder.bitcast(held, REALS))), WORDS)


def _halfway(builder: Any, raised: Any, cut: Any) -> Any:
    """Where half a step was added to half a step: nothing was cut off."""
    return builder.icmp_signed("==", raised, cut)


def _settled(builder: Any, rules: _Rules, x: Any, y: Any, held: Any, cut: Any) -> Any:
    """Patterns `cut` in which the sums that were halfway have found their sides."""
    total = _total(builder, x, y, held)
    doubtful = _halfway(builder, builder.add(total, rules.half), cut)
    product = builder.fmul(builder.fmul(x, rules.up), y)
    whole = builder.fmul(builder.bitcast(total, REALS), rules.up)
    part = builder.fmul(builder.bitcast(held, REALS), rules.up)
    other = builder.fsub(whole, part)
    left = builder.fadd(
        builder.fsub(part, builder.fsub(whole, other)), builder.fsub(product, other)
    )
    # In terms of magnitudes, where `cut` is the value above.
    sign = builder.and_(total, ir.Constant(WORDS, [1 << 31] * COUNT))
    left = builder.bitcast(builder.xor(builder.bitcast(left, WORDS), sign), REALS)
    zero, nothing = ir.Constant(REALS, None), ir.Constant(WORDS, None)
    step = builder.sub(nothing, rules.keep)
    odd = builder.select(builder.fcmp_ordered("==", left, zero), builder.and_(cut, step), nothing)
    excess = builder.select(builder.fcmp_ordered("<", left, zero), step, odd)
    return builder.sub(cut, builder.select(doubtful, excess, nothing))


@intrinsic
def _add_tile(
    typing: Any,
    a: Any,
    from_a: Any,
    steps: Any,
    b: Any,
    from_b: Any,
    result: Any,
    place: Any,
    half: Any,
    keep: Any,
    up: Any,
) -> Any:
    """Add products to a tile of the result; returns how many steps of a vector had a sum halfway.

    Written for LLVM: it leaves the sums in registers, which it does not for loops over arrays, and
    it is there sooner.
    """
    arguments = (a, from_a, steps, b, from_b, result, place, half, keep, up)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        begin_a, count, begin_b, begin = args[1], args[2], args[4], args[6]
        rules = _Rules(
            _spread(builder, args[7], WORDS),
            _spread(builder, args[8], WORDS),
            _spread(builder, args[9], REALS),
        )

        def at(number: int, array: int, index: Any, item: Any) -> Any:
            index = builder.add(index, ir.Constant(index.type, number * COUNT))
            return pointer_to(context, builder, arguments[array], args[array], index, item)

        vectors = range(_VECTORS)
        held = [
            cgutils.alloca_once_value(builder, builder.load(at(n, 5, begin, WORDS), align=4))
            for n in vectors
        ]
        seen = cgutils.alloca_once_value(builder, ir.Constant(count.type, 0))
        with cgutils.for_range(builder, count) as loop:
            x = builder.load(at(0, 0, builder.add(begin_a, loop.index), ir.FloatType()), align=4)
            x = _spread(builder, x, REALS)
            passed = builder.mul(loop.index, ir.Constant(count.type, _WIDTH))
            row = builder.add(begin_b, passed)
            for n in vectors:
                before = builder.load(held[n])
                y = builder.load(at(n, 3, row, REALS), align=4)
                raised = builder.add(_total(builder, x, y, before), rules.half)
                after = builder.and_(raised, rules.keep)
                builder.store(after, held[n])
                lanes = builder.bitcast(_halfway(builder, raised, after), ir.IntType(COUNT))
                found = builder.icmp_unsigned("!=", lanes, ir.Constant(lanes.type, 0))
                with builder.if_then(found, likely=False):
                    builder.store(builder.add(builder.load(seen), count.type(1)), seen)
                    # All is computed again, so that it takes no registers from the others.
                    y = builder.load(at(n, 3, _hidden(builder, row), REALS), align=4)
                    builder.store(_settled(builder, rules, x, y, before, after), held[n])
        for n in vectors:
            builder.store(builder.load(held[n]), at(n, 5, begin, WORDS), align=4)
        return builder.load(seen)

    return types.intp(*arguments), code
