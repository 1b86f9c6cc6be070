"""Exponents: their sum for a product, and the product's distance from the accumulator."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["CompareExponents", "bits_for"]


def bits_for(low: int, high: int) -> int:
    """Bits of a two's-complement number that holds `low` and `high`."""
    return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)


class CompareExponents(Block):
    """Which addend has the larger exponent, and by how much.

    Ports: ``exponent`` (sum of the operands' exponents, where they have any), ``product_zero``
    (where `zero_matters`), ``accumulator`` (its exponent field); ``swap`` (the product's is
    larger), ``amount`` (the distance, less one where `swap`), ``anchor`` (the larger exponent, as
    a field of the accumulator's format, with more bits where products need them).

    Parameters
    ----------
    exponent_bits : int
        Width of the operands' exponent sum; 0 where they have none.
    field_bits : int
        Width of the accumulator's exponent field.
    offset : int
        Constant that turns the sum into a field of the accumulator's format.
    sums : tuple of int
        Smallest and largest sum of the operands' exponents.
    subnormal : bool
        Whether the accumulator's field 0 has contents other than zero.
    zero_matters : bool
        Whether a product of zero may push the accumulator out of the window, so that its exponent
        must count as the smaller one.
    """

    def __init__(
        self,
        exponent_bits: int,
        field_bits: int,
        offset: int,
        sums: tuple[int, int],
        subnormal: bool,
        zero_matters: bool,
    ) -> None:
        self.offset = offset
        self.subnormal = subnormal
        self.zero_matters = zero_matters
        self.field_bits = field_bits
        low, high = sums[0] + offset, sums[1] + offset
        self.product_width = bits_for(low, high)
        # A product can lie beyond the accumulator's range; it overflows, then, after rounding.
        self.anchor_bits = max(field_bits, high.bit_length())
        distance_bits = bits_for(-high, (1 << field_bits) - 1 - low)
        super().__init__(
            f"compare_exponents_{exponent_bits}_{field_bits}",
            {
                **inputs(
                    exponent=exponent_bits, product_zero=int(zero_matters), accumulator=field_bits
                ),
                **outputs(swap=1, amount=distance_bits - 1, anchor=self.anchor_bits),
            },
            "distance of the product's exponent from the accumulator's",
        )
        self.exponent_bits = exponent_bits
        self.distance_bits = distance_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        accumulator: Value = self.accumulator
        if self.subnormal:  # the field 0 has the weight of the field 1
            lowest = self.accumulator[0] | ~self.accumulator.any()
            accumulator = Cat(lowest, self.accumulator[1:])
        product = Signal(signed(self.product_width))
        distance = Signal(signed(self.distance_bits))
        exponent = self.exponent if self.exponent_bits else 0
        m.d.comb += [
            product.eq(exponent + self.offset),
            # Written so that the constant meets the accumulator while the operands' exponents
            # are still being summed.
            distance.eq((accumulator - self.offset) - exponent),
            self.swap.eq(distance[-1] & (~self.product_zero if self.zero_matters else 1)),
            self.amount.eq(distance[:-1] ^ distance[-1].replicate(self.distance_bits - 1)),
            self.anchor.eq(Mux(self.swap, product, accumulator)),
        ]
        return m
