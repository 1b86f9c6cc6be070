"""Tiles of sums that `tied_sums` rounds by bit patterns, written for LLVM.

It leaves the sums in registers, which it does not for loops over arrays, and it is there sooner.
Sums are float32 or float64 in lanes, of which each rounding adds something to the patterns and cuts
off their ends. Sums that end so that what the type's adder left could matter are looked at again.
"""

from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from hwmodel.compiled import intrinsic
from hwmodel.formats import Rounding
from hwmodel.lanes import COUNT, pointer_to, spread

__all__ = ["MODES", "WIDTH", "add_tile"]

# Roundings by their place here; compiled code takes a tuple of so many zeros, which it knows then.
MODES = (
    *(Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO),
    *(Rounding.UP, Rounding.TO_ODD),
)
# Vectors in a tile: enough that none waits for its own last step, few enough for the registers.
_VECTORS = 4
WIDTH = _VECTORS * COUNT
"""Columns of a tile."""


class _Kind(NamedTuple):
    """Types of the lanes."""

    real: Any
    word: Any
    reals: Any
    words: Any

    @classmethod
    def of(cls, array: Any) -> "_Kind":
        bits = array.dtype.bitwidth
        real, word = ir.FloatType() if bits == 32 else ir.DoubleType(), ir.IntType(bits)
        return cls(real, word, ir.VectorType(real, COUNT), ir.VectorType(word, COUNT))

    def constant(self, number: int) -> Any:
        return ir.Constant(self.words, [number] * COUNT)


class _Rules(NamedTuple):
    """Vectors that stay the same: half a step, the mask that cuts, and a power of two."""

    half: Any
    keep: Any
    up: Any


class _Emitter:
    """Instructions of one kind and rounding."""

    def __init__(self, builder: Any, kind: _Kind, rules: _Rules, rounding: Rounding) -> None:
        self.builder, self.kind, self.rules, self.rounding = builder, kind, rules, rounding

    def total(self, x: Any, y: Any, held: Any) -> Any:
        """``x * y + held``, rounded by the type, as a pattern."""
        builder, (_, word, reals, words) = self.builder, self.kind
        form = ir.FunctionType(reals, [reals] * 3)
        add = builder.module.declare_intrinsic(f"llvm.fma.v{COUNT}f{word.width}", fnty=form)
        return builder.bitcast(builder.call(add, (x, y, builder.bitcast(held, reals))), words)

    def raised(self, total: Any) -> Any:
        """A pattern whose end is only to be cut off."""
        builder = self.builder
        if self.rounding in (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY):
            return builder.add(total, self.rules.half)
        below = builder.not_(self.rules.keep)  # one less than a step
        if self.rounding is Rounding.UP:
            return builder.add(total, builder.and_(below, builder.not_(self._signs(total))))
        if self.rounding is Rounding.TO_ODD:
            return builder.or_(total, builder.add(builder.and_(total, below), below))
        return total

    def cut(self, raised: Any) -> Any:
        return self.builder.and_(raised, self.rules.keep)

    def doubtful(self, total: Any, raised: Any, cut: Any) -> Any:
        """Where the sum before the type's rounding may have lain on either side of a limit."""
        nearest = self.rounding in (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)
        # Half a step was added to half a step, or the sum is on the grid.
        return self.builder.icmp_signed("==", cut, raised if nearest else total)

    def settled(self, x: Any, y: Any, held: Any, cut: Any) -> Any:
        """Patterns `cut` in which the doubtful sums have found their sides."""
        builder, kind = self.builder, self.kind
        total = self.total(x, y, held)
        doubtful = self.doubtful(total, self.raised(total), cut)
        left = self._left(x, y, held, total)
        zero, nothing = ir.Constant(kind.reals, None), kind.constant(0)
        less = builder.fcmp_ordered("<", left, zero)
        more = builder.fcmp_ordered(">", left, zero)
        step = builder.sub(nothing, self.rules.keep)
        minus = self.rules.keep
        if self.rounding is Rounding.NEAREST_EVEN:  # `cut` is the value above
            odd = builder.sub(nothing, builder.and_(cut, step))
            change = builder.select(less, minus, builder.select(more, nothing, odd))
        elif self.rounding is Rounding.UP:
            negative = builder.icmp_signed("<", total, nothing)
            upward = builder.select(more, step, nothing)
            change = builder.select(negative, builder.select(less, minus, nothing), upward)
        elif self.rounding is Rounding.TO_ODD:
            even = builder.icmp_signed("==", builder.and_(cut, step), nothing)
            beside = builder.select(less, minus, builder.select(more, step, nothing))
            change = builder.select(even, beside, nothing)
        else:
            change = builder.select(less, minus, nothing)
        return builder.add(cut, builder.select(doubtful, change, nothing))

    def _left(self, x: Any, y: Any, held: Any, total: Any) -> Any:
        """What the type's adder left of a sum, positive where its magnitude was larger."""
        builder, (_, _, reals, words) = self.builder, self.kind
        up = self.rules.up
        product = builder.fmul(builder.fmul(x, up), y)
        whole = builder.fmul(builder.bitcast(total, reals), up)
        part = builder.fmul(builder.bitcast(held, reals), up)
        other = builder.fsub(whole, part)
        left = builder.fadd(
            builder.fsub(part, builder.fsub(whole, other)), builder.fsub(product, other)
        )
        sign = builder.and_(total, self.kind.constant(1 << (self.kind.word.width - 1)))
        return builder.bitcast(builder.xor(builder.bitcast(left, words), sign), reals)

    def _signs(self, patterns: Any) -> Any:
        """All ones where a pattern has its sign set."""
        negative = self.builder.icmp_signed("<", patterns, self.kind.constant(0))
        return self.builder.sext(negative, self.kind.words)

    def bounded(self, pattern: Any, bounds: Any) -> Any:
        """What stands for sums above the first or below the second of four numbers: the others."""
        builder = self.builder
        number = builder.bitcast(pattern, self.kind.reals)
        for sign, limit, beyond in ((">", bounds[0], bounds[2]), ("<", bounds[1], bounds[3])):
            out = builder.fcmp_ordered(sign, number, limit)
            number = builder.select(out, beyond, number)
        return builder.bitcast(number, self.kind.words)

    def larger(self, pattern: Any, most: Any) -> Any:
        """The larger magnitudes, of which `most` is one."""
        magnitude = self.kind.constant((1 << (self.kind.word.width - 1)) - 1)
        number = self.builder.bitcast(self.builder.and_(pattern, magnitude), self.kind.reals)
        return self.builder.select(self.builder.fcmp_ordered(">", number, most), number, most)


