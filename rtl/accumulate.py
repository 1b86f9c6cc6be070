"""Special values: when a result is no finite sum, and the accumulator's next code."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value

from hwmodel.formats import FloatFormat, Overflow, Specials
from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.reach import Reach
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["DetectSpecial", "SelectCode", "overflow_code"]


def overflow_code(fmt: FloatFormat, overflow: Overflow | None) -> int:
    """Code without sign that stands for everything beyond the largest finite value."""
    if overflow is Overflow.SATURATE:
        return fmt.max_code
    return fmt.infinity_code if fmt.has_infinity else fmt.nan_code


class _Cases:
    """Which special results a unit can have, and what they become."""

    def __init__(self, spec: UnitSpec, reach: Reach) -> None:
        assert isinstance(spec.accumulator, FloatAccumulator)
        fmt = spec.accumulator.format
        infinite_operands = spec.a.has_infinity or spec.b.has_infinity
        saturates = spec.overflow is Overflow.SATURATE
        self.fmt = fmt
        self.overflow = reach.overflow
        self.too_large = overflow_code(fmt, spec.overflow) if reach.overflow else 0
        # An infinity that the accumulator cannot hold becomes its largest number or its NaN.
        self.holds_infinity = (
            fmt.has_infinity and not saturates and (infinite_operands or reach.overflow)
        )
        self.infinite = self.holds_infinity or (infinite_operands and saturates)
        self.infinite_is_nan = infinite_operands and not fmt.has_infinity and not saturates
        self.infinite_code = overflow_code(fmt, spec.overflow)
        overflow_is_nan = reach.overflow and not saturates and not fmt.has_infinity
        self.nan = spec.a.has_nonfinite or spec.b.has_nonfinite or overflow_is_nan
        self.nan = self.nan or (self.holds_infinity and infinite_operands)


class DetectSpecial(Block):
    """Finds the steps whose result is NaN or infinite whatever the finite parts are.

    Ports: ``accumulator`` (its code before the step) and ``clear``; ``nan_a``, ``infinity_a``,
    ``zero_a`` and the same of b (where the formats have such codes), ``valid`` and
    ``product_sign``; ``nan``, ``infinite``, ``infinite_sign`` (where they can occur).
    """

    def __init__(self, spec: UnitSpec, reach: Reach) -> None:
        self.cases = cases = _Cases(spec, reach)
        self.reach = reach
        takes = spec.a.has_nonfinite or spec.b.has_nonfinite
        infinities = spec.a.has_infinity or spec.b.has_infinity
        holds = cases.nan or cases.holds_infinity
        ports = inputs(
            accumulator=cases.fmt.bits if holds else 0,
            clear=int(holds),
            valid=int(takes),
            product_sign=int(infinities),
        )
        for operand, fmt, other in (("a", spec.a, spec.b), ("b", spec.b, spec.a)):
            ports |= inputs(
                **{
                    f"nan_{operand}": int(fmt.has_nan),
                    f"infinity_{operand}": int(fmt.has_infinity),
                    f"zero_{operand}": int(other.has_infinity),
                }
            )
        ports |= outputs(
            nan=int(cases.nan), infinite=int(cases.infinite), infinite_sign=int(cases.infinite)
        )
        super().__init__(
            f"detect_special_{cases.fmt.name}", ports, "results that are NaN or infinite"
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        product_nan, product_infinite = self._product()
        held_nan, held_infinite = self._held()
        held_sign = self.accumulator[-1] if hasattr(self, "accumulator") else Const(0, 1)
        product_sign = self.product_sign if hasattr(self, "product_sign") else Const(0, 1)
        if self.cases.nan:
            opposed = held_infinite & product_infinite & (held_sign ^ product_sign)
            nan = product_nan | held_nan | opposed
            m.d.comb += self.nan.eq(nan | (product_infinite if self.cases.infinite_is_nan else 0))
        if self.cases.infinite:
            infinite = held_infinite | product_infinite
            m.d.comb += [
                self.infinite.eq(infinite & ~self.nan if self.cases.nan else infinite),
                self.infinite_sign.eq(Mux(held_infinite, held_sign, product_sign)),
            ]
        return m

    def _product(self) -> tuple[Value, Value]:
        """Whether the product is NaN, and whether it is infinite or infinity times zero."""
        nans, infinities = [], []
        for operand, other in ("ab", "ba"):
            if hasattr(self, f"nan_{operand}"):
                nans.append(getattr(self, f"nan_{operand}"))
            if hasattr(self, f"infinity_{operand}"):
                infinity = getattr(self, f"infinity_{operand}")
                infinities.append(infinity)
                nans.append(infinity & getattr(self, f"zero_{other}"))
        valid = self.valid if hasattr(self, "valid") else Const(1, 1)
        return (
            Cat(*nans).any() & valid if nans else Const(0, 1),
            Cat(*infinities).any() & valid if infinities else Const(0, 1),
        )

    def _held(self) -> tuple[Value, Value]:
        """Whether the accumulator holds NaN, and whether an infinity, that is not cleared now."""
        if not hasattr(self, "accumulator"):
            return Const(0, 1), Const(0, 1)
        fmt = self.cases.fmt
        mantissa = self.accumulator[: fmt.mantissa_bits]
        field = self.accumulator[fmt.mantissa_bits : -1]
        special = self._top(field) & ~self.clear
        if fmt.specials is Specials.FN:
            return special & mantissa.all(), Const(0, 1)
        if not self.cases.holds_infinity:
            return special, Const(0, 1)
        if not self.cases.nan:
            return Const(0, 1), special
        quiet = mantissa[-1]  # set in the only NaN held, the canonical one
        return special & quiet, special & ~quiet

    def _top(self, field: Value) -> Value:
        """Whether the exponent field is all ones, told from as few of its bits as will do."""
        for bits in range(1, len(field)):
            if self.reach.top_exponent < ((1 << bits) - 1) << (len(field) - bits):
                return field[len(field) - bits :].all()
        return field.all()


class SelectCode(Block):
    """Sets a special code in a sum, all of whose bits are 0 then, or replaces one too large.

    Ports: ``sign``, ``magnitude`` (the rounded sum), ``overflow``, ``nan``, ``infinite``,
    ``infinite_sign`` (where they can occur); ``next``.
    """

    def __init__(self, spec: UnitSpec, reach: Reach) -> None:
        self.cases = cases = _Cases(spec, reach)
        super().__init__(
            f"select_code_{cases.fmt.name}",
            {
                **inputs(
                    sign=1,
                    magnitude=cases.fmt.bits - 1,
                    overflow=int(cases.overflow),
                    nan=int(cases.nan),
                    infinite=int(cases.infinite),
                    infinite_sign=int(cases.infinite),
                ),
                **outputs(next=cases.fmt.bits),
            },
            "the rounded sum, or a special value",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        fmt = self.cases.fmt
        code: Value = Cat(self.magnitude, self.sign)
        if self.cases.overflow:
            # Only NaN comes without the sign of the sum.
            keeps_sign = self.cases.too_large != self._nan_code
            large = Cat(Const(self.cases.too_large, fmt.bits - 1), self.sign & keeps_sign)
            code = Mux(self.overflow, large, code)
        if self.cases.nan:
            code = code | (Const(self._nan_code, fmt.bits) & self.nan.replicate(fmt.bits))
        if self.cases.infinite:
            infinite = Cat(Const(self.cases.infinite_code, fmt.bits - 1), self.infinite_sign)
            code = code | (infinite & self.infinite.replicate(fmt.bits))
        m.d.comb += self.next.eq(code)
        return m

    @property
    def _nan_code(self) -> int:
        return self.cases.fmt.nan_code if self.cases.fmt.has_nan else -1
