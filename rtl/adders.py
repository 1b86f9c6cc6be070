"""Adders of two words: plain operator, ripple of full adders, and parallel prefix.

The second word may have known bits (most often the ones of a sign-extension constant), which make
cheaper cells. Sources: J. Sklansky, IRE Trans. EC-9 (1960); P. Kogge and H. Stone, IEEE Trans.
C-22 (1973); R. Brent and H. Kung, IEEE Trans. C-31 (1982).
"""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value

from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.cells import FullAdder, HalfAdder

__all__ = ["ADDERS", "Adder", "prefix_network"]

ADDERS = ("plain", "ripple", "sklansky", "brentkung", "koggestone")


class Adder(Block):
    """Sum of two words and a carry, modulo ``2**width``.

    Ports: ``a``, ``b`` (the words), ``carry`` (where `has_carry`), ``total``.

    Parameters
    ----------
    name : str
        Module name.
    width : int
        Bits of each word and of the sum.
    style : str
        One of `ADDERS`.
    has_carry : bool
        Whether there is a carry into bit 0.
    known : int
        Bits of `b` that are constant: where this mask has a one, `known_value` has the bit and
        the port's is not looked at.
    known_value : int
        The constant bits of `b`.
    """

    def __init__(
        self,
        name: str,
        width: int,
        style: str,
        has_carry: bool = False,
        known: int = 0,
        known_value: int = 0,
    ) -> None:
        self.width = width
        self.style = style
        self.has_carry = has_carry
        self.known = known
        self.known_value = known_value & known
        super().__init__(
            name,
            {**inputs(a=width, b=width, carry=int(has_carry)), **outputs(total=width)},
            f"{width}-bit adder ({'operator' if style == 'plain' else style})",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        carry = self.carry if self.has_carry else Const(0, 1)
        b = [
            Const(self.known_value >> i & 1, 1) if self.known >> i & 1 else self.b[i]
            for i in range(self.width)
        ]
        if self.style == "plain":
            m.d.comb += self.total.eq(self.a + Cat(*b) + (carry if self.has_carry else 0))
        elif self.style == "ripple":
            self._ripple(m, platform, b, carry)
        else:
            self._prefix(m, b, carry)
        return m

    def _ripple(self, m: Module, platform: Any, b: list[Value], carry: Value) -> None:
        for i in range(self.width):
            bits = [bit for bit in (self.a[i], b[i], carry) if not _is_zero(bit)]
            ones = sum(_is_one(bit) for bit in bits)
            bits = [bit for bit in bits if not _is_one(bit)]
            last = i == self.width - 1  # nobody looks at the carry out
            if ones and len(bits) == 2:
                total, carry = ~(bits[0] ^ bits[1]), bits[0] | bits[1]
            elif ones and len(bits) == 1:
                total, carry = ~bits[0], bits[0]
            elif len(bits) == 1:
                total, carry = bits[0], Const(0, 1)
            elif last:
                total = bits[0] ^ bits[1] ^ bits[2] if len(bits) == 3 else bits[0] ^ bits[1]
            else:
                block = FullAdder() if len(bits) == 3 else HalfAdder()
                cell = self.place(m, platform, f"bit_{i}", block)
                for port, bit in zip("abc", bits, strict=False):
                    m.d.comb += getattr(cell, port).eq(bit)
                total, carry = cell.sum, cell.carry
            m.d.comb += self.total[i].eq(total)

    def _prefix(self, m: Module, b: list[Value], carry: Value) -> None:
        width = self.width
        generate, propagate = Signal(width, name="generate_0"), Signal(width, name="propagate_0")
        b_word = Cat(*b)
        m.d.comb += [generate.eq(self.a & b_word), propagate.eq(self.a ^ b_word)]
        # Position 0 of the network is the carry in; position i + 1 is bit i.
        g: list[Value] = [carry, *(generate[i] for i in range(width - 1))]
        p: list[Value] = [Const(0, 1), *(propagate[i] for i in range(width - 1))]
        for level, pairs in enumerate(prefix_network(self.style, width)):
            g_next, p_next = list(g), list(p)
            for high, low in pairs:
                group_g = Signal(name=f"g{level}_{high}")
                m.d.comb += group_g.eq(g[high] | (p[high] & g[low]))
                g_next[high] = group_g
                if not _is_zero(p[low]):
                    group_p = Signal(name=f"p{level}_{high}")
                    m.d.comb += group_p.eq(p[high] & p[low])
                    p_next[high] = group_p
                else:
                    p_next[high] = Const(0, 1)
            g, p = g_next, p_next
        m.d.comb += self.total.eq(propagate ^ Cat(*g))


def prefix_network(style: str, width: int) -> list[list[tuple[int, int]]]:
    """Levels of a parallel-prefix network over positions 0..width-1.

    Each level is a list of pairs (high, low): position `high` takes in the group that ends at
    `low`. After the last level every position holds the whole group down to position 0.
    """
    networks: dict[str, Callable[[int], list[list[tuple[int, int]]]]] = {
        "sklansky": _sklansky,
        "koggestone": _kogge_stone,
        "brentkung": _brent_kung,
    }
    return networks[style](width)


def _sklansky(width: int) -> list[list[tuple[int, int]]]:
    levels = []
    span = 1
    while span < width:
        levels.append([(i, (i // span) * span - 1) for i in range(width) if i // span % 2])
        span *= 2
    return levels


def _kogge_stone(width: int) -> list[list[tuple[int, int]]]:
    levels = []
    span = 1
    while span < width:
        levels.append([(i, i - span) for i in range(span, width)])
        span *= 2
    return levels


def _brent_kung(width: int) -> list[list[tuple[int, int]]]:
    levels = []
    span = 1
    while span < width:
        levels.append([(i, i - span) for i in range(2 * span - 1, width, 2 * span)])
        span *= 2
    while span > 1:
        span //= 2
        levels.append([(i, i - span) for i in range(3 * span - 1, width, 2 * span)])
    return [level for level in levels if level]


def _is_zero(bit: Value) -> bool:
    return isinstance(bit, Const) and bit.value == 0


def _is_one(bit: Value) -> bool:
    return isinstance(bit, Const) and bit.value == 1
