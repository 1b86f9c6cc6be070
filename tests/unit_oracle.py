"""Units by the textbook, in fractions: what a sum in any accumulator is, told by `fraction_oracle`.

Nothing of the package is used but to name a unit.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from fraction_oracle import Oracle, possible

SPECIALS = ("ieee", "fn", "fnuz", "p3109", "fin")
FP32, TF32, FP16, BF16 = (
    Oracle(e, m, 2 ** (e - 1) - 1, "ieee") for e, m in ((8, 23), (8, 10), (5, 10), (8, 7))
)


@dataclass(frozen=True)
class Integer:
    bits: int
    signed: bool = True
    symmetric: bool = False

    @property
    def name(self):
        return f"{'' if self.signed else 'u'}int{self.bits}{'sym' if self.symmetric else ''}"

    def value(self, code):
        negative = self.signed and code >= 2 ** (self.bits - 1)
        return Fraction(code - 2**self.bits if negative else code)


def name_of(fmt):
    """Full name of a format, every part spelled out."""
    if isinstance(fmt, Integer):
        return fmt.name
    bias = f"b{'n' if fmt.bias < 0 else ''}{abs(fmt.bias)}"
    flush = "" if fmt.subnormals else "nosub"
    return f"{'' if fmt.signed else 'u'}e{fmt.e}m{fmt.m}{bias}{fmt.specials}{flush}"


def bits_of(fmt):
    return fmt.bits if isinstance(fmt, Integer) else fmt.signed + fmt.e + fmt.m


def number(fmt, code):
    """Value of a code: a fraction, or a float for what is none."""
    value = fmt.value(code)
    if value == 0 and not isinstance(value, str):
        return 0.0
    return float(value) if isinstance(value, str) else value


def sign(x):
    return math.copysign(1.0, x) if isinstance(x, float) else (-1.0 if x < 0 else 1.0)


def finite(x):
    return isinstance(x, Fraction) or math.isfinite(x)


def times(x, y):
    if finite(x) and finite(y):
        return Fraction(x) * Fraction(y) or math.copysign(0.0, sign(x) * sign(y))
    if x == 0 or y == 0 or x != x or y != y:
        return math.nan
    return math.copysign(math.inf, sign(x) * sign(y))


def plus(x, y, rounding):
    if not (finite(x) and finite(y)):
        specials = [v for v in (x, y) if not finite(v)]
        return specials[0] if len(specials) == 1 else specials[0] + specials[1]
    total = Fraction(x) + Fraction(y)
    if total:
        return total
    if x == 0 and sign(x) == sign(y):
        return math.copysign(0.0, sign(x))
    return -0.0 if rounding == "down" else 0.0


@dataclass
class Unit:
    """A unit: operands, and an accumulator that is a float or has so many bits from `lsb` on."""

    a: object
    b: object
    acc: object  # an Oracle, or the number of bits
    rounding: str = "nearest-even"
    saturates: bool = False
    lsb: int = 0
    random_bits: int = 0

    def step(self, code, x, y, random=0):
        product = times(number(self.a, x), number(self.b, y))
        if isinstance(self.acc, Oracle):
            return rounded(self, plus(number(self.acc, code), product, self.rounding), random)
        size = 2**self.acc
        flag, old = divmod(code, size)
        if not finite(product):
            return size + old
        signed = old - size if old >= size // 2 else old
        total = signed + Fraction(product) / Fraction(2) ** self.lsb
        assert total.denominator == 1
        return flag * size + fixed(self.acc, int(total), self.saturates)


def rounded(unit, total, random=0):
    """Code of a sum in a float accumulator; a NaN is the one that is brought out."""
    acc = unit.acc
    rule = "saturate" if unit.saturates or acc.nan is None else "nonfinite"
    code = acc.encode(total, rule, unit.rounding, random, unit.random_bits)
    return acc.nan if acc.value(code) == "nan" else code


def fixed(bits, total, saturates):
    """Code of a sum in an integer that wraps or saturates."""
    half = 2 ** (bits - 1)
    return max(-half, min(half - 1, total)) % 2**bits if saturates else total % 2**bits


@dataclass
class Chunks:
    """A chunked accumulator: the inner unit, and the outer accumulator as a unit of its own."""

    length: int
    inner: Unit
    outer: Unit

    def dot(self, a, b):
        total = 0
        for start in range(0, len(a), self.length):
            part = slice(start, start + self.length)
            total = self.add(total, dot(self.inner, a[part], b[part]))
        return total

    def add(self, total, chunk):
        value = self.value(chunk)
        acc = self.outer.acc
        if isinstance(acc, Oracle):
            return rounded(self.outer, plus(number(acc, total), value, self.outer.rounding))
        signed = total - 2**acc if total >= 2 ** (acc - 1) else total
        return fixed(acc, signed + int(value), self.outer.saturates)

    def value(self, chunk):
        if isinstance(self.inner.acc, Oracle):
            return number(self.inner.acc, chunk)
        flag, code = divmod(chunk, 2**self.inner.acc)
        if flag:
            return math.nan
        signed = code - 2**self.inner.acc if code >= 2 ** (self.inner.acc - 1) else code
        return signed * Fraction(2) ** self.inner.lsb or 0.0


@dataclass
class Aligned(Unit):
    """An adder of so many terms that are aligned and cut to so many bits."""

    terms: int = 1
    kept: int = 2
    down: bool = False

    def dot(self, a, b):
        code = 0
        for start in range(0, len(a), self.terms):
            part = slice(start, start + self.terms)
            code = self.add(code, list(zip(a[part], b[part], strict=True)))
        return code

    def add(self, code, pairs):
        pairs = [(number(self.a, x), number(self.b, y)) for x, y in pairs]
        before = number(self.acc, code)
        values = [(before, exponent(self.acc, before))]
        values += [(times(x, y), exponent(self.a, x) + exponent(self.b, y)) for x, y in pairs]
        if not all(finite(value) for value, _ in values):
            total = sum(value for value, _ in values if not finite(value))
            return rounded(self, total)
        values = [(value, place) for value, place in values if value]
        unit = Fraction(2) ** (max((place for _, place in values), default=0) - self.kept + 1)
        whole = [
            value // unit if self.down or value > 0 else -(-value // unit) for value, _ in values
        ]
        return rounded(self, sum(whole) * unit or 0.0)


def exponent(fmt, x):
    """Exponent of a number that is not normalised; of what is none anything."""
    if not finite(x) or x == 0:
        return 0
    lowest = 1 - fmt.bias
    while Fraction(2) ** (lowest + 1) <= abs(x):
        lowest += 1
    return lowest


def dot(unit, a, b):
    if isinstance(unit, Chunks | Aligned):
        return unit.dot(a, b)
    code = 0
    for x, y in zip(a, b, strict=True):
        code = unit.step(code, x, y)
    return code


def random_operand(rng, wide=0.2):
    """Integer or float of any kind, up to 16 bits, or wider ones for a share `wide`."""
    if rng.random() < 0.3:
        bits = rng.randint(17, 32) if rng.random() < wide else rng.randint(2, 16)
        kind = rng.choice(("int", "uint", "sym"))
        return Integer(bits, kind != "uint", kind == "sym")
    if rng.random() < wide:
        return rng.choice((FP32, TF32, FP16, BF16))
    return random_float(rng)


def random_float(rng, widest=8):
    while True:
        e, m = rng.randint(0, widest), rng.randint(0, 10)
        bias = (2**e // 2 - 1 if e else 0) + rng.choice((0, 0, 0, rng.randint(-20, 20)))
        specials = rng.choice(SPECIALS)
        fmt = Oracle(e, m, bias, specials, rng.random() < 0.85, rng.random() < 0.8)
        if possible(fmt) and 2 <= bits_of(fmt) <= 16:
            return fmt


def codes(rng, fmt, count, share=0.03):
    """Codes of all kinds; NaNs and infinities are few, so that sums live for some steps."""
    result = []
    while len(result) < count:
        code = rng.choice(
            (rng.randrange(2 ** bits_of(fmt)), rng.randrange(2 ** bits_of(fmt)), 0, 1)
        )
        if finite(number(fmt, code)) or rng.random() < share:
            result.append(code)
    return result
