"""Rounding to nearest even, and packing into a code of the accumulator's format."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from hwmodel.formats import FloatFormat
from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["Round"]


class Round(Block):
    """Rounds a normalised sum and packs exponent and mantissa.

    Ports: ``normal`` (hidden bit at the left), ``exponent`` and ``step`` (whose sum is the
    exponent field), ``negative`` (the sum is the complement of `normal`: one unit at the far
    right is still missing); ``magnitude`` (code without sign), ``zero`` (the sum is exactly zero),
    ``overflow`` (where `detects_overflow`).

    The missing unit of a complemented sum needs no adder of its own. Below the guard bit G it
    runs into ones (shifted in from the right) or stops; so the rounding decision takes it in:
    with rest R the sum is rounded up if G and (R != 0 or odd), and its complement's negative if
    G or (complement of R == 0 and odd).

    Parameters
    ----------
    fmt : FloatFormat
        Format of the accumulator.
    width, exponent_bits : int
        Widths of the normalised sum and of its exponent.
    detects_overflow : bool
        Whether a result can be too large.
    subnormal : bool
        Whether the hidden bit of a sum other than zero can be 0.
    truncate : bool
        Plants a fault: rounds toward zero.
    """

    def __init__(
        self,
        fmt: FloatFormat,
        width: int,
        exponent_bits: int,
        detects_overflow: bool,
        subnormal: bool,
        truncate: bool = False,
    ) -> None:
        self.fmt = fmt
        self.width = width
        self.exponent_bits = exponent_bits
        self.detects_overflow = detects_overflow
        self.subnormal = subnormal
        self.truncate = truncate
        super().__init__(
            f"round_to_{fmt.name}_{width}",
            {
                **inputs(normal=width, exponent=exponent_bits, step=1, negative=1),
                **outputs(magnitude=fmt.bits - fmt.signed, zero=1, overflow=int(detects_overflow)),
            },
            f"round to nearest even and pack as {fmt.name}",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        mantissa_bits = self.fmt.mantissa_bits
        kept = self.normal[self.width - mantissa_bits - 1 :]
        below = self.width - mantissa_bits - 1
        up = Signal()
        if below and not self.truncate:
            guard = self.normal[below - 1]
            rest = self.normal[: below - 1] ^ self.negative.replicate(below - 1)
            some = Signal()
            m.d.comb += [
                some.eq(rest.any() if below > 1 else 0),
                up.eq(
                    Mux(
                        self.negative,
                        guard | (~some & kept[0]),
                        guard & (some | kept[0]),
                    )
                ),
            ]
        else:
            m.d.comb += up.eq(self.negative)
        code = Signal(self.exponent_bits + mantissa_bits + 1)
        scaled = Cat(Const(0, mantissa_bits), self.exponent)
        # The hidden bit (or what stands for it) and a carry out of the mantissa both step the
        # exponent.
        some_exponent = (~self.zero).replicate(self.fmt.exponent_bits)
        m.d.comb += [
            code.eq(scaled + Cat(kept[:-1], self.step) + up),
            self.zero.eq(~(self.normal if self.subnormal else self.normal[-1]).any()),
            # A sum of zero has no leading one for the exponent to go by; its mantissa is zero.
            self.magnitude.eq(code & Cat(Const(-1, mantissa_bits), some_exponent)),
        ]
        if self.detects_overflow:
            m.d.comb += self.overflow.eq((code > self.fmt.max_code) & ~self.zero)
        return m
