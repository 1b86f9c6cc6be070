"""Normalising: the leading one of a sum goes to the left, and the exponent follows."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["NORMALISERS", "Normalise", "leading_zeros"]

NORMALISERS = ("cascade", "count", "anticipate")


def leading_zeros(m: Module, word: Value, stem: str = "zeros") -> Value:
    """Number of zeros left of the leading one of `word`; all ones or more where there is none.

    A tree (V. Oklobdzija, IEEE Trans. VLSI 2, 1994): the word is padded at the right with ones to
    a power of two, and each level joins the counts of two halves.
    """
    width = 1 << max(len(word) - 1, 1).bit_length()
    padded = Cat(Const(-1, width - len(word)), word) if width > len(word) else word
    # Each node: (the group is all zero, count of its leading zeros).
    nodes: list[tuple[Value, list[Value]]] = [(~padded[i], []) for i in range(width)]
    while len(nodes) > 1:
        joined = []
        for (low_empty, low), (high_empty, high) in zip(nodes[::2], nodes[1::2], strict=True):
            count = [Mux(high_empty, x, y) for x, y in zip(low, high, strict=True)]
            joined.append((high_empty & low_empty, [*count, high_empty]))
        nodes = joined
    empty, count = nodes[0]
    result = Signal(len(count), name=stem)
    m.d.comb += result.eq(Cat(*count) | empty.replicate(len(count)))
    return result


class Normalise(Block):
    """Shifts a sum left until its leading one, or the smallest exponent, is reached.

    Ports: ``total`` (the sum, its top bit one place above the anchor's hidden bit), ``fill``,
    ``anchor``, ``indicator`` (where the style is ``anticipate``); ``normal`` (shifted, `fill`
    coming in from the right), ``exponent`` and ``step``: the anchor less the places shifted, plus
    the hidden bit, is ``exponent + step``.

    Parameters
    ----------
    width, exponent_bits : int
        Widths of the sum and of the exponents.
    style : str
        One of `NORMALISERS`: ``cascade`` decides each stage of the shift by looking at its own
        input (small), ``count`` counts the leading zeros beforehand (quick), ``anticipate``
        counts those of an indicator that is ready before the sum, and corrects the shift by the
        one place in which it can err (quickest).
    subnormal : bool
        Whether the shift has to stop at the smallest exponent; a cascade cannot, so ``count`` is
        built in its place.
    """

    def __init__(self, width: int, exponent_bits: int, style: str, subnormal: bool) -> None:
        self.width = width
        self.exponent_bits = exponent_bits
        self.style = "count" if style == "cascade" and subnormal else style
        self.subnormal = subnormal
        self.places_bits = (width - 1).bit_length()
        super().__init__(
            f"normalise_{width}_{self.style}",
            {
                **inputs(
                    total=width,
                    fill=1,
                    anchor=exponent_bits,
                    indicator=width - 1 if style == "anticipate" else 0,
                ),
                **outputs(normal=width, exponent=exponent_bits, step=1),
            },
            f"shift the leading one of {width} bits to the left ({self.style})",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        places, limited = Signal(self.places_bits, name="places"), Signal(name="limited")
        word: Value = self.total
        if self.style != "cascade":
            counted = self.indicator if self.style == "anticipate" else self.total
            zeros = leading_zeros(m, counted)
            m.d.comb += [
                limited.eq(zeros >= self.anchor if self.subnormal else 0),
                places.eq(Mux(limited, self.anchor, zeros)),
            ]
        for k in reversed(range(self.places_bits)):
            step = 1 << k
            if self.style == "cascade":
                m.d.comb += places[k].eq(~word[self.width - step :].any())
            word = self._stage(m, word, places[k], step)
        m.d.comb += [self.exponent.eq(self.anchor - places), self.step.eq(word[-1])]
        if self.style == "anticipate":
            short = Signal()
            m.d.comb += short.eq(~word[-1] & ~limited)
            # One place more: the hidden bit appears, and the exponent falls by as much.
            word = Mux(short, Cat(self.fill, word[:-1]), word)
        m.d.comb += self.normal.eq(word)
        return m

    def _stage(self, m: Module, word: Value, shift: Value, step: int) -> Value:
        stage = Signal(self.width, name=f"shifted_{step}")
        shifted = Cat(self.fill.replicate(step), word[: self.width - step])
        m.d.comb += stage.eq(Mux(shift, shifted, word))
        return stage
