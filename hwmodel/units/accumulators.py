"""What a unit adds into: an integer, an exact fixed-point number, or a float."""

from dataclasses import dataclass
from typing import TypeAlias

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat

__all__ = ["Accumulator", "ExactAccumulator", "FixedPoint", "FloatAccumulator", "IntAccumulator"]

# van Baalen et al. (arXiv 2303.17951) size fixed-point accumulators for 2^12 extreme products.
DEFAULT_TERMS = 4096


@dataclass(frozen=True)
class IntAccumulator:
    """A two's-complement integer of `bits` bits."""

    bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 64:
            raise HwmodelError(
                f"an integer accumulator has 2 to 64 bits, but {self.bits} came; for example int32"
            )

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return f"int{self.bits}"


@dataclass(frozen=True)
class ExactAccumulator:
    """A fixed-point (Kulisch) register wide enough for `terms` products of any operands.

    Its width and the weight of its last bit follow from the operand formats: see
    `UnitSpec.fixed_point`. Beyond `terms` products of the extreme values it may wrap.
    """

    terms: int = DEFAULT_TERMS

    def __post_init__(self) -> None:
        if self.terms < 1:
            raise HwmodelError(
                f"an exact accumulator has head-room for 1 product or more, but {self.terms} came"
            )

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return "exact" if self.terms == DEFAULT_TERMS else f"exact{self.terms}"


@dataclass(frozen=True)
class FloatAccumulator:
    """A floating-point register: the sum is rounded once each time a product is added."""

    format: FloatFormat

    @property
    def name(self) -> str:
        """Name within a unit's name."""
        return self.format.name


Accumulator: TypeAlias = IntAccumulator | ExactAccumulator | FloatAccumulator


@dataclass(frozen=True)
class FixedPoint:
    """A two's-complement fixed-point number of `width` bits, the last weighing 2**lsb_exponent."""

    width: int
    lsb_exponent: int
