"""A unit in words, for the header of its Verilog and for its sidecar."""

from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, Specials
from hwmodel.units import FloatAccumulator, IntAccumulator, UnitSpec

__all__ = ["accumulator_words", "format_words", "step_words"]

_SPECIALS = {
    Specials.IEEE: "infinities and NaNs as in IEEE 754",
    Specials.FN: "one NaN a sign (all ones), no infinity",
    Specials.FNUZ: "one NaN in place of the negative zero, no infinity",
    Specials.P3109: "one NaN in place of the negative zero, infinities at the top (IEEE P3109)",
    Specials.FINITE: "all codes finite",
}


def format_words(fmt: Format) -> str:
    """What the codes of an operand format mean."""
    if isinstance(fmt, FloatFormat):
        fields = ["sign"] if fmt.signed else []
        fields.append(f"{fmt.exponent_bits} exponent bits (bias {fmt.bias})")
        fields.append(f"{fmt.mantissa_bits} mantissa bits")
        subnormals = "subnormals" if fmt.subnormals else "no subnormals"
        return f"{fmt.name}: {', '.join(fields)}; {subnormals}; {_SPECIALS[fmt.specials]}"
    assert isinstance(fmt, IntFormat)
    kind = "two's-complement integer" if fmt.signed else "unsigned integer"
    return f"{fmt.name}: {kind}"


def accumulator_words(spec: UnitSpec) -> str:
    """What the accumulator's codes mean, and what becomes of sums that it cannot hold."""
    if isinstance(spec.accumulator, FloatAccumulator):
        fmt = spec.accumulator.format
        beyond = "an infinity" if fmt.has_infinity else "NaN"
        if spec.overflow is Overflow.SATURATE:
            beyond = "the largest finite value"
        rounding = "rounded to nearest even once a step"
        return f"{format_words(fmt)}; {rounding}, beyond the range to {beyond}"
    beyond = "saturates" if spec.overflow is Overflow.SATURATE else "wraps"
    if isinstance(spec.accumulator, IntAccumulator):
        return f"two's-complement integer; {beyond} beyond its range"
    field = spec.fixed_point
    words = (
        f"bits {field.width - 1}..0 are a two's-complement fixed-point number whose last bit weighs"
        f" 2^{field.lsb_exponent}; exact, with room for {spec.accumulator.terms} products of the"
        f" extreme values; {beyond} beyond that"
    )
    if spec.has_nonfinite_flag:
        words += (
            f"; bit {field.width} is set by a NaN or infinite operand and stays set until a clear"
        )
    return words


def step_words(spec: UnitSpec) -> str:
    """What a step computes, as a formula."""
    rounded = isinstance(spec.accumulator, FloatAccumulator)
    return "acc = round(acc + a * b), the product exact" if rounded else "acc = acc + a * b"
