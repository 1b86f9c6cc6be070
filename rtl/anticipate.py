"""Leading-zero anticipation: where a sum begins, worked out while the sum itself is."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal

from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["AnticipateZeros"]


class AnticipateZeros(Block):
    """Marks the leading digit of a sum or difference of aligned significands.

    Ports: ``larger``, ``smaller``, ``sticky``, ``subtract`` as for `hwmodel.rtl.add.AddSigned`;
    ``indicator``, whose leading one stands where the magnitude's leading one is, or one place to
    its left. The sum may be negative; its magnitude is then taken in ones' complement.

    The indicator looks at three neighbouring digits, without carries (M. Schmookler and K. Nowka,
    "Leading zero anticipation and detection", ARITH-15, 2001, general case).
    """

    def __init__(self, window: int) -> None:
        self.window = window
        super().__init__(
            f"anticipate_zeros_{window}",
            {
                **inputs(larger=window, smaller=window, sticky=1, subtract=1),
                **outputs(indicator=window + 1),
            },
            "mark the leading digit of the sum before it is known",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Two's complement with the sign twice, so that every digit has a neighbour at its left.
        width = self.window + 2
        a, b = Signal(width, name="wide_a"), Signal(width, name="wide_b")
        both, none = Signal(width + 1, name="both"), Signal(width + 1, name="none")
        one = Signal(width)
        carry = self.subtract & ~self.sticky
        m.d.comb += [
            a.eq(self.larger),
            b.eq(Cat(self.smaller, 0, 0) ^ self.subtract.replicate(width)),
            # Digit 0 of these two stands for the carry in; digit i + 1 for bit i.
            both.eq(Cat(carry, a & b)),
            none.eq(Cat(~carry, ~(a | b))),
            one.eq(a ^ b),
        ]
        for i in range(self.window + 1):
            two, zero = both[i + 1], none[i + 1]
            ends = (two & ~none[i]) | (zero & ~both[i])
            continues = (zero & ~none[i]) | (two & ~both[i])
            m.d.comb += self.indicator[i].eq((one[i + 1] & ends) | (~one[i + 1] & continues))
        return m
