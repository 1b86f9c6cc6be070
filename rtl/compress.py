"""Carry-save heaps: bits of many weights brought down to at most two bits of each weight.

The tree is Dadda's (L. Dadda, "Some schemes for parallel multipliers", Alta Frequenza 34, 1965):
column heights come down through 2, 3, 4, 6, 9, 13, ... and each stage adds no more than it must.
A heap also holds one constant, the sum of all ones that two's complement calls for, which is
worked into the tree where a column has room, without a cell for the constant itself.
"""

from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Module, Value

from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.cells import FullAdder, HalfAdder

__all__ = ["Compress", "Heap", "dadda_heights"]


def dadda_heights(highest: int) -> list[int]:
    """Column heights of the stages of Dadda's tree below `highest`, falling to 2."""
    heights = [2]
    while heights[-1] * 3 // 2 < highest:
        heights.append(heights[-1] * 3 // 2)
    return [height for height in reversed(heights) if height < highest]


class Heap:
    """Bits by weight, to be added modulo ``2**width``.

    Parameters
    ----------
    width : int
        Columns; bits of greater weight are dropped.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.columns: list[list[Value]] = [[] for _ in range(width)]
        self.constant = 0

    def add(self, bit: Value, weight: int) -> None:
        """Add ``bit * 2**weight``."""
        if weight < self.width:
            self.columns[weight].append(bit)

    def subtract(self, bit: Value, weight: int) -> None:
        """Subtract ``bit * 2**weight``: its complement is added, and a constant taken away."""
        self.add(~bit, weight)
        self.constant = (self.constant - (1 << weight)) % (1 << self.width)

    def add_word(self, word: Value, weight: int = 0) -> None:
        """Add an unsigned word whose lowest bit has weight ``2**weight``."""
        for place in range(len(word)):
            self.add(word[place], weight + place)

    @property
    def heights(self) -> tuple[int, ...]:
        """Bits in each column, the constant not counted."""
        return tuple(len(column) for column in self.columns)


class Compress(Block):
    """Carry-save tree: the columns of a heap down to two rows of the same sum.

    Ports ``column_<i>`` hold the bits of weight 2^i. Row ``a`` has a bit in every column that is
    not empty; row ``b`` only in the columns `two_high`; the sum of the rows and of
    `remaining_constant` equals that of the heap and `constant`, modulo 2^width.
    """

    def __init__(self, name: str, heights: Sequence[int], constant: int = 0) -> None:
        self.width = len(heights)
        self.heights = tuple(heights)
        self.constant = constant
        plan = _Tree([[None] * height for height in heights], constant, None)
        self.two_high = tuple(len(column) == 2 for column in plan.columns)
        self.remaining_constant = plan.constant
        columns = {f"column_{i}": height for i, height in enumerate(heights)}
        super().__init__(
            name,
            {**inputs(**columns), **outputs(a=self.width, b=self.width)},
            f"carry-save tree of {sum(heights)} bits in {self.width} columns (Dadda)",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        def add(name: str, bits: Sequence[Value]) -> tuple[Value, Value]:
            block = FullAdder() if len(bits) == 3 else HalfAdder()
            cell = self.place(m, platform, name, block)
            for port, bit in zip("abc", bits, strict=False):
                m.d.comb += getattr(cell, port).eq(bit)
            return cell.sum, cell.carry

        columns: list[list[Value | None]] = [
            [getattr(self, f"column_{i}")[j] for j in range(height)]
            for i, height in enumerate(self.heights)
        ]
        tree = _Tree(columns, self.constant, add)
        for i, column in enumerate(tree.columns):
            for row, bit in zip((self.a, self.b), column, strict=False):
                m.d.comb += row[i].eq(bit)
        return m


class _Tree:
    """One walk through the tree: with `cell` it builds adders, without it only counts bits."""

    def __init__(
        self,
        columns: list[list[Any]],
        constant: int,
        cell: Callable[[str, Sequence[Value]], tuple[Value, Value]] | None,
    ) -> None:
        self.columns = [list(column) for column in columns]
        self.constant = constant
        self._cell = cell
        self._cells = 0
        heights = [len(c) + (constant >> i & 1) for i, c in enumerate(columns)]
        for target in dadda_heights(max([*heights, 2])):
            self._stage(target)

    def _stage(self, target: int) -> None:
        width = len(self.columns)
        carries: list[list[Any]] = [[] for _ in range(width + 1)]
        for i, column in enumerate(self.columns):
            one = self.constant >> i & 1
            while (excess := len(column) + len(carries[i]) + one - target) > 0:
                bits = len(column)
                if excess == 1 and one and bits >= 1:
                    total, carry = self._add_one(column.pop(0))
                    one = self._use_constant(i)
                elif excess == 1 and bits >= 2:
                    total, carry = self._add(column.pop(0), column.pop(0))
                elif bits >= 3:
                    total, carry = self._add(column.pop(0), column.pop(0), column.pop(0))
                elif one and bits == 2:
                    total, carry = self._add_one(column.pop(0), column.pop(0))
                    one = self._use_constant(i)
                else:
                    raise AssertionError("a stage of Dadda's tree comes out too high")
                carries[i].append(total)
                carries[i + 1].append(carry)
            column.extend(carries[i])

    def _use_constant(self, place: int) -> int:
        self.constant &= ~(1 << place)
        return 0

    def _add(self, *bits: Any) -> tuple[Any, Any]:
        if self._cell is None:
            return None, None
        self._cells += 1
        return self._cell(f"{'fa' if len(bits) == 3 else 'ha'}_{self._cells}", bits)

    def _add_one(self, *bits: Any) -> tuple[Any, Any]:
        """Full or half adder one of whose bits is the constant 1."""
        if self._cell is None:
            return None, None
        if len(bits) == 1:
            return ~bits[0], bits[0]
        return ~(bits[0] ^ bits[1]), bits[0] | bits[1]
