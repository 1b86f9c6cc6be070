"""The one-bit adders that carry-save trees and ripple adders are made of.

They are modules of their own, so that synthesis may map each to the library's full-adder or
half-adder cell, or take it apart.
"""

from typing import Any

from amaranth.hdl import Module

from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["FullAdder", "HalfAdder"]


class FullAdder(Block):
    """Adds three bits of equal weight: 3:2 counter."""

    def __init__(self) -> None:
        super().__init__(
            "hw_full_adder",
            {**inputs(a=1, b=1, c=1), **outputs(sum=1, carry=1)},
            "full adder: a + b + c = 2 carry + sum",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [
            self.sum.eq(self.a ^ self.b ^ self.c),
            self.carry.eq((self.a & self.b) | (self.c & (self.a ^ self.b))),
        ]
        return m


class HalfAdder(Block):
    """Adds two bits of equal weight: 2:2 counter."""

    def __init__(self) -> None:
        super().__init__(
            "hw_half_adder",
            {**inputs(a=1, b=1), **outputs(sum=1, carry=1)},
            "half adder: a + b = 2 carry + sum",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [self.sum.eq(self.a ^ self.b), self.carry.eq(self.a & self.b)]
        return m
