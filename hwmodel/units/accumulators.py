"""What a unit adds into: an integer, an exact fixed-point number, a float, or these combined."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Overflow, Rounding
from hwmodel.formats.base import shown
from hwmodel.formats.carrier import as_integer
from hwmodel.formats.rounding import choice

__all__ = [
    "Accumulator",
    "AlignedAccumulator",
    "ChunkedAccumulator",
    "ExactAccumulator",
    "FixedPoint",
    "FloatAccumulator",
    "IntAccumulator",
    "PlainAccumulator",
    "default_overflow",
    "register_of",
]

# van Baalen et al. (arXiv 2303.17951) size fixed-point accumulators for 2^12 extreme products.
DEFAULT_TERMS = 4096
# Wider than any product of two formats is long; a limit, so that a slip of the pen fills no memory.
_WIDEST = 4096
# Head-room for more products than any sum has.
_MOST_TERMS = 1 << 64


def _settle_integer(accumulator: Any, field: str, what: str) -> None:
    """Make an integer of whatever kind Python's, which has no width."""
    number = int(as_integer(getattr(accumulator, field), what))
    object.__setattr__(accumulator, field, number)


def _check_float(fmt: object, what: str) -> None:
    if not isinstance(fmt, FloatFormat):
        raise HwmodelError(
            f"{what} has a floating-point format, as hwmodel.format('fp32') gives, but {fmt!r} came"
        )


@dataclass(frozen=True)
class IntAccumulator:
    """A two's-complement integer of `bits` bits, 2 to 4096.

    It may be narrower than a product: the exact sum is what wraps or saturates, once a step.
    """

    bits: int

    def __post_init__(self) -> None:
        _settle_integer(self, "bits", "the width of an integer accumulator")
        if not 2 <= self.bits <= _WIDEST:
            raise HwmodelError(
                f"an integer accumulator has 2 to {_WIDEST} bits, but {shown(self.bits)} came; for"
                " example int32"
            )

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return f"int{self.bits}"


@dataclass(frozen=True)
class ExactAccumulator:
    """A fixed-point (Kulisch) register wide enough for `terms` products of any operands.

    Its width and the weight of its last bit follow from the operand formats: see
    `UnitSpec.fixed_point`. Beyond `terms` products of the extreme values it may wrap.
    """

    terms: int = DEFAULT_TERMS

    def __post_init__(self) -> None:
        _settle_integer(self, "terms", "the number of products an exact accumulator has room for")
        if not 1 <= self.terms <= _MOST_TERMS:
            raise HwmodelError(
                "an exact accumulator has head-room for 1 product or more (2^64 at most), but"
                f" {shown(self.terms)} came"
            )

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return "exact" if self.terms == DEFAULT_TERMS else f"exact{self.terms}"


@dataclass(frozen=True)
class FloatAccumulator:
    """A floating-point register: the sum is rounded once each time a product is added.

    An unsigned one holds no sum below zero: that is NaN where sums overflow, zero where they
    saturate.
    """

    format: FloatFormat

    def __post_init__(self) -> None:
        _check_float(self.format, "a floating-point accumulator")

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return self.format.name


PlainAccumulator: TypeAlias = IntAccumulator | ExactAccumulator | FloatAccumulator
"""An accumulator that is one register, whose code is all that it remembers."""


@dataclass(frozen=True)
class AlignedAccumulator:
    """A multi-term adder that aligns its addends, cuts them off and rounds the sum once.

    So tensor cores add: Fasi et al., "Numerical behavior of NVIDIA tensor cores" (PeerJ Computer
    Science 7:e330, 2021); DeepSeek-AI, "DeepSeek-V3 Technical Report" (arXiv 2412.19437), section
    3.5.2. Up to `terms` products and the value before them are shifted right until they have the
    largest exponent among them. Of each the first bit of a normalised significand at that exponent
    and the `kept` - 1 bits below it are kept (what a product has above, for it may reach 4, is
    kept too), the rest is cut off. Their sum, in which nothing is lost, is rounded to `format` by
    the unit's rounding. `hwmodel.arithmetic.combined.add_aligned_scalar` is the definition.

    Attributes
    ----------
    format : FloatFormat
        What the sum is rounded to.
    terms : int
        Products added at once; they are taken in order, `terms` at a time.
    kept : int
        Bits kept of an aligned significand, the first one included: 14 stands for 13 bits behind
        the binary point.
    cut : Rounding or str
        What is cut off: toward zero (of sign and magnitude) or down (of two's complement).
    """

    format: FloatFormat
    terms: int
    kept: int
    cut: Rounding = Rounding.TOWARD_ZERO

    def __post_init__(self) -> None:
        _check_float(self.format, "the sum of an aligned adder")
        _settle_integer(self, "terms", "the number of products an aligned adder takes at once")
        _settle_integer(self, "kept", "the number of bits that an aligned adder keeps")
        object.__setattr__(self, "cut", choice(Rounding, self.cut))
        if not 1 <= self.terms <= 4096:
            raise HwmodelError(
                f"an aligned adder takes 1 to 4096 products at once, but {shown(self.terms)} came"
            )
        if not 2 <= self.kept <= 64:
            raise HwmodelError(
                f"an aligned adder keeps 2 to 64 bits of a significand, but {shown(self.kept)} came"
            )
        if self.cut not in (Rounding.TOWARD_ZERO, Rounding.DOWN):
            raise HwmodelError(
                f"an aligned adder cuts off toward zero or down, but {self.cut.value} came"
            )

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        cut = "down" if self.cut is Rounding.DOWN else ""
        return f"align{self.terms}w{self.kept}{cut}_{self.format.name}"


