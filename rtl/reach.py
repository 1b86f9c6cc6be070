"""Which accumulator codes a floating-point MAC can ever hold, so that it need not expect others.

The accumulator starts at zero and takes in products of the operand formats only. So every finite
content is an integer multiple of the smallest product's unit, and stops growing where the largest
product is half a unit in the last place: a sum that large rounds back to itself.
"""

from dataclasses import dataclass
from fractions import Fraction

from hwmodel.formats import FloatFormat, Overflow
from hwmodel.rtl.decode import Numerics
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["Reach"]


@dataclass(frozen=True)
class Reach:
    """Bounds of what the accumulator holds.

    Parameters
    ----------
    unit_exponent : int
        Every finite content is an integer times two to this power.
    subnormal : bool
        Whether subnormal contents and results occur (zero apart).
    overflow : bool
        Whether a sum of finite numbers can exceed the largest finite value.
    negative_zero : bool
        Whether the content can be -0, which only a sum that rounds to zero leaves.
    top_exponent : int
        Largest exponent field of a finite content.
    nonfinite : bool
        Whether NaN or an infinity can be held.
    """

    unit_exponent: int
    subnormal: bool
    overflow: bool
    negative_zero: bool
    top_exponent: int
    nonfinite: bool

    @classmethod
    def of(cls, spec: UnitSpec) -> "Reach":
        """Bounds for a MAC with a floating-point accumulator."""
        assert isinstance(spec.accumulator, FloatAccumulator)
        fmt = spec.accumulator.format
        a, b = Numerics.of(spec.a), Numerics.of(spec.b)
        unit = a.exponent_min + a.scale + b.exponent_min + b.scale
        largest = _largest(spec.a) * _largest(spec.b)
        # At 2^k an addend of half a unit in the last place, 2^(k - mantissa - 1), is a tie that
        # goes to the even significand, 2^k itself.
        k = fmt.mantissa_bits + 1 + _ceil_log2(largest)
        overflow = Fraction(2) ** k > Fraction(fmt.max_value)
        finite_top = fmt.max_code >> fmt.mantissa_bits
        return cls(
            unit_exponent=max(unit, fmt.lsb_exponent),
            subnormal=unit < fmt.min_exponent,
            overflow=overflow,
            negative_zero=unit < fmt.lsb_exponent,
            top_exponent=finite_top if overflow else min(finite_top, k + fmt.bias),
            nonfinite=spec.a.has_nonfinite
            or spec.b.has_nonfinite
            or (overflow and spec.overflow is Overflow.NONFINITE),
        )


def _largest(fmt: object) -> Fraction:
    """Largest magnitude of a finite code."""
    if isinstance(fmt, FloatFormat):
        return Fraction(fmt.max_value)
    bits, signed = fmt.bits, fmt.signed  # type: ignore[attr-defined]
    return Fraction(2 ** (bits - 1) if signed else 2**bits - 1)


def _ceil_log2(x: Fraction) -> int:
    """Smallest k with x <= 2**k."""
    k = x.numerator.bit_length() - x.denominator.bit_length() - 1
    while Fraction(2) ** k < x:
        k += 1
    return k
