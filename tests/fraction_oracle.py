"""ExMy by the textbook, in fractions: an oracle that shares nothing with the package.

A format is the ascending list of its positive values, told by the formula; a number is rounded by
finding its two neighbours in that list. Nothing is scaled, shifted or taken apart.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

ROUNDINGS = ("nearest-even", "nearest-away", "toward-zero", "up", "down", "to-odd", "stochastic")


@dataclass(frozen=True)
class Oracle:
    e: int
    m: int
    bias: int
    specials: str  # ieee, fn, fnuz, p3109, fin
    signed: bool = True
    subnormals: bool = True

    @property
    def top(self):
        """Largest finite code without its sign."""
        ones = 2 ** (self.e + self.m) - 1
        if self.specials == "ieee":
            return (2**self.e - 1) * 2**self.m - 1
        if self.specials == "p3109":
            return ones - 1 if self.signed else ones - 2
        return ones - 1 if self.specials == "fn" else ones

    @property
    def sign(self):
        return 2 ** (self.e + self.m)

    @property
    def infinity(self):
        return {"ieee": self.top + 1, "p3109": self.top + 1}.get(self.specials)

    @property
    def nan(self):
        """The NaN that is brought out."""
        if self.specials == "ieee":
            return self.top + 1 + 2 ** (self.m - 1)
        if self.specials == "fin":
            return None
        if self.specials in ("fnuz", "p3109") and self.signed:
            return self.sign
        return self.sign - 1

    def size(self, code):
        """Value of a code without its sign, by the formula, beyond the top as well."""
        field, mantissa = divmod(code, 2**self.m)
        if self.e == 0:
            field, mantissa = 0, code
        if field == 0 and not self.subnormals:
            return Fraction(0)
        hidden = 2**self.m if field else 0
        power = max(field, 1) - self.bias - self.m
        return (hidden + mantissa) * Fraction(2) ** power

    def value(self, code):
        """A fraction; the text nan, inf, -inf or -0 for what is none."""
        if code == self.nan:
            return "nan"
        negative = self.signed and code >= self.sign
        magnitude = code - self.sign if negative else code
        if magnitude > self.top:
            if magnitude == self.infinity:
                return "-inf" if negative else "inf"
            return "nan"
        size = self.size(magnitude)
        return ("-0" if negative else size) if size == 0 else (-size if negative else size)

    def encode(self, x, overflow, rounding, random=0, random_bits=0):
        """Code of a float or fraction; None where an error is due."""
        if isinstance(x, float) and math.isnan(x):
            return self.nan
        infinite = isinstance(x, float) and math.isinf(x)
        negative = math.copysign(1.0, x) < 0 if isinstance(x, float) else x < 0
        if infinite:
            magnitude = self.top + 1
        else:
            magnitude = self._nearest(abs(Fraction(x)), negative, rounding, random, random_bits)
        if infinite and self.infinity is not None and overflow != "saturate":
            magnitude = self.infinity
        elif magnitude > self.top:
            magnitude = self._beyond(overflow, negative, "infinite" if infinite else rounding)
            if magnitude is None:
                return None
        if not negative:
            return magnitude
        if not self.signed:
            if magnitude == 0:
                return 0
            return {"saturate": 0, "raise": None}.get(overflow, self.nan)
        if self.specials in ("fnuz", "p3109") and magnitude in (0, self.nan):
            return magnitude
        return magnitude + self.sign

    def _beyond(self, overflow, negative, rounding):
        if overflow == "raise":
            return None
        if overflow == "saturate":
            return self.top
        if overflow == "nan" or self.infinity is None:
            return self.nan
        toward = {"toward-zero": 0, "to-odd": 0, "up": 1, "down": -1}.get(rounding)
        reached = toward is None or toward == (-1 if negative else 1)
        return self.infinity if reached else self.top

    def _nearest(self, x, negative, rounding, random, random_bits):
        low, high = 0, self.top + 1
        if x >= self.size(high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.size(middle) <= x else (low, middle)
        if not self.subnormals and low < 2**self.m:
            low, high = 0, 2**self.m  # the codes between are zeros, too
        below, above = self.size(low), self.size(high)
        if x == below:
            return low
        share = (x - below) / (above - below)
        odd = low % 2 == 1
        up = {
            "nearest-even": share > Fraction(1, 2) or (share == Fraction(1, 2) and odd),
            "nearest-away": share >= Fraction(1, 2),
            "toward-zero": False,
            "up": not negative,
            "down": negative,
            "to-odd": not odd,
            "stochastic": share * 2**random_bits // 1 + random >= 2**random_bits,
        }[rounding]
        return high if up else low

    def overflows(self):
        """Names of the rules that the format can follow."""
        names = ["saturate", "raise"]
        names += ["nonfinite", "nan"] if self.nan is not None else []
        return names + (["infinity"] if self.infinity is not None else [])


def possible(oracle):
    """Whether there is such a format: room for its special codes and a number besides zero."""
    if oracle.e + oracle.m == 0 or (oracle.specials == "ieee" and 0 in (oracle.e, oracle.m)):
        return False
    if oracle.specials == "fnuz" and not oracle.signed:
        return False
    if not oracle.subnormals and (oracle.e == 0 or oracle.top < 2**oracle.m):
        return False
    return oracle.top >= 1
