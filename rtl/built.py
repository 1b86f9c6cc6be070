"""Which units have RTL; the golden model knows more of them."""

from hwmodel.errors import NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, Overflow, Rounding, Specials
from hwmodel.units import (
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FloatAccumulator,
    IntAccumulator,
    UnitSpec,
)

__all__ = ["check_built", "check_numbers"]

_WIDEST_OPERAND = 16
_WIDEST_INTEGER = 64


def check_built(spec: UnitSpec) -> None:
    """Refuse a unit that has no RTL.

    Raises
    ------
    NotBuiltYetError
        The spec asks for more than is built.
    """
    if spec.lanes != 1:
        raise NotBuiltYetError(f"RTL of {spec.lanes} lanes is not built yet; choose lanes=1")
    if spec.pipeline != 0:
        raise NotBuiltYetError(
            f"RTL with {spec.pipeline} further pipeline stages is not built yet; choose pipeline=0"
        )
    if isinstance(spec.accumulator, AlignedAccumulator | ChunkedAccumulator):
        raise NotBuiltYetError(
            f"RTL of the accumulator {spec.accumulator.name} is not built yet; the golden model has"
            f" it (matmul, vectors); units are built with {spec.register.name}"
        )
    if spec.rounding is not Rounding.NEAREST_EVEN:
        raise NotBuiltYetError(
            f"RTL that rounds {spec.rounding.value} is not built yet; the golden model has it"
        )
    check_numbers(spec)
    formats = [spec.a, spec.b]
    if isinstance(spec.accumulator, FloatAccumulator):
        formats.append(spec.accumulator.format)
    for fmt in formats:
        # Their NaN takes the negative zero's place, which no decoder is built for.
        if isinstance(fmt, FloatFormat) and fmt.specials in (Specials.FNUZ, Specials.P3109):
            raise NotBuiltYetError(
                f"RTL for {fmt.name} is not built yet: decoders know IEEE, one-NaN (fn) and finite"
                " special codes; the golden model has it"
            )


def check_numbers(spec: UnitSpec) -> None:
    """Refuse operands and accumulators whose numbers no building block adds or multiplies.

    Raises
    ------
    NotBuiltYetError
        There are such.
    """
    _check_operands(spec)
    _check_register(spec)


def _check_operands(spec: UnitSpec) -> None:
    if isinstance(spec.a, FloatFormat) != isinstance(spec.b, FloatFormat):
        raise NotBuiltYetError(
            f"RTL of an integer and a float operand ({spec.a.name}, {spec.b.name}) is not built"
            " yet; the golden model has it; choose two integers or two floats"
        )
    for fmt in (spec.a, spec.b):
        if fmt.bits > _WIDEST_OPERAND:
            raise NotBuiltYetError(
                f"RTL for operands of more than {_WIDEST_OPERAND} bits ({fmt.name}) is not built"
                " yet; the golden model has it"
            )
        _check_range(fmt)


def _check_register(spec: UnitSpec) -> None:
    if isinstance(spec.register, FloatAccumulator):
        fmt = spec.register.format
        if not (fmt.signed and fmt.subnormals and fmt.exponent_bits >= 2 and fmt.mantissa_bits):
            raise NotBuiltYetError(
                f"RTL of the accumulator {fmt.name} is not built yet: adders have a sign,"
                " subnormals, 2 or more exponent bits and 1 or more mantissa bits; the golden model"
                " has it"
            )
        _check_range(fmt)
    if isinstance(spec.register, ExactAccumulator) and spec.overflow is Overflow.SATURATE:
        raise NotBuiltYetError(
            "RTL of an exact accumulator that saturates is not built yet; the golden model has it;"
            " give it head-room for more products instead, for example exact65536"
        )
    if isinstance(spec.register, IntAccumulator):
        least = spec.least_width
        if not least <= spec.register.bits <= _WIDEST_INTEGER:
            raise NotBuiltYetError(
                f"RTL of the accumulator {spec.register.name} is not built yet: it is too"
                f" {'narrow' if spec.register.bits < least else 'wide'} (products of {spec.a.name}"
                f" and {spec.b.name} take {least} to {_WIDEST_INTEGER} bits); the golden model has"
                " it"
            )


def _check_range(fmt: Format) -> None:
    if isinstance(fmt, FloatFormat) and fmt.is_wide:
        raise NotBuiltYetError(
            f"RTL for formats beyond float64, such as {fmt.name}, is not built yet; the golden"
            " model has it; choose fewer exponent bits or another bias"
        )
