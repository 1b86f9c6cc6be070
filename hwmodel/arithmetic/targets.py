"""Results that the cases of an operation aim at: where rounding to the output may err."""

import functools
import random
from collections.abc import Callable, Iterator
from fractions import Fraction

from hwmodel.formats import FloatFormat, Format, IntFormat, PowerFormat
from hwmodel.formats.scalar import magnitude_value

__all__ = ["MAX_EVERY_BITS", "Target", "bounds", "midpoints", "targets"]

MAX_EVERY_BITS = 10
"""Output formats up to this width have a case for each number and each midpoint."""

_DRAWN = 256  # numbers of a wider output that are tried besides those at powers of two

Target = tuple[str, Fraction, Fraction, Fraction]
"""Kind of case, the neighbours in the output about the wanted result, and the result."""


def targets(fmt: Format, rng: random.Random) -> Iterator[Target]:
    """Results to aim at: kind, the neighbours in the output about it, and the result itself."""
    for lower, upper in _intervals(fmt, rng):
        step = upper - lower
        largest = bounds(fmt)[1]
        rungs = [lower + step * k / 4 for k in range(5)]
        if upper > largest:
            for target in (*rungs, 2 * upper):
                yield "overflow boundary", lower, upper, target
        if _is_edge(fmt, upper) or _is_edge(fmt, lower):
            for target in rungs:
                yield "subnormal edge", lower, upper, target
        if upper.numerator & (upper.numerator - 1) == 0 and upper.denominator.bit_count() == 1:
            for target in rungs[2:]:
                yield "carry", lower, upper, target
        yield "exact", lower, upper, lower
        yield "midpoint", lower, upper, rungs[2]
        if bounds(fmt)[0] < 0:
            yield "exact", -upper, -lower, -lower
            yield "midpoint", -upper, -lower, -rungs[2]
            if upper > largest:
                for target in (*rungs, 2 * upper):
                    yield "overflow boundary", -upper, -lower, -target
    if isinstance(fmt, IntFormat) and fmt.min_value < -fmt.max_value:
        low = Fraction(fmt.min_value)  # two's complement reaches one further below zero
        for k in range(5):
            yield "overflow boundary", low - 1, low, low - Fraction(k, 4)


def midpoints(fmt: Format) -> Iterator[Target]:
    """The midpoints of all neighbours; those that came before are the same cases."""
    for lower, upper in _intervals(fmt, None):
        middle = (lower + upper) / 2
        yield "midpoint", lower, upper, middle
        if bounds(fmt)[0] < 0:
            yield "midpoint", -upper, -lower, -middle


def _is_edge(fmt: Format, bound: Fraction) -> bool:
    if not isinstance(fmt, FloatFormat) or fmt.exponent_bits == 0:
        return False
    normal = 1 << fmt.mantissa_bits
    smallest = 1 if fmt.subnormals else normal
    return bound in (magnitude_value(fmt, normal), magnitude_value(fmt, smallest))


def _intervals(fmt: Format, rng: random.Random | None) -> Iterator[tuple[Fraction, Fraction]]:
    """Neighbours of the output from zero on, the last pair with the first number beyond it.

    All of them for a narrow format or without `rng`; else those at the powers of two and some at
    random.
    """
    if isinstance(fmt, IntFormat):
        last = int(fmt.max_value)
        powers = {1 << k for k in range(last.bit_length() + 1)}
        value: Callable[[int], Fraction] = Fraction
    elif isinstance(fmt, PowerFormat):
        last, powers = fmt.max_code, {0}

        def value(code: int) -> Fraction:
            return Fraction(2) ** (code - fmt.bias)
    else:
        assert isinstance(fmt, FloatFormat)
        last = fmt.max_code
        powers = {code << fmt.mantissa_bits for code in range((last >> fmt.mantissa_bits) + 2)}
        powers |= {1 << k for k in range(fmt.mantissa_bits)} if fmt.subnormals else set()

        def value(code: int) -> Fraction:
            return magnitude_value(fmt, code)

    if rng is None or fmt.bits <= MAX_EVERY_BITS:
        chosen = set(range(last + 1))
    else:
        chosen = {code + k for code in powers for k in (-2, -1, 0, 1)} | {0, last - 1, last}
        chosen |= {rng.randrange(last + 1) for _ in range(_DRAWN)}
    for code in sorted(chosen):
        if 0 <= code <= last and value(code) < value(code + 1):
            yield value(code), value(code + 1)
        elif isinstance(fmt, FloatFormat) and code == 0:  # without subnormals: zeros, then a step
            yield Fraction(0), magnitude_value(fmt, 1 << fmt.mantissa_bits)


@functools.cache
def bounds(fmt: Format) -> tuple[Fraction, Fraction]:
    """Smallest and largest finite value."""
    if isinstance(fmt, FloatFormat):
        largest = fmt.fraction(fmt.max_code)
        return -largest if fmt.signed else Fraction(0), largest
    return Fraction(fmt.min_value), Fraction(fmt.max_value)
