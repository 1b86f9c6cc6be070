"""The definition of one step of a MAC, in exact rational arithmetic on single codes."""

import math
from fractions import Fraction

from hwmodel.formats import Overflow, Rounding
from hwmodel.formats.scalar import decode_scalar, encode_scalar
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["step_scalar"]


def step_scalar(
    spec: UnitSpec,
    acc: int,
    a: int,
    b: int,
    *,
    valid: bool = True,
    clear: bool = False,
    random: int = 0,
    random_bits: int = 0,
) -> int:
    """Accumulator code after one step, from the codes before it.

    Clearing sets the accumulator to (positive) zero before the product is added. Without `valid`
    no product is added.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    acc, a, b : int
        Codes of the accumulator and of the operands.
    valid, clear : bool
        The control inputs of the step.
    random, random_bits : int
        Random number of the step and its width, for a unit that rounds stochastically.

    Returns
    -------
    int
        The accumulator's next code.
    """
    if clear:
        acc = 0
    if not valid:
        return acc
    x, y = decode_scalar(spec.a, a), decode_scalar(spec.b, b)
    if isinstance(spec.accumulator, FloatAccumulator):
        return _step_float(spec, spec.accumulator, acc, x, y, (random, random_bits))
    return _step_fixed(spec, acc, x, y)


def _step_fixed(spec: UnitSpec, acc: int, x: float, y: float) -> int:
    field = spec.fixed_point
    modulus = 1 << field.width
    flag, integer = divmod(acc, modulus)
    if not (math.isfinite(x) and math.isfinite(y)):
        return modulus | integer  # the operand leaves only its mark
    product = Fraction(x) * Fraction(y) / Fraction(2) ** field.lsb_exponent
    assert product.denominator == 1, "the fixed-point step divides every product"
    if integer >= modulus // 2:
        integer -= modulus
    total = integer + int(product)
    if spec.overflow is Overflow.SATURATE:
        total = min(max(total, -modulus // 2), modulus // 2 - 1)
    return flag * modulus | total % modulus


def _step_float(
    spec: UnitSpec,
    accumulator: FloatAccumulator,
    acc: int,
    x: float,
    y: float,
    random: tuple[int, int],
) -> int:
    assert spec.overflow is not None
    fmt = accumulator.format
    before = decode_scalar(fmt, acc)
    if math.isfinite(x) and math.isfinite(y):
        exact = Fraction(x) * Fraction(y)
        sign = math.copysign(1.0, x) * math.copysign(1.0, y)
        product: Fraction | float = exact if exact else math.copysign(0.0, sign)
    else:
        product = x * y  # an infinity or NaN, by IEEE 754's rules
    if math.isfinite(before) and math.isfinite(product):
        total: Fraction | float = Fraction(before) + Fraction(product)
        if total == 0:
            # IEEE 754 section 6.3: a zero sum of addends of one sign keeps it; any other is +0,
            # or -0 where rounding goes down.
            signs = {math.copysign(1.0, before), math.copysign(1.0, product)}
            same = len(signs) == 1
            minus = min(signs) < 0 if same else spec.rounding is Rounding.DOWN
            total = -0.0 if minus else 0.0
    else:
        total = float(before) + float(product)
    code = encode_scalar(fmt, total, spec.overflow, spec.rounding, *random)
    # A unit brings out one NaN, the canonical one, also where an overflow makes it.
    return fmt.nan_code if math.isnan(decode_scalar(fmt, code)) else code
