"""MACs with a floating-point accumulator: one rounding for each product that is added."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from hwmodel.rtl.accumulate import DetectSpecial, SelectCode
from hwmodel.rtl.add import AddSigned
from hwmodel.rtl.align import Align
from hwmodel.rtl.anticipate import AnticipateZeros
from hwmodel.rtl.decode import Decode, Numerics
from hwmodel.rtl.exponents import CompareExponents
from hwmodel.rtl.faults import Fault
from hwmodel.rtl.mac import Mac, Registers
from hwmodel.rtl.multiply import Multiply
from hwmodel.rtl.normalise import Normalise
from hwmodel.rtl.reach import Reach
from hwmodel.rtl.round import Round
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["FloatMac", "Window"]


@dataclass(frozen=True)
class Window:
    """Widths of the datapath that adds a product to the accumulator.

    Parameters
    ----------
    bits : int
        Width of the window in which the aligned significands are added, the hidden bit's place at
        the left; what falls out at the right goes into the sticky bit.
    offset : int
        The operands' exponent sum plus this is the exponent field, in the accumulator's format, of
        a number whose hidden bit is the product's top bit.
    zero_matters : bool
        Whether a product of zero could push the accumulator's last bits out of the window.
    """

    bits: int
    offset: int
    zero_matters: bool

    @classmethod
    def of(cls, spec: UnitSpec, reach: Reach) -> "Window":
        """Smallest window in which every sum is rounded correctly.

        The bit below the result's last one must be in the window whenever bits are lost. The
        result begins at most two places below the window's left end, if the product has its
        leading one in one of its top two bits (both significands normal): one place for that, one
        for the subtraction of a number that is at least two places smaller.

        Only products of a subnormal begin farther to the right. Their exponent is small; either
        everything down to the smallest product's unit fits the window then, or it is widened by
        the zeros that a subnormal can have.
        """
        assert isinstance(spec.accumulator, FloatAccumulator)
        fmt = spec.accumulator.format
        a, b = Numerics.of(spec.a), Numerics.of(spec.b)
        product_bits = a.significand_bits + b.significand_bits
        offset = a.scale + b.scale + product_bits - 1 + fmt.bias
        bits = max(fmt.mantissa_bits + 1 + 3, product_bits + 1)
        # Largest exponent sum of a product with a subnormal (or integer) operand.
        small = max(a.exponent_min + b.exponent_max, a.exponent_max + b.exponent_min)
        top = small + offset - fmt.bias  # weight of the window's left end
        exact = top - reach.unit_exponent + 1
        zeros = (
            product_bits
            if not (a.exponent_bits and b.exponent_bits)
            else (max(a.significand_bits, b.significand_bits) - 1)
        )
        if bits < exact:
            bits = min(exact, bits + zeros)
        return cls(bits, offset, zero_matters=bits < exact)


class FloatMac(Mac):
    """Any operands, floating-point accumulator, rounded to nearest even once a step."""

    faults = frozenset(Fault)

    def step(self, m: Module, platform: Any, registers: Registers) -> Value:
        spec, structure = self.spec, self.structure
        assert isinstance(spec.accumulator, FloatAccumulator)
        fmt = spec.accumulator.format
        reach = Reach.of(spec)
        window = Window.of(spec, reach)
        flush = self.fault is Fault.MISSING_SUBNORMALS
        decode_a = self.place(m, platform, "decode_a", Decode(spec.a, flush))
        decode_b = self.place(m, platform, "decode_b", Decode(spec.b, flush))
        m.d.comb += [decode_a.code.eq(registers.a), decode_b.code.eq(registers.b)]

        product_sign = Signal()
        signs = [d.sign for d in (decode_a, decode_b) if hasattr(d, "sign")]
        negative_product = Cat(*signs).xor() if signs else Const(0, 1)
        if reach.negative_zero:  # what leaves an accumulator of -0 as it is is a product of -0
            negative_product = negative_product | ~registers.valid
        m.d.comb += product_sign.eq(negative_product)

        special = self._detect(m, platform, decode_a, decode_b, registers, product_sign)
        # Where the result is known to be NaN or infinite, zero and zero are added: all bits of
        # the sum are 0 then, and the special code is only set in it.
        blank = [getattr(special, flag) for flag in ("nan", "infinite") if hasattr(special, flag)]
        accumulator = registers.kept(m, Cat(*blank).any() if blank else None)
        significand_a = decode_a.significand
        if blank:
            significand_a &= (~Cat(*blank).any()).replicate(len(significand_a))

        acc_sign = accumulator[-1]
        acc_field = accumulator[fmt.mantissa_bits : -1]
        acc_mantissa = accumulator[: fmt.mantissa_bits]

        multiply = self.place(
            m,
            platform,
            "multiply",
            Multiply(
                (len(decode_a.significand), len(decode_b.significand)),
                (False, False),
                structure.multiplier,
                structure.adder,
            ),
        )
        m.d.comb += [multiply.a.eq(significand_a), multiply.b.eq(decode_b.significand)]

        compare = self._compare(m, platform, decode_a, decode_b, acc_field, reach, window)

        align = self.place(
            m,
            platform,
            "align",
            Align(
                len(multiply.product),
                fmt.mantissa_bits + 1,
                len(compare.amount),
                window.bits,
                keep_sticky=self.fault is not Fault.DROPPED_STICKY,
            ),
        )
        m.d.comb += [
            align.product.eq(multiply.product),
            align.accumulator.eq(Cat(acc_mantissa, acc_field.any())),
            align.swap.eq(compare.swap),
            align.amount.eq(compare.amount),
        ]

        subtract = Signal()
        m.d.comb += subtract.eq(product_sign ^ acc_sign)
        add = self.place(m, platform, "add", AddSigned(window.bits, structure.adder))
        m.d.comb += [
            add.larger.eq(align.larger),
            add.smaller.eq(align.smaller),
            add.sticky.eq(align.sticky),
            add.subtract.eq(subtract),
        ]

        width = window.bits + 2
        if structure.normaliser == "anticipate":
            anticipate = self.place(m, platform, "anticipate", AnticipateZeros(window.bits))
            for port in ("larger", "smaller", "sticky", "subtract"):
                m.d.comb += getattr(anticipate, port).eq(getattr(add, port))
        normalise = self.place(
            m,
            platform,
            "normalise",
            Normalise(width, len(compare.anchor), structure.normaliser, reach.subnormal),
        )
        m.d.comb += [
            normalise.total.eq(add.total),
            normalise.fill.eq(add.negative),
            normalise.anchor.eq(compare.anchor),
        ]
        if structure.normaliser == "anticipate":
            m.d.comb += normalise.indicator.eq(anticipate.indicator)
        rounding = self.place(
            m,
            platform,
            "round",
            Round(
                fmt,
                width,
                len(compare.anchor),
                reach.overflow,
                reach.subnormal,
                truncate=self.fault is Fault.TRUNCATED_ROUNDING,
            ),
        )
        m.d.comb += [
            rounding.normal.eq(normalise.normal),
            rounding.exponent.eq(normalise.exponent),
            rounding.step.eq(normalise.step),
            rounding.negative.eq(add.negative),
        ]
        sign = Signal()
        larger_sign = Mux(compare.swap ^ add.negative, product_sign, acc_sign)
        cancelled = rounding.zero & subtract
        if self.fault is Fault.ZERO_SIGN:
            cancelled = Const(0, 1)
        m.d.comb += sign.eq(larger_sign & ~cancelled)
        select = self.place(m, platform, "accumulate", SelectCode(spec, reach))
        m.d.comb += [select.sign.eq(sign), select.magnitude.eq(rounding.magnitude)]
        for port, source in (
            ("overflow", rounding),
            ("nan", special),
            ("infinite", special),
            ("infinite_sign", special),
        ):
            if hasattr(select, port):
                m.d.comb += getattr(select, port).eq(getattr(source, port))
        return select.next

    def _compare(
        self,
        m: Module,
        platform: Any,
        decode_a: Any,
        decode_b: Any,
        acc_field: Value,
        reach: Reach,
        window: Window,
    ) -> Any:
        a, b = Numerics.of(self.spec.a), Numerics.of(self.spec.b)
        low, high = a.exponent_min + b.exponent_min, a.exponent_max + b.exponent_max
        offset = window.offset + (self.fault is Fault.WRONG_BIAS)
        exponents = [d.exponent for d in (decode_a, decode_b) if hasattr(d, "exponent")]
        block = CompareExponents(
            high.bit_length(),
            len(acc_field),
            offset,
            (low, high),
            reach.subnormal,
            window.zero_matters,
        )
        compare = self.place(m, platform, "compare", block)
        m.d.comb += compare.accumulator.eq(acc_field)
        if exponents:
            m.d.comb += compare.exponent.eq(sum(exponents[1:], exponents[0]))
        if window.zero_matters:
            m.d.comb += compare.product_zero.eq(decode_a.zero | decode_b.zero)
        return compare

    def _detect(
        self,
        m: Module,
        platform: Any,
        decode_a: Any,
        decode_b: Any,
        registers: Registers,
        sign: Value,
    ) -> Any:
        """Place what finds results that are no finite sum."""
        block = DetectSpecial(self.spec, Reach.of(self.spec))
        special = self.place(m, platform, "special", block)
        ports = {"valid": registers.valid, "clear": registers.clear, "product_sign": sign}
        ports["accumulator"] = registers.accumulator
        for operand, decoded in (("a", decode_a), ("b", decode_b)):
            for flag in ("nan", "infinity", "zero"):
                if hasattr(decoded, flag):
                    ports[f"{flag}_{operand}"] = getattr(decoded, flag)
        for port, source in ports.items():
            if hasattr(special, port):
                m.d.comb += getattr(special, port).eq(source)
        return special
