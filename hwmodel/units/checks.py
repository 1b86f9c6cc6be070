"""Which units cannot be, and which are not built yet, each with a sentence that says so."""

from typing import TYPE_CHECKING

from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, Rounding
from hwmodel.formats.base import shown
from hwmodel.units.accumulators import (
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
)

if TYPE_CHECKING:
    from hwmodel.units.spec import UnitSpec

__all__ = ["check_parts", "check_unit"]

_KINDS = (
    *(IntAccumulator, ExactAccumulator, FloatAccumulator),
    *(AlignedAccumulator, ChunkedAccumulator),
)


def check_parts(spec: "UnitSpec") -> None:
    """Refuse what is no format, no accumulator or no number of lanes and stages.

    Raises
    ------
    HwmodelError
        A part is of another kind.
    NotBuiltYetError
        An operand carries a scale.
    """
    for operand in (spec.a, spec.b):
        if not isinstance(operand, Format):
            raise HwmodelError(
                f"operands of a unit have formats, but {operand!r:.80} came; hwmodel.format reads"
                " their names, hwmodel.unit that of the whole"
            )
        if not isinstance(operand, IntFormat | FloatFormat):
            raise NotBuiltYetError(
                f"{operand.name} carries a scale, which stands outside a multiply-accumulate"
                " unit; name the format without it, for example e4m3"
            )
    if not isinstance(spec.accumulator, _KINDS):
        raise HwmodelError(
            "the accumulator of a unit is one of hwmodel.units, such as FloatAccumulator(fp32),"
            f" but {spec.accumulator!r:.80} came; hwmodel.units.parse_accumulator reads names"
        )
    if spec.lanes < 1 or spec.pipeline < 0:
        raise HwmodelError(
            "a unit has 1 lane or more and 0 further pipeline stages or more, but"
            f" {shown(spec.lanes)} and {shown(spec.pipeline)} came"
        )


def check_unit(spec: "UnitSpec") -> None:
    """Refuse a unit whose parts do not go together.

    Raises
    ------
    HwmodelError
        Such a unit cannot be.
    NotBuiltYetError
        Such a unit can be, but is not built yet.
    """
    if spec.overflow not in (Overflow.SATURATE, Overflow.NONFINITE, Overflow.WRAP):
        raise HwmodelError(
            "an accumulator saturates, overflows to a special code ('nonfinite') or wraps, but"
            f" {spec.overflow} came"
        )
    _check_range(spec)
    _check_accumulator(spec)
    if spec.lanes != 1:
        raise NotBuiltYetError(
            f"units of {shown(spec.lanes)} lanes are not built yet; choose lanes=1, a single MAC"
        )
    if spec.pipeline != 0:
        raise NotBuiltYetError(
            f"units with {shown(spec.pipeline)} further pipeline stages are not built yet; choose"
            " pipeline=0"
        )
    _check_rounding(spec)


def _check_accumulator(spec: "UnitSpec") -> None:
    floats = [fmt.name for fmt in (spec.a, spec.b) if isinstance(fmt, FloatFormat)]
    if isinstance(spec.accumulator, AlignedAccumulator) and len(floats) < 2:
        raise HwmodelError(
            f"an aligned adder takes products of two floats, but {spec.a.name} and {spec.b.name}"
            " came, and integers have no exponents to align; choose an accumulator such as exact"
        )
    if isinstance(spec.accumulator, ChunkedAccumulator):
        _check_chunks(spec)
    if isinstance(spec.register, FloatAccumulator):
        _check_float(spec, spec.register.format)
        return
    if spec.overflow is Overflow.NONFINITE:
        raise HwmodelError("a fixed-point accumulator wraps or saturates; it has no infinity")
    if isinstance(spec.register, IntAccumulator) and floats:
        raise HwmodelError(
            f"products of {spec.a.name} and {spec.b.name} are no integers, so they cannot be"
            f" added into {spec.accumulator.name}; choose exact, fp32 or fp16"
        )


def _check_float(spec: "UnitSpec", fmt: FloatFormat) -> None:
    if spec.overflow is Overflow.WRAP:
        raise HwmodelError("a floating-point accumulator cannot wrap; saturate or overflow")
    if spec.overflow is Overflow.NONFINITE and not fmt.has_nonfinite:
        raise HwmodelError(
            f"all codes of the accumulator {fmt.name} are finite, so it cannot overflow to"
            " infinity or NaN; choose Overflow.SATURATE"
        )
    if not fmt.has_nan and (spec.a.has_nonfinite or spec.b.has_nonfinite):
        raise HwmodelError(
            f"the accumulator {fmt.name} has no NaN, but operands of {spec.a.name} and"
            f" {spec.b.name} can be NaN or infinite; choose an accumulator with NaN, for"
            f" example {_with_nan(fmt)}"
        )


def _check_chunks(spec: "UnitSpec") -> None:
    """Refuse an inner accumulator that cannot be, or that can be NaN where the outer one cannot."""
    inner, outer = spec.inner_unit, spec.register
    if not isinstance(outer, FloatAccumulator) or outer.format.has_nan:
        return
    if not isinstance(inner.register, FloatAccumulator):
        return
    fmt = inner.register.format
    # Of finite operands only an overflow makes a NaN: where there is no infinity, or none below.
    if inner.overflow is Overflow.NONFINITE and not (fmt.has_infinity and fmt.signed):
        raise HwmodelError(
            f"a chunk's sum in {fmt.name} becomes NaN where it overflows, for which the outer"
            f" accumulator {outer.format.name} has no code; let the inner one saturate"
            f" ({inner.accumulator.name}sat) or choose an outer one with NaN, for example"
            f" {_with_nan(outer.format)}"
        )


def _check_rounding(spec: "UnitSpec") -> None:
    if spec.rounding is not Rounding.NEAREST_EVEN and not isinstance(
        spec.register, FloatAccumulator
    ):
        raise HwmodelError(
            f"sums in {spec.accumulator.name} are not rounded, so there is nothing to round"
            f" {spec.rounding.value}; leave the rounding out"
        )
    # Random numbers are given one a step: there are two roundings in a step of chunks.
    if spec.rounding is Rounding.STOCHASTIC and not isinstance(spec.accumulator, FloatAccumulator):
        raise NotBuiltYetError(
            f"sums in {spec.accumulator.name} that round stochastically are not built yet; choose a"
            " plain float such as fp16, or another rounding, for example nearest-even"
        )


def _check_range(spec: "UnitSpec") -> None:
    """Refuse formats beyond float64 but in a plain floating-point accumulator or beside one."""
    formats = [spec.a, spec.b]
    if isinstance(spec.register, FloatAccumulator):
        formats.append(spec.register.format)
    wide = [fmt.name for fmt in formats if isinstance(fmt, FloatFormat) and fmt.is_wide]
    if wide and not isinstance(spec.accumulator, FloatAccumulator):
        raise NotBuiltYetError(
            f"sums of formats beyond float64, such as {wide[0]}, in {spec.accumulator.name} are not"
            " built yet; choose fewer exponent bits, another bias, or a plain float such as fp32"
        )


def _with_nan(fmt: FloatFormat) -> str:
    """Name of a format that has NaN, like one that has none."""
    if not (fmt.exponent_bits and fmt.mantissa_bits):
        return "fp32"
    return f"{'' if fmt.signed else 'u'}e{fmt.exponent_bits}m{fmt.mantissa_bits}ieee"
