"""Which units have RTL; the golden model knows more of them."""

from hwmodel.errors import NotBuiltYetError
from hwmodel.formats import FloatFormat, Rounding, Specials
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["check_built"]


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
