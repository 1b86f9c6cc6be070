"""Eight float32 or int32 at a time, for compiled code whose inner loops are short.

LLVM makes vector instructions of long loops by itself, but not of those over a block of 16 or 32
values. Here a loop works on `Lanes`: eight patterns of 32 bits, which each function takes as
integers or as floats. LLVM turns them into what the machine has, AVX, SSE or NEON.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import models, register_model
from numba.np.arrayobj import make_array

from hwmodel.compiled import intrinsic

__all__ = [
    "COUNT",
    "REALS",
    "WORD",
    "WORDS",
    "any_below",
    "band",
    "bandnot",
    "below",
    "bor",
    "equal",
    "fadd",
    "fdiv",
    "fma",
    "fmax",
    "fmin",
    "fmul",
]
__all__ += [
    "fsub",
    "iadd",
    "imax",
    "imin",
    "isub",
    "largest_magnitude",
    "largest_of_eight",
    "load",
    "pointer_to",
    "shift_left",
    "shift_right",
    "signs",
    "size_of",
    "splat",
    "splat_at",
    "spread",
    "store",
    "swapped",
]

COUNT = 8
_MAGNITUDE = 0x7FFFFFFF
WORD = ir.IntType(32)
WORDS = ir.VectorType(WORD, COUNT)
REALS = ir.VectorType(ir.FloatType(), COUNT)
_BITS = ir.VectorType(ir.IntType(1), COUNT)


class Lanes(types.Type):
    """The type of eight lanes in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_lanes = Lanes()


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORDS)


def _on_integers(count: int, emit: Callable[..., Any]) -> Any:
    """A function of so many lanes, from one that emits its instructions on integers."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit(builder, *args)

    if count == 3:

        @intrinsic
        def three(typing: Any, a: Any, b: Any, c: Any) -> Any:
            return _lanes(_lanes, _lanes, _lanes), code

        return three

    if count == 2:

        @intrinsic
        def two(typing: Any, a: Any, b: Any) -> Any:
            return _lanes(_lanes, _lanes), code

        return two

    @intrinsic
    def one(typing: Any, a: Any) -> Any:
        return _lanes(_lanes), code

    return one


def _on_reals(count: int, emit: Callable[..., Any]) -> Any:
    """The same on floats."""

    def as_words(builder: Any, *args: Any) -> Any:
        reals = [builder.bitcast(arg, REALS) for arg in args]
        return builder.bitcast(emit(builder, *reals), WORDS)

    return _on_integers(count, as_words)


def _choose(sign: str) -> Callable[..., Any]:
    return lambda b, x, y: b.select(b.icmp_signed(sign, x, y), x, y)


def _choose_real(sign: str) -> Callable[..., Any]:
    # Where one is NaN it is the second that is taken, as x86 does.
    return lambda b, x, y: b.select(b.fcmp_ordered(sign, x, y), x, y)


_NEIGHBOURS = ir.Constant(WORDS, [lane ^ 1 for lane in range(COUNT)])

band = _on_integers(2, lambda b, x, y: b.and_(x, y))
bandnot = _on_integers(2, lambda b, x, y: b.and_(x, b.not_(y)))
bor = _on_integers(2, lambda b, x, y: b.or_(x, y))
iadd = _on_integers(2, lambda b, x, y: b.add(x, y))
isub = _on_integers(2, lambda b, x, y: b.sub(x, y))
imin = _on_integers(2, _choose("<"))
imax = _on_integers(2, _choose(">"))
# All ones where it is so.
equal = _on_integers(2, lambda b, x, y: b.sext(b.icmp_signed("==", x, y), WORDS))
below = _on_integers(2, lambda b, x, y: b.sext(b.icmp_signed("<", x, y), WORDS))
shift_left = _on_integers(2, lambda b, x, y: b.shl(x, y))
shift_right = _on_integers(2, lambda b, x, y: b.ashr(x, y))
# The two of every pair exchanged.
swapped = _on_integers(1, lambda b, x: b.shuffle_vector(x, x, _NEIGHBOURS))
fadd = _on_reals(2, lambda b, x, y: b.fadd(x, y))
fsub = _on_reals(2, lambda b, x, y: b.fsub(x, y))
fmul = _on_reals(2, lambda b, x, y: b.fmul(x, y))
fdiv = _on_reals(2, lambda b, x, y: b.fdiv(x, y))
fmin = _on_reals(2, _choose_real("<"))
fmax = _on_reals(2, _choose_real(">"))


def _multiply_add(builder: Any, *args: Any) -> Any:
    kind = ir.FunctionType(REALS, [REALS] * 3)
    return builder.call(builder.module.declare_intrinsic(f"llvm.fma.v{COUNT}f32", fnty=kind), args)


# x * y + z, rounded once.
fma = _on_reals(3, _multiply_add)


def _place(context: Any, builder: Any, kind: Any, place: Any, item: Any) -> Any:
    """Pointer to eight items of a contiguous array, without a check."""
    array, index = place
    return pointer_to(context, builder, kind, array, index, ir.VectorType(item, COUNT))


def pointer_to(context: Any, builder: Any, kind: Any, array: Any, index: Any, target: Any) -> Any:
    """Pointer of a type to an item of a contiguous array and those after it, without a check."""
    first = builder.gep(make_array(kind)(context, builder, array).data, [index])
    return builder.bitcast(first, target.as_pointer())


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """Eight items of a contiguous array of int32 or float32, from an index on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, array, args, WORD)
        return builder.load(place, align=4)

    return _lanes(array, types.intp), code


