"""Multipliers: partial products of signed and unsigned integers, and whole multipliers.

Partial products are the AND array with Baugh and Wooley's signs (C. Baugh and B. Wooley, IEEE
Trans. C-22, 1973) or radix-4 Booth rows (O. MacSorley, Proc. IRE 49, 1961).
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value

from hwmodel.rtl.adders import Adder
from hwmodel.rtl.block import Block, inputs, outputs
from hwmodel.rtl.compress import Compress, Heap

__all__ = ["MULTIPLIERS", "Multiply", "PartialProducts", "add_heap"]

MULTIPLIERS = ("plain", "array", "booth")


def array_products(heap: Heap, a: Value, b: Value, signs: tuple[bool, bool]) -> list[Any]:
    """Put ``a * b`` on a heap as an array of ANDs.

    A signed operand's top bit has negative weight: products with exactly one such bit are
    subtracted, which the heap does by complement and constant. Returns what drives the bits.
    """
    assignments = []
    for i in range(len(a)):
        for j in range(len(b)):
            bit = Signal(name=f"pp_{i}_{j}")
            assignments.append(bit.eq(a[i] & b[j]))
            negative = (signs[0] and i == len(a) - 1) != (signs[1] and j == len(b) - 1)
            (heap.subtract if negative else heap.add)(bit, i + j)
    return assignments


def booth_products(heap: Heap, a: Value, b: Value, signs: tuple[bool, bool]) -> list[Any]:
    """Put ``a * b`` on a heap as radix-4 Booth rows: digits -2..2 of `b` times `a`.

    Returns what drives the bits.
    """
    assignments = []
    multiplicand = Cat(a, a[-1]) if signs[0] else Cat(a, Const(0, 2))  # room for -2a .. 2a
    top = b[-1] if signs[1] else Const(0, 1)
    digits = (len(b) + (0 if signs[1] else 1) + 1) // 2
    padded = Cat(Const(0, 1), b, *[top] * 3)  # bit -1, then b, then its extension
    for digit in range(digits):
        low, mid, high = (padded[2 * digit + k] for k in range(3))
        one, two, negative = (Signal(name=f"{n}_{digit}") for n in ("one", "two", "negative"))
        # The digit is low + mid - 2 high. For 111 (minus zero) `negative` is held at 0, so that
        # a zero digit makes no row of ones.
        assignments += [
            one.eq(mid ^ low),
            two.eq(~(mid ^ low) & (high ^ mid)),
            negative.eq(high & ~(mid & low)),
        ]
        previous: Value = Const(0, 1)
        for i in range(len(multiplicand)):
            bit = Signal(name=f"pp_{digit}_{i}")
            chosen = (one & multiplicand[i]) | (two & previous)
            assignments.append(bit.eq(chosen ^ negative))
            previous = multiplicand[i]
            weight = 2 * digit + i
            # The row is a two's-complement number: its top bit has negative weight.
            (heap.subtract if i == len(multiplicand) - 1 else heap.add)(bit, weight)
        heap.add(negative, 2 * digit)
    return assignments


class PartialProducts(Block):
    """Partial products of ``a * b`` and, where asked for, one more word: ports ``column_<i>``.

    Parameters
    ----------
    name : str
        Module name.
    widths, signs : tuple
        Widths in bits of `a` and `b`, and whether they are two's complement.
    width : int
        Columns, from weight 1 up; the sum is meant modulo ``2**width``.
    kind : str
        ``array`` or ``booth``.
    addend : bool
        Whether a word ``c`` of `width` bits goes onto the same heap.
    """

    def __init__(
        self,
        name: str,
        widths: tuple[int, int],
        signs: tuple[bool, bool],
        width: int,
        kind: str,
        addend: bool = False,
    ) -> None:
        self.widths = widths
        self.signs = signs
        self.width = width
        self.kind = kind
        self.addend = addend
        heap, _ = self._heap(Signal(widths[0]), Signal(widths[1]), Signal(width))
        self.heights = heap.heights
        self.constant = heap.constant
        columns = {f"column_{i}": height for i, height in enumerate(self.heights)}
        super().__init__(
            name,
            {
                **inputs(a=widths[0], b=widths[1], c=width if addend else 0),
                **outputs(**columns),
            },
            f"partial products of {widths[0]} x {widths[1]} bits ({kind})"
            + (" and the addend" if addend else ""),
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        heap, assignments = self._heap(self.a, self.b, self.c if self.addend else Const(0))
        m.d.comb += assignments
        for i, column in enumerate(heap.columns):
            if column:
                m.d.comb += getattr(self, f"column_{i}").eq(Cat(*column))
        return m

    def _heap(self, a: Value, b: Value, c: Value) -> tuple[Heap, list[Any]]:
        heap = Heap(self.width)
        products = booth_products if self.kind == "booth" else array_products
        assignments = products(heap, a, b, self.signs)
        if self.addend:
            heap.add_word(c)
        return heap, assignments


class Multiply(Block):
    """Product of two integers: ports ``a``, ``b``, ``product``.

    Parameters
    ----------
    widths, signs : tuple
        Widths in bits of `a` and `b`, and whether they are two's complement.
    kind : str
        One of `MULTIPLIERS`.
    adder : str
        Style of the last adder, one of `hwmodel.rtl.adders.ADDERS`.
    """

    def __init__(
        self, widths: tuple[int, int], signs: tuple[bool, bool], kind: str, adder: str
    ) -> None:
        self.widths = widths
        self.signs = signs
        self.kind = kind
        self.adder = adder
        self.width = sum(widths)
        letters = "".join("s" if sign else "u" for sign in signs)
        style = kind if kind == "plain" else f"{kind}_{adder}"
        self.stem = f"multiply_{widths[0]}x{widths[1]}{letters}_{style}"
        super().__init__(
            self.stem,
            {**inputs(a=widths[0], b=widths[1]), **outputs(product=self.width)},
            f"{widths[0]} x {widths[1]} bit multiplier ({style.replace('_', ', ')})",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self.kind == "plain":
            a = self.a.as_signed() if self.signs[0] else self.a
            b = self.b.as_signed() if self.signs[1] else self.b
            m.d.comb += self.product.eq(a * b)
            return m
        source = PartialProducts(
            f"{self.stem}_partial", self.widths, self.signs, self.width, self.kind
        )
        partial = self.place(m, platform, "partial", source)
        m.d.comb += [partial.a.eq(self.a), partial.b.eq(self.b)]
        total = add_heap(self, m, platform, source, partial, self.adder)
        m.d.comb += self.product.eq(total)
        return m


def add_heap(
    parent: Block, m: Module, platform: Any, source: PartialProducts, partial: Any, adder: str
) -> Value:
    """Place the carry-save tree and the last adder that sum the columns of `source`.

    Parameters
    ----------
    parent, m, platform
        The block that is being elaborated, its module, its platform.
    source : PartialProducts
        The block whose columns are summed.
    partial
        `source` as placed.
    adder : str
        Style of the last adder.
    """
    stem = source.module_name.removesuffix("_partial")
    tree = Compress(f"{stem}_compress", source.heights, source.constant)
    compress = parent.place(m, platform, "compress", tree)
    for i, height in enumerate(source.heights):
        if height:
            m.d.comb += getattr(compress, f"column_{i}").eq(getattr(partial, f"column_{i}"))
    known = sum(1 << i for i, two in enumerate(tree.two_high) if not two)
    last = Adder(
        f"{stem}_add", source.width, adder, known=known, known_value=tree.remaining_constant
    )
    add = parent.place(m, platform, "add", last)
    m.d.comb += [add.a.eq(compress.a), add.b.eq(compress.b)]
    return add.total