@dataclass(frozen=True)
class ChunkedAccumulator:
    """A narrow accumulator that is emptied into a wide one every `length` products.

    Wang et al., "Training Deep Neural Networks with 8-bit Floating Point Numbers" (NeurIPS 2018),
    section 2.3: chunk-based accumulation. The inner accumulator starts each chunk from zero, its
    content is added to the outer one with one rounding. Read in the midst of a chunk, the unit
    shows what the outer one would hold if the chunk ended there. An infinity of the inner one
    saturates in an outer one that has none; where the inner one can be NaN, the outer one is to
    have NaN.

    Attributes
    ----------
    length : int
        Products in a chunk.
    inner : IntAccumulator, ExactAccumulator, FloatAccumulator or AlignedAccumulator
        What the products of a chunk are added into.
    outer : FloatAccumulator or IntAccumulator
        What the chunks are added into; an integer for an integer.
    inner_overflow : Overflow or str, optional
        What becomes of a sum beyond the inner accumulator; its kind's usual rule if not given.
        That rule itself is kept as None, so that equal accumulators are equal.
    """

    length: int
    inner: "PlainAccumulator | AlignedAccumulator"
    outer: "IntAccumulator | FloatAccumulator"
    inner_overflow: Overflow | None = None

    def __post_init__(self) -> None:
        _settle_integer(self, "length", "the number of products in a chunk")
        if self.length < 1:
            raise HwmodelError(f"a chunk has 1 product or more, but {shown(self.length)} came")
        kinds = IntAccumulator | ExactAccumulator | FloatAccumulator | AlignedAccumulator
        if not isinstance(self.inner, kinds):
            raise HwmodelError(
                "chunks are summed in an integer, exact, floating-point or aligned accumulator,"
                f" such as FloatAccumulator(fp16), but {self.inner!r} came"
            )
        if not isinstance(self.outer, IntAccumulator | FloatAccumulator):
            raise HwmodelError(
                "chunks are added into an integer or floating-point accumulator, such as"
                f" FloatAccumulator(fp32), but {self.outer!r} came"
            )
        if isinstance(self.outer, IntAccumulator) and not isinstance(self.inner, IntAccumulator):
            raise HwmodelError(
                f"chunks summed in {self.inner.name} cannot be added into {self.outer.name};"
                " choose an integer for the inner accumulator, or a float such as fp32 for the"
                " outer one"
            )
        if self.inner_overflow is not None:
            rule = choice(Overflow, self.inner_overflow)
            usual = rule is default_overflow(self.inner)
            object.__setattr__(self, "inner_overflow", None if usual else rule)

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        saturates = "sat" if self.inner_overflow is Overflow.SATURATE else ""
        return f"chunk{self.length}_{self.inner.name}{saturates}_{self.outer.name}"


Accumulator: TypeAlias = PlainAccumulator | AlignedAccumulator | ChunkedAccumulator


def register_of(accumulator: Accumulator) -> PlainAccumulator:
    """The accumulator as which a code reads: that of the sum, the outer one."""
    if isinstance(accumulator, AlignedAccumulator):
        return FloatAccumulator(accumulator.format)
    return accumulator.outer if isinstance(accumulator, ChunkedAccumulator) else accumulator


def default_overflow(accumulator: Accumulator) -> Overflow:
    """What becomes of a sum beyond an accumulator for which nothing else is said."""
    register = register_of(accumulator)
    if not isinstance(register, FloatAccumulator):
        return Overflow.WRAP
    return Overflow.NONFINITE if register.format.has_nonfinite else Overflow.SATURATE


@dataclass(frozen=True)
class FixedPoint:
    """A two's-complement fixed-point number of `width` bits, the last weighing 2**lsb_exponent."""

    width: int
    lsb_exponent: int
