"""The definition of one step of a MAC, in exact rational arithmetic on single codes."""

import math
from fractions import Fraction

from hwmodel.arithmetic.operations import Exact, exact_product, exact_sum, exact_value
from hwmodel.formats import FloatFormat, Overflow
from hwmodel.formats.scalar import encode_scalar
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["canonical", "step_scalar"]


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
    product = exact_product(exact_value(spec.a, a), exact_value(spec.b, b))
    if isinstance(spec.accumulator, FloatAccumulator):
        return _step_float(spec, spec.accumulator, acc, product, (random, random_bits))
    return _step_fixed(spec, acc, product)


def _step_fixed(spec: UnitSpec, acc: int, product: Exact) -> int:
    field = spec.fixed_point
    modulus = 1 << field.width
    flag, integer = divmod(acc, modulus)
    if not (isinstance(product, Fraction) or product == 0):
        return modulus | integer  # the operand leaves only its mark
    steps = Fraction(product) / Fraction(2) ** field.lsb_exponent
    assert steps.denominator == 1, "the fixed-point step divides every product"
    if integer >= modulus // 2:
        integer -= modulus
    total = integer + int(steps)
    if spec.overflow is Overflow.SATURATE:
        total = min(max(total, -modulus // 2), modulus // 2 - 1)
    return flag * modulus | total % modulus


def _step_float(
    spec: UnitSpec,
    accumulator: FloatAccumulator,
    acc: int,
    product: Exact,
    random: tuple[int, int],
) -> int:
    assert spec.overflow is not None
    fmt = accumulator.format
    total = exact_sum(exact_value(fmt, acc), product, spec.rounding)
    code = encode_scalar(fmt, total, spec.overflow, spec.rounding, *random)
    return canonical(fmt, code)


def canonical(fmt: FloatFormat, code: int) -> int:
    """The code, or that of the canonical NaN for one of NaN: a unit brings out only this one."""
    value = exact_value(fmt, code)
    return fmt.nan_code if isinstance(value, float) and math.isnan(value) else code
