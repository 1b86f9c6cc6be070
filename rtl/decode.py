"""Decoding: a code of any format into sign, exponent and significand, and its special values.

`Numerics` says what the parts mean: a finite code stands for
``(-1)**sign * significand * 2**(exponent + scale)``.
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Value

from hwmodel.formats import FloatFormat, Format, IntFormat, Specials
from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["Decode", "Numerics"]


@dataclass(frozen=True)
class Numerics:
    """Widths and weights of a decoded number.

    Parameters
    ----------
    significand_bits : int
        Width of the significand, an unsigned integer that has the hidden bit.
    exponent_bits : int
        Width of the exponent; 0 where all codes have the same.
    scale : int
        A finite code's value is ``significand * 2**(exponent + scale)``.
    exponent_min, exponent_max : int
        Range of the exponent of finite codes.
    subnormal_max : int or None
        Largest exponent of codes whose significand's top bit may be 0 (the value 0 apart);
        None where there are none.
    """

    significand_bits: int
    exponent_bits: int
    scale: int
    exponent_min: int
    exponent_max: int

    @classmethod
    def of(cls, fmt: Format) -> "Numerics":
        """Numerics of a format, taken from its record."""
        if isinstance(fmt, IntFormat):  # sign and magnitude; |-2^(n-1)| needs all n bits
            return cls(fmt.bits, 0, 0, 0, 0)
        assert isinstance(fmt, FloatFormat)
        # Exponent field e >= 1: 2^(e - bias) * 1.f; the field 0 has the exponent of the field 1.
        if fmt.exponent_bits == 0:
            return cls(fmt.mantissa_bits, 0, 1 - fmt.bias - fmt.mantissa_bits, 0, 0)
        top = max(fmt.max_code >> fmt.mantissa_bits, 1)
        scale = -fmt.bias - fmt.mantissa_bits
        return cls(fmt.mantissa_bits + 1, fmt.exponent_bits, scale, 1, top)


class Decode(Block):
    """Decoder of one operand.

    Ports: ``code``; ``sign`` (signed formats), ``exponent`` (where the format has a field),
    ``significand``, ``nan`` and ``infinity`` (where the format has such codes), ``zero``.

    Parameters
    ----------
    fmt : Format
        Operand format. Integers come out as sign and magnitude.
    flush_subnormals : bool
        Take codes with exponent field 0 as zeros although the format has subnormals: a fault to
        be planted, or a format without subnormals.
    """

    def __init__(self, fmt: Format, flush_subnormals: bool = False) -> None:
        self.fmt = fmt
        self.numerics = Numerics.of(fmt)
        self.flush_subnormals = flush_subnormals
        signed = fmt.signed if isinstance(fmt, IntFormat | FloatFormat) else True
        ports = {
            **inputs(code=fmt.bits),
            **outputs(
                sign=int(signed),
                exponent=self.numerics.exponent_bits,
                significand=self.numerics.significand_bits,
                nan=int(fmt.has_nan),
                infinity=int(fmt.has_infinity),
                zero=1,
            ),
        }
        name = fmt.name.replace("-", "_")
        super().__init__(f"decode_{name}", ports, f"{fmt.name} code into its parts")

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if isinstance(self.fmt, IntFormat):
            self._integer(m, self.fmt)
        else:
            assert isinstance(self.fmt, FloatFormat)
            self._float(m, self.fmt)
        return m

    def _integer(self, m: Module, fmt: IntFormat) -> None:
        if fmt.signed:
            sign = self.code[-1]
            magnitude = (self.code ^ sign.replicate(fmt.bits)) + sign
            m.d.comb += [self.sign.eq(sign), self.significand.eq(magnitude)]
        else:
            m.d.comb += self.significand.eq(self.code)
        m.d.comb += self.zero.eq(~self.code.any())

    def _float(self, m: Module, fmt: FloatFormat) -> None:
        mantissa = self.code[: fmt.mantissa_bits]
        field = self.code[fmt.mantissa_bits : fmt.mantissa_bits + fmt.exponent_bits]
        if fmt.signed:
            m.d.comb += self.sign.eq(self.code[-1])
        if fmt.exponent_bits == 0:
            m.d.comb += [self.significand.eq(mantissa), self.zero.eq(~mantissa.any())]
            if fmt.has_nan:
                m.d.comb += self.nan.eq(mantissa.all())
            return
        normal = field.any()
        if self.flush_subnormals or not fmt.subnormals:
            mantissa = mantissa & normal.replicate(fmt.mantissa_bits)
        m.d.comb += [
            # The field 0 counts as 1, the exponent of the smallest normal numbers.
            self.exponent.eq(Cat(field[0] | ~normal, field[1:])),
            self.significand.eq(Cat(mantissa, normal)),
            self.zero.eq(~self.significand.any()),
        ]
        self._specials(m, fmt, mantissa, field)

    def _specials(self, m: Module, fmt: FloatFormat, mantissa: Value, field: Value) -> None:
        if fmt.specials is Specials.IEEE:
            m.d.comb += [
                self.nan.eq(field.all() & mantissa.any()),
                self.infinity.eq(field.all() & ~mantissa.any()),
            ]
        elif fmt.specials is Specials.FN:
            last = mantissa.all() if fmt.mantissa_bits else Const(1, 1)
            m.d.comb += self.nan.eq(field.all() & last)