def _hidden(builder: Any, number: Any) -> Any:
    """The same number, but LLVM does not know: what is computed from it is not kept for later."""
    kind = ir.FunctionType(number.type, [number.type])
    return builder.asm(kind, "", "=r,0", [number], False)


def _largest(builder: Any, kind: _Kind, vector: Any) -> Any:
    name = f"llvm.vector.reduce.fmax.v{COUNT}f{kind.word.width}"
    form = ir.FunctionType(kind.real, [kind.reals])
    return builder.call(builder.module.declare_intrinsic(name, fnty=form), [vector])


@intrinsic
def add_tile(
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
    mode: Any,
    exact: Any,
    watched: Any,
    bounds: Any,
) -> Any:
    """Add products to a tile of the result.

    `mode` is a tuple of as many items as the rounding's place in `MODES`. `exact` and `watched` are
    each True or None: the type rounds no sum, so that none is looked at again; the largest
    magnitude of a sum is found. `bounds` is None, or has the largest and the smallest value and
    what stands for sums beyond them.

    Returns how many steps of a vector had a sum that was looked at again, and the largest magnitude
    (zero if not watched).
    """
    arguments: tuple[Any, ...] = (a, from_a, steps, b, from_b, result, place, half, keep, up)
    arguments = (*arguments, mode, exact, watched, bounds)
    rounding = MODES[len(mode)]
    is_exact, is_watched, is_bounded = (
        not isinstance(flag, types.NoneType) for flag in (exact, watched, bounds)
    )

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        begin_a, count, begin_b, begin = args[1], args[2], args[4], args[6]
        kind = _Kind.of(a)
        emit = _Emitter(
            *(builder, kind, _Rules(*(spread(builder, args[k]) for k in (7, 8, 9)))),
            rounding,
        )

        def at(number: int, array: int, index: Any, item: Any) -> Any:
            index = builder.add(index, ir.Constant(index.type, number * COUNT))
            return pointer_to(context, builder, arguments[array], args[array], index, item)

        def load(number: int, array: int, index: Any, item: Any) -> Any:
            return builder.load(at(number, array, index, item), align=kind.word.width // 8)

        ends = ()
        if is_bounded:
            numbers = cgutils.unpack_tuple(builder, args[13])
            ends = tuple(spread(builder, number) for number in numbers)
        vectors = range(_VECTORS)
        held = [cgutils.alloca_once_value(builder, load(n, 5, begin, kind.words)) for n in vectors]
        seen = cgutils.alloca_once_value(builder, ir.Constant(count.type, 0))
        most = cgutils.alloca_once_value(builder, ir.Constant(kind.reals, None))
        with cgutils.for_range(builder, count) as loop:
            x = spread(builder, load(0, 0, builder.add(begin_a, loop.index), kind.real))
            row = builder.add(begin_b, builder.mul(loop.index, ir.Constant(count.type, WIDTH)))
            for n in vectors:
                before = builder.load(held[n])
                y = load(n, 3, row, kind.reals)
                total = emit.total(x, y, before)
                raised = emit.raised(total)
                after = emit.cut(raised)
                builder.store(after, held[n])
                if is_watched:
                    builder.store(emit.larger(total, builder.load(most)), most)
                if not is_exact:
                    doubtful = emit.doubtful(total, raised, after)
                    lanes = builder.bitcast(doubtful, ir.IntType(COUNT))
                    found = builder.icmp_unsigned("!=", lanes, ir.Constant(lanes.type, 0))
                    with builder.if_then(found, likely=False):
                        builder.store(builder.add(builder.load(seen), count.type(1)), seen)
                        # All is computed again, so that it takes no registers from the others.
                        y = load(n, 3, _hidden(builder, row), kind.reals)
                        builder.store(emit.settled(x, y, before, after), held[n])
                if is_bounded:
                    builder.store(emit.bounded(builder.load(held[n]), ends), held[n])
        for n in vectors:
            where = at(n, 5, begin, kind.words)
            builder.store(builder.load(held[n]), where, align=kind.word.width // 8)
        found = (builder.load(seen), _largest(builder, kind, builder.load(most)))
        return context.make_tuple(builder, signature.return_type, found)

    return types.Tuple((types.intp, a.dtype))(*arguments), code
