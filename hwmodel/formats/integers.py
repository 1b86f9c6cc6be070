"""The quick route to integers: float32 in, by any rule that leaves nothing to chance, compiled.

Numbers are bounded before they are rounded; a number that wraps is no larger than float32 holds
with a fraction. Arguments that are None or True choose what a loop has, as in `adding`.
"""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import inlined, jit
from hwmodel.formats.rounding import Rounding

__all__ = ["MOST_BITS", "Rule", "encode", "quantize", "rule_of"]

# Integers of so many bits, and halves of one, are float32's own.
MOST_BITS = 22
# Adding 1.5 * 2**23 makes the last place of a float32 weigh one, so that its adder rounds.
_ADDER = np.float32(3 << 22)


class Rule(NamedTuple):
    """Which rounding it is: up, down, to odd or to nearest (away); toward zero if none of these."""

    even: bool | None = None
    up: bool | None = None
    down: bool | None = None
    odd: bool | None = None
    away: bool | None = None


_RULES = {
    Rounding.NEAREST_EVEN: Rule(even=True),
    Rounding.UP: Rule(up=True),
    Rounding.DOWN: Rule(down=True),
    Rounding.TO_ODD: Rule(odd=True),
    Rounding.NEAREST_AWAY: Rule(away=True),
    Rounding.TOWARD_ZERO: Rule(),
}


def rule_of(rounding: Rounding) -> Rule | None:
    """The rule of a rounding, None where that takes random numbers."""
    return _RULES.get(rounding)


@inlined
def _rounded(value: Any, even: Any, up: Any, down: Any, odd: Any, away: Any) -> Any:
    """A number rounded by the rule, a zero of either sign."""
    result = np.trunc(value)
    if even is not None:
        result = np.float32(np.float32(value + _ADDER) - _ADDER)
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
    return result


@jit
def quantize(
    x: Any,
    result: Any,
    low: Any,
    high: Any,
    even: Any,
    up: Any,
    down: Any,
    odd: Any,
    away: Any,
    wrapped: Any,
) -> int:
    """Write every value of `x` rounded and clipped to `result`; returns 1 if a NaN was met.

    `wrapped` is None, or codes less one, an integer: values are taken modulo it and one, by which
    `low` and `high` differ.
    """
    saw_nan = np.int32(0)
    for i in range(x.size):
        value = x[i]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        if wrapped is None:
            value = high if value > high else value
            value = low if value < low else value
        value = _rounded(value, even, up, down, odd, away)
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
    low: Any,
    high: Any,
    even: Any,
    up: Any,
    down: Any,
    odd: Any,
    away: Any,
    wrapped: Any,
    mask: Any,
) -> int:
    """Write the code of every value of `x` to `codes`; returns 1 if a NaN was met."""
    saw_nan = np.int32(0)
    for i in range(x.size):
        value = x[i]
        saw_nan = np.int32(saw_nan | np.int32(value != value))
        if wrapped is None:
            value = high if value > high else value
            value = low if value < low else value
        if even is not None:
            codes[i] = np.int32(np.float32(value + _ADDER).view(np.int32) & mask)
        if even is None:
            value = _rounded(value, even, up, down, odd, away)
            codes[i] = np.int32(np.int32(value) & mask)
    return int(saw_nan)
