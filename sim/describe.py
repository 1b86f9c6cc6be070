"""A unit in words, for the header of its Verilog and for its sidecar."""

from dataclasses import replace

from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, Rounding, Specials
from hwmodel.units import (
    AlignedAccumulator,
    ChunkedAccumulator,
    FloatAccumulator,
    IntAccumulator,
    UnitSpec,
)

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
    accumulator = spec.accumulator
    if isinstance(accumulator, ChunkedAccumulator):
        inner = accumulator_words(spec.inner_unit)
        outer = accumulator_words(replace(spec, accumulator=accumulator.outer))
        return f"every {accumulator.length} products summed in ({inner}), the chunks in ({outer})"
    if isinstance(accumulator, AlignedAccumulator):
        rounded = accumulator_words(replace(spec, accumulator=spec.register))
        cut = "toward zero" if accumulator.cut is Rounding.TOWARD_ZERO else "down"
        return (
            f"{accumulator.terms} products and the sum before them at once, aligned to the largest"
            f" exponent and cut off {cut} to {accumulator.kept} bits; {rounded}"
        )
    if isinstance(accumulator, FloatAccumulator):
        fmt = accumulator.format
        beyond = "an infinity" if fmt.has_infinity else "NaN"
        if spec.overflow is Overflow.SATURATE:
            beyond = "the largest finite value"
        rounding = f"{spec.rounding.value} rounding once a step"
        return f"{format_words(fmt)}; {rounding}, beyond the range to {beyond}"
    beyond = "saturates" if spec.overflow is Overflow.SATURATE else "wraps"
    if isinstance(accumulator, IntAccumulator):
        return f"two's-complement integer; {beyond} beyond its range"
    field = spec.fixed_point
    words = (
        f"bits {field.width - 1}..0 are a two's-complement fixed-point number whose last bit weighs"
        f" 2^{field.lsb_exponent}; exact, with room for {accumulator.terms} products of the"
        f" extreme values; {beyond} beyond that"
    )
    if spec.has_nonfinite_flag:
        words += (
            f"; bit {field.width} is set by a NaN or infinite operand and stays set until a clear"
        )
    return words


def step_words(spec: UnitSpec) -> str:
    """What a step computes, as a formula."""
    if isinstance(spec.accumulator, AlignedAccumulator | ChunkedAccumulator):
        return f"acc = acc + a * b as {spec.accumulator.name} sums"
    rounded = isinstance(spec.accumulator, FloatAccumulator)
    return "acc = round(acc + a * b), the product exact" if rounded else "acc = acc + a * b"