@intrinsic
def size_of(typing: Any, shape: Any) -> Any:
    """Numbers of so many eights as a tuple has items, known when compiled; an integer is a size."""
    if isinstance(shape, types.BaseTuple):
        count = COUNT * len(shape)
        return types.intp(shape), lambda context, *_: context.get_constant(types.intp, count)
    return types.intp(types.intp), lambda context, builder, signature, args: args[0]


@intrinsic
def store(typing: Any, array: Any, index: Any, values: Any, codes: Any) -> Any:
    """Write values to an array of int32, or codes to one of unsigned integers."""
    bits = array.dtype.bitwidth

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        item = ir.IntType(bits)
        place = _place(context, builder, array, args[:2], item)
        chosen = args[2] if array.dtype.signed else args[3]
        if bits < 32:
            chosen = builder.trunc(chosen, ir.VectorType(item, COUNT))
        builder.store(chosen, place, align=bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes, _lanes), code


def spread(builder: Any, number: Any) -> Any:
    """A number of any type in all lanes: instructions for those who write LLVM's code."""
    nothing = ir.Constant(ir.VectorType(number.type, COUNT), ir.Undefined)
    one = builder.insert_element(nothing, number, ir.Constant(WORD, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(WORDS, [0] * COUNT))


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """A number of 32 bits in all lanes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread(builder, builder.bitcast(args[0], WORD))

    return _lanes(number), code


@intrinsic
def splat_at(typing: Any, array: Any, index: Any) -> Any:
    """An item of a contiguous array of int32 or float32 in all lanes, without a check."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = pointer_to(context, builder, array, args[0], args[1], WORD)
        return spread(builder, builder.load(place, align=4))

    return _lanes(array, types.intp), code


@intrinsic
def largest_magnitude(typing: Any, array: Any, first: Any, size: Any) -> Any:
    """Bits of the largest magnitude of float32 from an index on, so many eights of them.

    As integers NaN is above infinity, and that above all numbers. A loop written here is there
    without being typed and compiled by itself, which would take longer than all it does.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        mask = ir.Constant(WORDS, [_MAGNITUDE] * COUNT)
        most = cgutils.alloca_once_value(builder, ir.Constant(WORDS, None))
        step = ir.Constant(args[1].type, COUNT)
        end = builder.add(args[1], args[2])
        with cgutils.for_range_slice(builder, args[1], end, step) as (index, _):
            place = _place(context, builder, array, (args[0], index), WORD)
            number = builder.and_(builder.load(place, align=4), mask)
            builder.store(_larger(builder, number, builder.load(most)), most)
        kind = ir.FunctionType(WORD, [WORDS])
        name = f"llvm.vector.reduce.smax.v{COUNT}i32"
        found = builder.module.declare_intrinsic(name, fnty=kind)
        return builder.call(found, [builder.load(most)])

    return types.int32(array, types.intp, types.intp), code


@intrinsic
def largest_of_eight(
    typing: Any, array: Any, first: Any, size: Any, result: Any, place: Any
) -> Any:
    """Bits of the largest magnitudes of eight blocks of float32, one after the other.

    The blocks have `size` numbers, a multiple of eight, and begin at an index of `array`; the bits
    go to an array of int32, from the index `place` on. NaN counts as in `largest_magnitude`.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        begin = args[1]
        length = args[2]
        if isinstance(size, types.BaseTuple):
            length = context.get_constant(types.intp, COUNT * len(size))
        mask = ir.Constant(WORDS, [_MAGNITUDE] * COUNT)
        most = [cgutils.alloca_once_value(builder, ir.Constant(WORDS, None)) for _ in range(COUNT)]
        row = [builder.mul(length, length.type(k)) for k in range(COUNT)]
        step = ir.Constant(begin.type, COUNT)
        zero = ir.Constant(begin.type, 0)
        with cgutils.for_range_slice(builder, zero, length, step) as (index, _):
            for known, start in zip(most, row, strict=True):
                place = builder.add(begin, builder.add(start, index))
                where = _place(context, builder, array, (args[0], place), WORD)
                number = builder.and_(builder.load(where, align=4), mask)
                builder.store(_larger(builder, number, builder.load(known)), known)
        found = [builder.load(known) for known in most]
        for reach in (1, 2, 4):  # pairs of lanes, then pairs of pairs, and so on
            found = [
                _larger(builder, *_paired(builder, x, y, reach))
                for x, y in zip(found[::2], found[1::2], strict=True)
            ]
        target = _place(context, builder, result, (args[3], args[4]), WORD)
        builder.store(found[0], target, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, size, result, types.intp), code


def _larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.icmp_signed(">", x, y), x, y)


def _paired(builder: Any, x: Any, y: Any, reach: int) -> tuple[Any, Any]:
    """Runs of `reach` lanes of `x` and `y` in turns: the even ones of both, and the odd ones."""
    runs = range(0, COUNT, 2 * reach)

    def chosen(offset: int) -> Any:
        lanes = [
            run + offset + source + lane
            for run in runs
            for source in (0, COUNT)
            for lane in range(reach)
        ]
        return builder.shuffle_vector(x, y, ir.Constant(WORDS, lanes))

    return chosen(0), chosen(reach)


@intrinsic
def any_below(typing: Any, x: Any, y: Any) -> Any:
    """Whether an int32 is smaller than its fellow."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        below = builder.icmp_signed("<", *args)
        bits = builder.bitcast(below, ir.IntType(COUNT))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(COUNT), 0))

    return types.boolean(_lanes, _lanes), code


@intrinsic
def signs(typing: Any, x: Any) -> Any:
    """The sign bits, the first one lowest."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        negative = builder.icmp_signed("<", args[0], ir.Constant(WORDS, None))
        return builder.zext(builder.bitcast(negative, ir.IntType(COUNT)), WORD)

    return types.int32(_lanes), code
