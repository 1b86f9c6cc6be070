"""MACs with a fixed-point accumulator: integers, and exact sums of floating-point products."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from hwmodel.formats import IntFormat, Overflow
from hwmodel.rtl.add import Saturate
from hwmodel.rtl.adders import Adder
from hwmodel.rtl.align import FixedAlign
from hwmodel.rtl.decode import Decode, Numerics
from hwmodel.rtl.faults import Fault
from hwmodel.rtl.mac import Mac, Registers
from hwmodel.rtl.multiply import Multiply, PartialProducts, add_heap

__all__ = ["ExactMac", "IntegerMac"]

# The last stages of the shift, one AND-OR instead of two multiplexers: smaller and quicker than
# 0, 1 or 3 for E4M3 on NanGate 45 nm.
_ONE_HOT = 2


class IntegerMac(Mac):
    """Integer operands, integer accumulator: wrapping, saturating, or wide enough to be exact."""

    def step(self, m: Module, platform: Any, registers: Registers) -> Value:
        a, b = registers.a, registers.b
        accumulator: Value = registers.kept(m)
        saturates = self.spec.overflow is Overflow.SATURATE
        width = len(accumulator) + saturates
        if saturates:
            accumulator = Cat(accumulator, accumulator[-1])
        if self.structure.merge == "fused":
            total = self._fused(m, platform, a, b, accumulator, width)
        else:
            total = self._separate(m, platform, a, b, accumulator, width)
        if not saturates:
            return total
        clamp = self.place(m, platform, "saturate", Saturate(width - 1))
        m.d.comb += clamp.total.eq(total)
        return clamp.clamped

    def _signs(self) -> tuple[bool, bool]:
        a, b = self.spec.a, self.spec.b
        assert isinstance(a, IntFormat)
        assert isinstance(b, IntFormat)
        return a.signed, b.signed

    def _fused(
        self, m: Module, platform: Any, a: Value, b: Value, accumulator: Value, width: int
    ) -> Value:
        kind = "booth" if self.structure.multiplier == "booth" else "array"
        letters = "".join("s" if sign else "u" for sign in self._signs())
        source = PartialProducts(
            f"mac_{len(a)}x{len(b)}{letters}_{kind}_{width}_partial",
            (len(a), len(b)),
            self._signs(),
            width,
            kind,
            addend=True,
        )
        partial = self.place(m, platform, "multiply", source)
        m.d.comb += [partial.a.eq(a), partial.b.eq(b), partial.c.eq(accumulator)]
        return add_heap(self, m, platform, source, partial, self.structure.adder)

    def _separate(
        self, m: Module, platform: Any, a: Value, b: Value, accumulator: Value, width: int
    ) -> Value:
        block = Multiply(
            (len(a), len(b)), self._signs(), self.structure.multiplier, self.structure.adder
        )
        multiply = self.place(m, platform, "multiply", block)
        adder = Adder(f"add_{width}_{self.structure.adder}", width, self.structure.adder)
        add = self.place(m, platform, "add", adder)
        product = multiply.product
        m.d.comb += [
            multiply.a.eq(a),
            multiply.b.eq(b),
            add.a.eq(accumulator),
            add.b.eq(product.as_signed() if any(self._signs()) else product),
        ]
        return add.total


class ExactMac(Mac):
    """Floating-point operands, fixed-point accumulator wide enough for their exact products."""

    faults = frozenset({Fault.WRONG_BIAS, Fault.MISSING_SUBNORMALS})

    def step(self, m: Module, platform: Any, registers: Registers) -> Value:
        spec, structure = self.spec, self.structure
        accumulator = registers.kept(m)
        field = spec.fixed_point
        flush = self.fault is Fault.MISSING_SUBNORMALS
        decode_a = self.place(m, platform, "decode_a", Decode(spec.a, flush))
        decode_b = self.place(m, platform, "decode_b", Decode(spec.b, flush))
        m.d.comb += [decode_a.code.eq(registers.a), decode_b.code.eq(registers.b)]

        nonfinite = Signal()
        flags = [
            getattr(operand, flag)
            for operand, fmt in ((decode_a, spec.a), (decode_b, spec.b))
            for flag, present in (("nan", fmt.has_nan), ("infinity", fmt.has_infinity))
            if present
        ]
        m.d.comb += nonfinite.eq(Cat(*flags).any() if flags else 0)

        block = Multiply(
            (len(decode_a.significand), len(decode_b.significand)),
            (False, False),
            structure.multiplier,
            structure.adder,
        )
        multiply = self.place(m, platform, "multiply", block)
        m.d.comb += [
            multiply.a.eq(decode_a.significand & (~nonfinite).replicate(len(multiply.a))),
            multiply.b.eq(decode_b.significand),
        ]
        sign = Signal()
        signs = [d.sign for d in (decode_a, decode_b) if hasattr(d, "sign")]
        m.d.comb += sign.eq(Cat(*signs).xor() if signs else 0)
        aligned = self._align(m, platform, decode_a, decode_b, multiply.product, sign)

        adder = Adder(
            f"add_{field.width}_{structure.adder}_carry",
            field.width,
            structure.adder,
            has_carry=True,
        )
        add = self.place(m, platform, "add", adder)
        m.d.comb += [
            add.a.eq(accumulator[: field.width]),
            add.b.eq(Cat(aligned, sign.replicate(max(field.width - len(aligned), 0)))),
            add.carry.eq(sign),
        ]
        if not spec.has_nonfinite_flag:
            return add.total
        return Cat(add.total, accumulator[-1] | (nonfinite & registers.valid))

    def _align(
        self, m: Module, platform: Any, decode_a: Any, decode_b: Any, product: Value, sign: Value
    ) -> Value:
        a, b = Numerics.of(self.spec.a), Numerics.of(self.spec.b)
        exponents = [d.exponent for d in (decode_a, decode_b) if hasattr(d, "exponent")]
        low, high = a.exponent_min + b.exponent_min, a.exponent_max + b.exponent_max
        amount = Signal(high.bit_length(), name="exponent")
        m.d.comb += amount.eq(sum(exponents[1:], exponents[0]) if exponents else 0)
        # A product is significand * 2^(amount + scale); the field's last bit weighs 2^lsb.
        drop = self.spec.fixed_point.lsb_exponent - a.scale - b.scale
        if self.fault is Fault.WRONG_BIAS:
            drop -= 1
        width = min(len(product) + high - drop, self.spec.fixed_point.width)
        assert low >= drop or self.fault is not None, "the last bit is finer than every product"
        block = FixedAlign(len(product), len(amount), drop, width, min(_ONE_HOT, len(amount)))
        align = self.place(m, platform, "align", block)
        m.d.comb += [align.significand.eq(product), align.sign.eq(sign)]
        if len(amount):
            m.d.comb += align.amount.eq(amount)
        return align.field
