"""Addition of aligned significands, and of a product to a fixed-point accumulator."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux

from hwmodel.rtl.adders import Adder
from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["AddSigned", "Saturate"]


class AddSigned(Block):
    """Sum or difference of aligned significands, as magnitude that may still lack one unit.

    Ports: ``larger``, ``smaller``, ``sticky``, ``subtract``; ``total`` (window, with one bit more
    at the left for the carry and the sticky bit at the right) and ``negative``: `smaller` won and
    `total` is the complement of the difference, whose magnitude is `total` plus one unit.
    """

    def __init__(self, window: int, style: str) -> None:
        self.window = window
        self.style = style
        super().__init__(
            f"add_signed_{window}_{style}",
            {
                **inputs(larger=window, smaller=window, sticky=1, subtract=1),
                **outputs(total=window + 2, negative=1),
            },
            "add or subtract aligned significands",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width = self.window + 1
        block = Adder(f"add_{width}_{self.style}", width, self.style, has_carry=True)
        adder = self.place(m, platform, "adder", block)
        m.d.comb += [
            adder.a.eq(self.larger),
            adder.b.eq(self.smaller ^ self.subtract.replicate(width)),
            # Subtracting the sticky bit leaves it as it is and borrows from the window.
            adder.carry.eq(self.subtract & ~self.sticky),
            self.negative.eq(self.subtract & adder.total[-1]),
            self.total.eq(Cat(self.sticky, adder.total) ^ self.negative.replicate(width + 1)),
        ]
        return m


class Saturate(Block):
    """Clamps a sum to two's complement of one bit less: ports ``total``, ``clamped``."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(
            f"saturate_{width}",
            {**inputs(total=width + 1), **outputs(clamped=width)},
            f"clamp to {width} bits",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        low, top = self.total[: self.width - 1], self.total[self.width - 1 :]
        sign = self.total[-1]
        m.d.comb += self.clamped.eq(
            Mux(top[0] ^ top[1], Cat((~sign).replicate(self.width - 1), sign), Cat(low, sign))
        )
        return m
