"""How the sums of an aligned adder are rounded, one by one and many at a time, compiled."""

from typing import Any, NamedTuple

import numpy as np

from hwmodel.compiled import bits_of, float_of, inner
from hwmodel.formats.kernels import Layout, code_of, power_of_two, value_of

__all__ = ["NO_EXPONENT", "STORED", "Rule", "exponent_in", "round_all", "rounded"]

# Exponent of a zero, lower than that of any number even when another is added.
NO_EXPONENT = -(1 << 20)
# Bits of float64's mantissa, and the place of its exponent.
STORED = 52
_FIELD = 0x7FF << STORED


class Rule(NamedTuple):
    """An aligned adder for compiled code.

    `batch`: cut addends whose sum int32 holds. `wide`: sums have more bits than float64.
     `down` says how bits are cut off. `nearest`: rounding
    is to nearest even. Sums up to `limit` are rounded by a power of two that is added and taken
    away: `lift` is what is added to an exponent field of float64 to make it, `least` the smallest
    one.
    """

    layout: Layout
    terms: int
    kept: int
    batch: int
    wide: bool
    down: bool
    rounding: int
    overflow: int
    nearest: bool
    lift: int
    least: float
    limit: float


@inner
def exponent_in(rule: Rule, value: Any) -> Any:
    """Exponent of the accumulator's value."""
    if value == 0.0:
        return NO_EXPONENT
    bits = np.int64(np.float64(value).view(np.int64) & 0x7FFFFFFFFFFFFFFF)
    return max((bits >> 52) - 1023, rule.layout.min_exponent)


@inner
def rounded(rule: Rule, total: Any, last: Any) -> Any:
    """Code of a sum in units of its last place; the canonical NaN where it overflows to one."""
    value = 0.0 if total == 0.0 else total * power_of_two(last)
    code, _ = code_of(rule.layout, value, rule.rounding, rule.overflow, 0, 0)
    return rule.layout.nan_code if np.isnan(value_of(rule.layout, code)) else code


@inner
def round_all(rule: Rule, total: Any, top: Any, acc: Any, value: Any) -> None:
    """Round sums into `acc`; what ran over there stays as it is. `value` is for the work."""
    odd = False
    for j in range(acc.size):
        last = top[j] - rule.kept + 1 if top[j] > NO_EXPONENT // 2 else 0
        exact = total[j] * power_of_two(last) + 0.0  # a sum of nothing is plus zero
        adder = float_of((bits_of(exact) & _FIELD) + rule.lift, exact)
        adder = adder if adder > rule.least else rule.least
        near = (exact + adder) - adder
        value[j] = float_of(bits_of(near) | (bits_of(exact) ^ bits_of(abs(exact))), exact)
        # Compared with what is no number, all is odd.
        odd |= not (abs(near) <= rule.limit and abs(acc[j]) < np.inf)
        odd |= not (rule.nearest or near == exact)
    if not odd:
        for j in range(acc.size):  # a slice would bring along the words of an error
            acc[j] = value[j]
        return
    for j in range(acc.size):
        if np.isfinite(acc[j]):
            last = top[j] - rule.kept + 1 if top[j] > NO_EXPONENT // 2 else 0
            exact = total[j] * power_of_two(last)
            if abs(value[j]) <= rule.limit and (rule.nearest or value[j] == exact):
                acc[j] = value[j]
            else:
                acc[j] = value_of(rule.layout, rounded(rule, total[j], last))
