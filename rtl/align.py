"""Alignment: shifters that bring a product and an accumulator to a common weight."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from hwmodel.rtl.block import Block, inputs, outputs

__all__ = ["Align", "FixedAlign", "shift_left", "shift_right_sticky"]


def shift_left(m: Module, word: Value, amount: Value, stem: str, one_hot: int = 0) -> Value:
    """Shift left without loss: the result has room for the largest amount.

    Parameters
    ----------
    m : Module
        Where the stages are written.
    word, amount : Value
        What to shift, and by how many places.
    stem : str
        Names the stages' signals.
    one_hot : int
        How many of the upper bits of `amount` are decoded into one enable for each distance, so
        that their stages become one AND-OR stage.
    """
    steps = len(amount) - one_hot
    for k in range(steps):  # from the lowest up, which keeps the early stages narrow
        step = 1 << k
        stage = Signal(len(word) + step, name=f"{stem}_{step}")
        edge = Const(0, step)
        m.d.comb += stage.eq(Mux(amount[k], Cat(edge, word), Cat(word, edge)))
        word = stage
    if one_hot == 0:
        return word
    stride, choices = 1 << steps, 1 << one_hot
    total: Value = Const(0, len(word) + stride * (choices - 1))
    for choice in range(choices):
        enable = Signal(name=f"{stem}_by_{choice * stride}")
        m.d.comb += enable.eq(amount[steps:] == choice)
        total = total | Cat(Const(0, choice * stride), word & enable.replicate(len(word)))
    return total[: len(word) + stride * (choices - 1)]


def shift_right_sticky(m: Module, word: Value, amount: Value, stem: str) -> tuple[Value, Value]:
    """Shift right; what falls off the end is gathered in one sticky bit.

    Returns the shifted word, of the same width, and the sticky bit.
    """
    width = len(word)
    stages = min(len(amount), width.bit_length())
    lost: list[Value] = []
    for k in range(stages):
        step = min(1 << k, width)
        lost.append(amount[k] & word[:step].any())
        stage = Signal(width, name=f"{stem}_{step}")
        m.d.comb += stage.eq(Mux(amount[k], word[step:], word))
        word = stage
    if len(amount) > stages:  # farther than the word is wide
        far = Signal(name=f"{stem}_far")
        m.d.comb += far.eq(amount[stages:].any())
        lost.append(far & word.any())
        word = word & (~far).replicate(width)
    return word, Cat(*lost).any()


class FixedAlign(Block):
    """Puts a product's significand where it belongs in a fixed-point word, and gives it its sign.

    Ports: ``significand``, ``amount`` (places to the left), ``sign``; ``field`` is the aligned
    magnitude, complemented where `sign` is 1 (the adder adds the missing one).

    Parameters
    ----------
    significand_bits, amount_bits : int
        Widths of the inputs.
    drop : int
        Bits at the right of the shifted word that are never set and are left out.
    width : int
        Width of `field`.
    one_hot : int
        Bits of `amount` that are shifted by in one stage of ANDs and ORs.
    """

    def __init__(
        self, significand_bits: int, amount_bits: int, drop: int, width: int, one_hot: int = 0
    ) -> None:
        self.one_hot = one_hot
        self.drop = drop
        self.width = width
        super().__init__(
            f"align_fixed_{significand_bits}to{width}",
            {
                **inputs(significand=significand_bits, amount=amount_bits, sign=1),
                **outputs(field=width),
            },
            f"shift a {significand_bits}-bit significand into a {width}-bit fixed-point field",
        )
        self.amount_bits = amount_bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        word: Value = self.significand
        if self.amount_bits:
            word = shift_left(m, word, self.amount, "shifted", self.one_hot)
        if self.drop < 0:
            word = Cat(Const(0, -self.drop), word)
        magnitude = Signal(self.width)
        m.d.comb += [
            magnitude.eq(word[max(self.drop, 0) :]),
            self.field.eq(magnitude ^ self.sign.replicate(self.width)),
        ]
        return m


class Align(Block):
    """Aligns the addend of smaller exponent to the other one, in a window of `window` bits.

    Ports: ``product``, ``accumulator`` (significands), ``swap`` (the product has the larger
    exponent), ``amount``; ``larger``, ``smaller`` (both with the weight of the hidden bit at the
    left of the window) and ``sticky``. Where `swap` is 1 the distance is ``amount + 1``.

    Parameters
    ----------
    product_bits, accumulator_bits, amount_bits, window : int
        Widths.
    keep_sticky : bool
        False plants a fault: the lost bits are forgotten.
    """

    def __init__(
        self,
        product_bits: int,
        accumulator_bits: int,
        amount_bits: int,
        window: int,
        keep_sticky: bool = True,
    ) -> None:
        self.window = window
        self.keep_sticky = keep_sticky
        super().__init__(
            f"align_{product_bits}_{accumulator_bits}_in_{window}",
            {
                **inputs(
                    product=product_bits, accumulator=accumulator_bits, swap=1, amount=amount_bits
                ),
                **outputs(larger=window, smaller=window, sticky=1),
            },
            "shift the addend of smaller exponent to the right",
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        product = Signal(self.window, name="product_wide")
        accumulator = Signal(self.window, name="accumulator_wide")
        unshifted = Signal(self.window)
        m.d.comb += [
            product[self.window - len(self.product) :].eq(self.product),
            accumulator[self.window - len(self.accumulator) :].eq(self.accumulator),
            self.larger.eq(Mux(self.swap, product, accumulator)),
            unshifted.eq(Mux(self.swap, accumulator[1:], product)),
        ]
        word, sticky = shift_right_sticky(m, unshifted, self.amount, "shifted")
        m.d.comb += [self.smaller.eq(word), self.sticky.eq(sticky if self.keep_sticky else 0)]
        return m
