"""How products of integers are cut into digits, whose products fit machine instructions.

Sums of products of digits over some pairs of columns fit 32 bits. Of operands with L digits each,
L (L + 1) / 2 products of matrices do: ``x_i y_j + x_j y_i`` is ``(x_i + x_j)(y_i + y_j) - x_i y_i -
x_j y_j`` (Karatsuba and Ofman, "Multiplication of multidigit numbers on automata", 1962). Digits
are wider, and so fewer, where each is multiplied with each.
"""

import functools
import itertools
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MOST_PAIRS", "SPLIT_PAIRS", "Plan", "Weight", "place_of_split", "plan_for"]

# Pairs of columns summed in 32 bits at most: what is read of a tile stays in the first-level cache.
MOST_PAIRS = 256
# Fewer are not worth the way to the sums of 64 bits, which takes the time of so many others.
_FEWEST_PAIRS = 8
_FLUSH = 4
_MOST_DIGITS = 4
# Pairs between two carries from one word of a sum to the other.
SPLIT_PAIRS = 256


class _Term(NamedTuple):
    """One product of matrices: which digits of the operands are added first, and its weight."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    weight: tuple[tuple[int, int], ...]  # signs and exponents of two


class Plan(NamedTuple):
    """How a product of integers is cut.

    Attributes
    ----------
    left, right : int
        Digits of the operands.
    bits : tuple of int
        Bits of a digit of each, where there is more than one.
    terms : tuple
        Products of matrices.
    pairs : int
        Pairs of columns that are summed in 32 bits.
    product : int
        Bits of a product of two numbers.
    """

    left: int
    right: int
    bits: tuple[int, int]
    terms: tuple[_Term, ...]
    pairs: int
    product: int


@functools.lru_cache(maxsize=256)
def plan_for(bits_a: int, bits_b: int) -> Plan | None:
    """The plan of the least work, for magnitudes below two to these powers, or None."""
    digits = range(1, _MOST_DIGITS + 1)
    plans = [_plain(bits_a, bits_b, x, y) for x, y in itertools.product(digits, digits)]
    plans += [_crosswise(bits_a, bits_b, count) for count in digits[1:]]
    best = [plan for plan in plans if plan is not None]
    return min(best, key=lambda plan: len(plan.terms) * (1 + _FLUSH / plan.pairs), default=None)


def _digit_bits(bits: int, count: int) -> int:
    """Bits of a digit from minus to plus half its weight, of so many in a magnitude."""
    return -(-(bits + 1) // count)


def _pairs(most_a: int, most_b: int) -> int:
    """Pairs of products of digits up to these magnitudes whose sum is within 32 bits."""
    if max(most_a, most_b) >= 1 << 15:
        return 0
    return min(MOST_PAIRS, ((1 << 31) - 1) // max(1, 2 * most_a * most_b))


def _plain(bits_a: int, bits_b: int, left: int, right: int) -> Plan | None:
    width_a, width_b = _digit_bits(bits_a, left), _digit_bits(bits_b, right)
    most_a = 1 << (bits_a if left == 1 else width_a - 1)
    most_b = 1 << (bits_b if right == 1 else width_b - 1)
    # Without digits, magnitudes are below their power of two.
    pairs = _pairs(most_a - (left == 1), most_b - (right == 1))
    terms = tuple(
        _Term((i,), (j,), ((1, i * width_a + j * width_b),))
        for i in range(left)
        for j in range(right)
    )
    enough = pairs >= _FEWEST_PAIRS
    bits = (width_a, width_b)
    return Plan(left, right, bits, terms, pairs, bits_a + bits_b) if enough else None


def _crosswise(bits_a: int, bits_b: int, count: int) -> Plan | None:
    width = _digit_bits(max(bits_a, bits_b), count)
    pairs = _pairs(1 << width, 1 << width)
    terms = []
    for i in range(count):
        weight = [(1, 2 * i * width), *((-1, (i + j) * width) for j in range(count) if j != i)]
        terms.append(_Term((i,), (i,), tuple(weight)))
    for i, j in itertools.combinations(range(count), 2):
        terms.append(_Term((i, j), (i, j), ((1, (i + j) * width),)))
    if pairs < _FEWEST_PAIRS:
        return None
    return Plan(count, count, (width, width), tuple(terms), pairs, bits_a + bits_b)


def place_of_split(plan: Plan, length: int) -> int | None:
    """Where exact sums are split into two words of 64 bits, or None where these do not do."""
    # Sums below it, over some columns, and what those before left fill a word at most.
    last = 62 - (2 * SPLIT_PAIRS - 1).bit_length() - 2 * max(plan.bits)
    top = max(exponent for term in plan.terms for _, exponent in term.weight)
    split = min(-(-(top + 1) // 2), last)
    return split if split > 0 and plan.product + (length - 1).bit_length() - split < 63 else None


class Weight(NamedTuple):
    """What a term is multiplied with: ``high * 2**split + low``, and as compiled code takes it.

    Either two numbers, or where the weight is a power of two its exponent in one of both words.
    """

    low: int
    high: int
    numbers: tuple[Any, Any, bool | None]
    vanishes: bool = False

    @classmethod
    def of(cls, weight: tuple[tuple[int, int], ...], split: int, kind: np.dtype[Any]) -> "Weight":
        high = low = 0
        for sign, exponent in weight:
            if split and exponent >= split:
                high += sign << (exponent - split)
            else:
                low += sign << exponent
        alone = (high or low) if not (high and low) else 0
        if alone > 0 and alone & (alone - 1) == 0:
            shift = alone.bit_length() - 1
            return cls(low, high, (kind.type(shift), np.int64(0), True), shift >= 8 * kind.itemsize)
        return cls(low, high, (_wrapped(low, kind), np.int64(high), None))


def _wrapped(number: int, kind: np.dtype[Any]) -> Any:
    """A number modulo the range of an integer type."""
    size = 8 * kind.itemsize
    return kind.type((number + (1 << (size - 1))) % (1 << size) - (1 << (size - 1)))
