"""Small models of units in rational arithmetic that can be told to be wrong.

They share no code with the package: they read the values that stand beside the codes in a file of
conformance vectors, so they also show that such a file can be used without it.
"""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Float:
    """A float with subnormals; beyond the largest number is infinity."""

    precision: int
    min_exponent: int
    largest: Fraction
    rounding: str = "even"
    through: "Float | None" = None  # a wrong design: rounded to this one before

    def hold(self, x):
        if self.through is not None:
            x = self.through.hold(x)
        if not isinstance(x, Fraction) or not x:
            return x
        last = Fraction(2) ** (max(exponent(x), self.min_exponent) - self.precision + 1)
        below, rest = divmod(abs(x), last)
        up = {
            "even": rest * 2 > last or (rest * 2 == last and below % 2 == 1),
            "away": rest * 2 >= last,
            "zero": False,
            "up": x > 0 and rest > 0,
        }[self.rounding]  # of the magnitude
        result = (below + up) * last
        if result > self.largest:
            result = self.largest if self.rounding == "zero" else math.inf
        return result if x > 0 else -result


@dataclass(frozen=True)
class Integer:
    """Two's complement of some bits, whose last weighs `last`."""

    bits: int
    rule: str = "wrap"

    def hold(self, x):
        half = 1 << (self.bits - 1)
        if self.rule == "saturate":
            return min(max(x, Fraction(-half)), Fraction(half - 1))
        return (x + half) % (2 * half) - half


class Unbounded:
    """Integers and fixed-point numbers of any size."""

    def hold(self, x):
        return x


UNBOUNDED = Unbounded()


FP32 = Float(24, -126, (2 - Fraction(1, 1 << 23)) * 2**127)
FP16 = Float(11, -14, Fraction(65504))
BF16 = Float(8, -126, (2 - Fraction(1, 1 << 7)) * 2**127)


def exponent(x):
    """Exponent of the highest bit of a number other than zero."""
    x = abs(x)
    guess = x.numerator.bit_length() - x.denominator.bit_length()
    return guess if Fraction(2) ** guess <= x else guess - 1


def plus(x, y):
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x + y
    if isinstance(x, float) and isinstance(y, float):
        return x + y
    return x if isinstance(x, float) else y


@dataclass(frozen=True)
class Plain:
    """One register."""

    register: object

    def start(self):
        return Fraction(0), ()

    def step(self, state, a, b):
        total = self.register.hold(plus(state[0], product(a, b)))
        return (total, ()), total


@dataclass(frozen=True)
class Chunked:
    """An inner model emptied into an outer register every `length` products."""

    length: int
    inner: object
    outer: object
    emptied: bool = True

    def start(self):
        return Fraction(0), self.inner.start(), 0

    def step(self, state, a, b):
        outer, inside, count = state
        inside, partial = self.inner.step(inside, a, b)
        shown = self.outer.hold(plus(outer, partial))
        if count + 1 < self.length:
            return (outer, inside, count + 1), shown
        return (shown, self.inner.start() if self.emptied else inside, 0), shown


@dataclass(frozen=True)
class Aligned:
    """Some products and the sum before, aligned to the largest exponent and cut off."""

    terms: int
    kept: int
    register: object
    min_exponents: tuple  # of both operands
    cut: object = math.trunc

    def start(self):
        return Fraction(0), ()

    def step(self, state, a, b):
        before, group = state
        group = (*group, (a, b))
        shown = self.register.hold(self.sum(before, group))
        return ((shown, ()) if len(group) >= self.terms else (before, group)), shown

    def sum(self, before, group):
        products = [product(a, b) for a, b in group]
        special = [x for x in (before, *products) if not isinstance(x, Fraction)]
        if special:
            total = special[0]
            for x in special[1:]:
                total = plus(total, x)
            return total
        low, high = self.min_exponents
        addends = [
            (max(exponent(a), low) + max(exponent(b), high), x)
            for (a, b), x in zip(group, products, strict=True)
            if x
        ]
        if before:
            addends.append((max(exponent(before), self.register.min_exponent), before))
        if not addends:
            return Fraction(0)
        last = Fraction(2) ** (max(top for top, _ in addends) - self.kept + 1)
        return sum((self.cut(x / last) for _, x in addends), Fraction(0)) * last


def product(a, b):
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a * b
    return math.nan if 0 in (a, b) else float(a) * float(b)


def number(text):
    """Value in a file of vectors."""
    factor, _, power = text.partition(" * 2^")
    if factor.lstrip("-") in ("nan", "inf"):
        return float(factor)
    value = Fraction(float(factor)) if "." in factor or "e" in factor else Fraction(int(factor))
    return value * Fraction(2) ** int(power or 0)


def first_mismatch(model, vectors, fault=""):
    """Place of the first vector that a model does not agree with, or None.

    `fault` is one of how it obeys clear, reset and stalls. Zeros of either sign are the same here.
    """
    state, shown = model.start(), Fraction(0)
    for place, (rst, valid, clear, a, b, expected) in enumerate(vectors):
        if rst or clear:
            count = state[-1]
            state, shown = model.start(), Fraction(0)
            if fault == "clear keeps the count" and not rst:
                state = (*state[:-1], count)
            if fault == "reset keeps the count" and rst:
                state = (*state[:-1], count)
        if valid and not rst:
            state, shown = model.step(state, a, b)
        elif fault == "stalls count" and not rst:
            state, _ = model.step(state, Fraction(0), Fraction(0))
        if shown != expected and not (shown != shown and expected != expected):
            return place
    return None


def rows(vectors):
    """What a model needs of vectors, each as (rst, valid, clear, a, b, expected)."""
    cache = {}

    def read(text):
        if text not in cache:
            cache[text] = number(text)
        return cache[text]

    return [
        (*(code == 1 for code in vector.inputs[:3]), *map(read, vector.values[3:]))
        for vector in vectors.vectors
    ]
