"""The quick route of powers of two by all other roundings, stochastic too: float32 in, compiled.

A float32's exponent field is the code but for the bias, and the bits after it say whether the next
power is taken. Between 2^-127 and 2^-126 float32's bits count from nothing: doubled, less the bit
of 2^-126, they are those of a number with the exponent field 0.

Arguments that are None or True choose what a loop has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import inlined, jit
from hwmodel.formats.plan import BIAS, INFINITY, MAGNITUDE, MANTISSA, NAN
from hwmodel.formats.rounding import Rounding

__all__ = ["kind", "rule", "write"]

_INT = np.int32
_NORMAL = 1 << MANTISSA


def rule(bias: int, max_code: int, nan_code: int, saturates: bool) -> npt.NDArray[np.int32]:
    """Constants for compiled code; float32 is to hold all values.

    Parameters are those of `nearest_powers.rule`.
    """
    over, below = (max_code, 0) if saturates else (nan_code, nan_code)
    return np.array([bias - BIAS, max_code, nan_code, over, below], np.int32)


def kind(rounding: Rounding) -> tuple[bool | None, ...]:
    """Whether rounding is up, to odd, to nearest (away), by chance."""
    rules = (Rounding.UP, Rounding.TO_ODD, Rounding.NEAREST_AWAY, Rounding.STOCHASTIC)
    return tuple(True if rounding is one else None for one in rules)


@inlined
def _code(
    number: Any, rule: Any, chance: Any, kept: Any, up: Any, odd: Any, away: Any, by_chance: Any
) -> Any:
    """Code of a number's bits."""
    move, max_code, nan_code, over, below = rule
    magnitude = _INT(number & _INT(MAGNITUDE))
    low = _INT(_INT(magnitude + magnitude) - _INT(_NORMAL))
    pattern = magnitude if magnitude >= _INT(_NORMAL) else low
    code = _INT(_INT(pattern >> _INT(MANTISSA)) + move)
    rest = _INT(pattern & _INT(_NORMAL - 1))
    more = _INT(0)
    if up is not None:
        more = _INT(rest != _INT(0))
    if odd is not None:
        more = _INT(_INT(rest != _INT(0)) & _INT(~code))
    if away is not None:
        more = _INT(rest >> _INT(MANTISSA - 1))
    if by_chance is not None:
        wider = max(_INT(kept - _INT(MANTISSA)), _INT(0))
        narrower = max(_INT(_INT(MANTISSA) - kept), _INT(0))
        first = _INT(_INT(rest << wider) >> narrower)
        more = _INT(_INT(first + chance) >> kept)
    # What is below all numbers, zero too, becomes the least.
    result = _INT(code + more) if code >= _INT(0) else _INT(0)
    result = over if result > max_code else result
    result = over if magnitude == _INT(INFINITY) else result
    result = below if number < _INT(0) and magnitude != _INT(0) else result
    return nan_code if magnitude > _INT(INFINITY) else result


@jit
def write(
    rule: Any,
    bits: Any,
    out: Any,
    random: Any,
    random_bits: int,
    valued: Any,
    up: Any,
    odd: Any,
    away: Any,
    by_chance: Any,
) -> None:
    """Write the codes of the bits of float32, or, if `valued` is True, the values' bits.

    By chance there is a random number of at most 30 bits for each.
    """
    numbers = rule[0], rule[1], rule[2], rule[3], rule[4]
    kept, chance = _INT(random_bits), _INT(0)
    for i in range(bits.size):
        if by_chance is not None:
            chance = _INT(random[i])
        result = _code(bits[i], numbers, chance, kept, up, odd, away, by_chance)
        if valued is not None:
            field = _INT(result - numbers[0])
            value = _INT(field << _INT(MANTISSA)) if field > _INT(0) else _INT(_NORMAL >> 1)
            result = _INT(NAN) if result == numbers[2] else value
        out[i] = result
