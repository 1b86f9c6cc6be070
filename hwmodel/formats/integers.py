"""The quick route to integers: float32 in, by any rule, compiled.

Numbers are bounded before they are rounded; a number that wraps is no larger than float32 holds
with a fraction. Arguments that are None or True choose what a loop has, as in `adding`.
"""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import inlined, jit
from hwmodel.formats.rounding import Rounding

__all__ = ["ADDER", "MOST_BITS", "Rule", "encode", "quantize", "rule_of"]

# Integers of so many bits, and halves of one, are float32's own.
MOST_BITS = 22
# Adding 1.5 * 2**23 makes the last place of a float32 weigh one, so that its adder rounds.
ADDER = np.float32(3 << 22)


class Rule(NamedTuple):
    """Which rounding it is: up, down, to odd, to nearest (away) or by chance, else toward zero."""

    even: bool | None = None
    up: bool | None = None
    down: bool | None = None
    odd: bool | None = None
    away: bool | None = None
    chance: bool | None = None


_RULES = {
    Rounding.NEAREST_EVEN: Rule(even=True),
    Rounding.UP: Rule(up=True),
    Rounding.DOWN: Rule(down=True),
    Rounding.TO_ODD: Rule(odd=True),
    Rounding.NEAREST_AWAY: Rule(away=True),
    Rounding.STOCHASTIC: Rule(chance=True),
    Rounding.TOWARD_ZERO: Rule(),
}


def rule_of(rounding: Rounding) -> Rule:
    """The rule of a rounding."""
    return _RULES[rounding]


@inlined
def _rounded(
    value: Any,
    number: Any,
    bits: Any,
    even: Any,
    up: Any,
    down: Any,
    odd: Any,
    away: Any,
    chance: Any,
) -> Any:
    """A number rounded by the rule, a zero of either sign.

    By chance, `number` is the random one, of so many bits, at most 30.
    """
    result = np.trunc(value)
    if even is not None:
        result = np.float32(np.float32(value + ADDER) - ADDER)
    if up is not None:
        result = np.ceil(value)
    if down is not None:
        result = np.floor(value)
    if odd is not None:
        further = np.float32(result + np.copysign(np.float32(1.0), value))
        is_even = np.int32(np.int32(result) & np.int32(1)) == np.int32(0)
        result = further if is_even and result != value else result
    if away is not None:
        further = np.float32(result + np.copysign(np.float32(1.0), value))
        result = further if abs(np.float32(value - result)) >= np.float32(0.5) else result
    if chance is not None:
        further = np.float32(result + np.copysign(np.float32(1.0), value))
        fraction = np.float32(abs(np.float32(value - result)) * np.float32(np.int32(1) << bits))
        carry = np.int32(np.int32(np.int32(fraction) + np.int32(number)) >> bits)
        result = further if carry else result
    return result


@jit
def quantize(
    x: Any,
    result: Any,
    random: Any,
    random_bits: int,
    low: Any,
    high: Any,
    even: Any,
    up: Any,
    down: Any,
    odd: Any,
    away: Any,
    chance: Any,
    wrapped: Any,
) -> int:
    """Write every value of `x` rounded and clipped to `result`; returns 1 if a NaN was met.

    `wrapped` is None, or codes less one, an integer: values are taken modulo it and one, by which
    `low` and `high` differ.
    """
    saw_nan, kept = np.int32(0), np.int32(random_bits)
    for i in range(x.size):
        value = x[i]
        number = random[i] if chance is not None else random[0]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        if wrapped is None:
            value = high if value > high else value
            value = low if value < low else value
        value = _rounded(value, number, kept, even, up, down, odd, away, chance)
        if wrapped is not None:
            bottom = np.int32(low)
            value = np.float32(np.int32(np.int32(np.int32(value) - bottom) & wrapped) + bottom)
        # The sum is a zero without a sign.
        result[i] = np.float32(value + np.float32(0.0))
    return int(saw_nan)


@jit
def encode(
    x: Any,
    codes: Any,
    random: Any,
    random_bits: int,
    low: Any,
    high: Any,
    even: Any,
    up: Any,
    down: Any,
    odd: Any,
    away: Any,
    chance: Any,
    wrapped: Any,
    mask: Any,
) -> int:
    """Write the code of every value of `x` to `codes`; returns 1 if a NaN was met."""
    saw_nan, kept = np.int32(0), np.int32(random_bits)
    for i in range(x.size):
        value = x[i]
        number = random[i] if chance is not None else random[0]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        if wrapped is None:
            value = high if value > high else value
            value = low if value < low else value
        if even is not None:
            codes[i] = np.int32(np.float32(value + ADDER).view(np.int32) & mask)
        if even is None:
            value = _rounded(value, number, kept, even, up, down, odd, away, chance)
            codes[i] = np.int32(np.int32(value) & mask)
    return int(saw_nan)
