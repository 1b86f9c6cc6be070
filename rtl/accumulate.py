"""The accumulator's next code: the rounded sum, or a special value."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.reach import Reach
from hwmodel.rtl.round import overflow_code

from hwmodel.formats import Overflow, Specials
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["SelectSpecial"]


class SelectSpecial(Block):
    """Chooses between the rounded sum, an infinity, NaN and the largest finite value.

    Ports: ``accumulator`` (content now), ``sign`` and ``magnitude`` of the rounded sum,
    ``overflow`` (where it can occur), ``nan_a``, ``infinity_a``, ``zero_a`` and the same of b
    (where the formats have such codes), ``valid`` and ``product_sign`` with them; ``next``.
    """

    def __init__(self, spec: UnitSpec, reach: Reach) -> None:
        assert isinstance(spec.accumulator, FloatAccumulator)
        self.fmt = fmt = spec.accumulator.format
        self.reach = reach
        self.saturates = spec.overflow is Overflow.SATURATE
        infinities = spec.a.has_infinity or spec.b.has_infinity
        self.takes_specials = spec.a.has_nonfinite or spec.b.has_nonfinite
        ports = inputs(
            accumulator=fmt.bits,
            sign=1,
            magnitude=fmt.bits - 1,
            overflow=int(reach.overflow),
            valid=int(self.takes_specials),
            product_sign=int(self.takes_specials),
        )
        for operand, operand_format, other in (("a", spec.a, spec.b), ("b", spec.b, spec.a)):
            ports |= inputs(
                **{
                    f"nan_{operand}": int(operand_format.has_nan),
                    f"infinity_{operand}": int(operand_format.has_infinity),
                    f"zero_{operand}": int(other.has_infinity),
                }
            )
        self.infinities = infinities
        super().__init__(
            f"select_special_{fmt.name}",
            {**ports, **outputs(next=fmt.bits)},
            "the rounded sum, or a special value",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        nan, infinite, infinite_sign = self._specials(m)
        code = Cat(self.magnitude, self.sign)
        over = overflow_code(self.fmt, Overflow.SATURATE if self.saturates else Overflow.NONFINITE)
        if self.reach.overflow or self.infinities or self._holds_infinity:
            large, large_sign = Signal(), Signal()
            overflow = self.overflow if self.reach.overflow else Const(0, 1)
            m.d.comb += [
                large.eq(infinite | overflow),
                large_sign.eq(Mux(infinite, infinite_sign, self.sign)),
            ]
            if not self.saturates and self.fmt.specials is not Specials.IEEE:
                nan = nan | large  # no infinity: what is too large becomes the canonical NaN
            else:
                code = Mux(large, Cat(Const(over, self.fmt.bits - 1), large_sign), code)
        if self.fmt.has_nan:
            code = Mux(nan, Const(self.fmt.nan_code, self.fmt.bits), code)
        m.d.comb += self.next.eq(code)
        return m

    @property
    def _holds_infinity(self) -> bool:
        """Whether the accumulator can hold an infinity."""
        if self.saturates or self.fmt.specials is not Specials.IEEE:
            return False
        return self.reach.overflow or self.infinities

    def _specials(self, m: Module) -> tuple[Value, Value, Value]:
        """Whether the sum is NaN or infinite whatever the rounded one, and the infinity's sign."""
        nans: list[Value] = [getattr(self, f"nan_{o}") for o in "ab" if hasattr(self, f"nan_{o}")]
        product_infinite: Value = Const(0, 1)
        for o in "ab":
            if hasattr(self, f"infinity_{o}"):
                infinity = getattr(self, f"infinity_{o}")
                other = "b" if o == "a" else "a"
                nans.append(infinity & getattr(self, f"zero_{other}"))
                product_infinite = product_infinite | infinity
        nan: Value = Cat(*nans).any() if nans else Const(0, 1)
        if self.takes_specials:
            nan = nan & self.valid
            product_infinite = product_infinite & self.valid
        if not self.reach.nonfinite:
            return nan, product_infinite, Const(0, 1)
        held_nan, held_infinite = Signal(), Signal()
        m.d.comb += [held_nan.eq(self._held_nan()), held_infinite.eq(self._held_infinity())]
        nan = nan | held_nan
        if not self.infinities:
            return nan, held_infinite, self.accumulator[-1]
        sign = Mux(held_infinite, self.accumulator[-1], self.product_sign)
        nan = nan | (held_infinite & product_infinite & (self.accumulator[-1] ^ self.product_sign))
        return nan, held_infinite | product_infinite, sign

    def _held_nan(self) -> Value:
        fmt = self.fmt
        if not fmt.has_nan:
            return Const(0, 1)
        field = self.accumulator[fmt.mantissa_bits : -1]
        mantissa = self.accumulator[: fmt.mantissa_bits]
        if fmt.specials is Specials.FN:
            return field.all() & mantissa.all()
        if not self._holds_infinity:
            return self._top(field)
        return self._top(field) & mantissa[-1]  # the only NaN held is the canonical one

    def _held_infinity(self) -> Value:
        if not self._holds_infinity:
            return Const(0, 1)
        fmt = self.fmt
        return (
            self._top(self.accumulator[fmt.mantissa_bits : -1])
            & ~self.accumulator[fmt.mantissa_bits - 1]
        )

    def _top(self, field: Value) -> Value:
        """Whether the exponent field is all ones, told from as few of its bits as will do."""
        for bits in range(1, len(field) + 1):
            ones = ((1 << bits) - 1) << (len(field) - bits)
            if self.reach.top_exponent < ones:
                return field[len(field) - bits :].all()
        return field.all()
