"""The frozen description of a unit, from which everything else about it follows."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, IntFormat, Overflow, Rounding
from hwmodel.formats.carrier import as_integer
from hwmodel.formats.rounding import choice
from hwmodel.formats.scalar import decode_scalar
from hwmodel.units.accumulators import (
    Accumulator,
    AlignedAccumulator,
    ChunkedAccumulator,
    ExactAccumulator,
    FixedPoint,
    FloatAccumulator,
    IntAccumulator,
    PlainAccumulator,
    default_overflow,
    register_of,
)
from hwmodel.units.checks import check_parts, check_unit
from hwmodel.units.readout import fixed_values

__all__ = ["UnitSpec"]


@dataclass(frozen=True)
class UnitSpec:
    """A multiply-accumulate unit: ``acc = round(acc + a * b)``, the product exact.

    Parameters
    ----------
    a, b : Format
        Operand formats.
    accumulator : Accumulator
        What the unit adds into, and in which order: one register (`IntAccumulator`,
        `ExactAccumulator`, `FloatAccumulator`), a narrow one emptied into a wide one
        (`ChunkedAccumulator`), or many products at once (`AlignedAccumulator`).
    lanes : int
        Products a cycle. Only 1 is built.
    pipeline : int
        Register stages beyond the operand and accumulator registers. Only 0 is built.
    rounding : Rounding or str
        Rounding of a floating-point accumulator, the inner one of a chunked one included. RTL has
        nearest-even only.
    overflow : Overflow or str, optional
        What becomes of a sum beyond the accumulator. By default an integer or exact accumulator
        wraps and a float becomes infinite (NaN if it has no infinity; if all its codes are
        finite it saturates). A rounding toward zero or to odd, and one up or down that leads away
        from the infinity, stops at the largest finite value instead, but only where the format has
        an infinity (IEEE 754-2019, section 7.4): without one such a sum is NaN, too.

    Raises
    ------
    HwmodelError
        Such a unit cannot be, or its accumulator is too narrow.
    NotBuiltYetError
        Such a unit can be, but is not built yet.
    """

    a: Format
    b: Format
    accumulator: Accumulator
    lanes: int = 1
    pipeline: int = 0
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow | None = None

    def __post_init__(self) -> None:
        for field, what in (("lanes", "the number of lanes"), ("pipeline", "that of stages")):
            number = int(as_integer(getattr(self, field), f"{what} of a unit"))
            object.__setattr__(self, field, number)
        object.__setattr__(self, "rounding", choice(Rounding, self.rounding))
        check_parts(self)
        overflow = default_overflow(self.accumulator) if self.overflow is None else self.overflow
        object.__setattr__(self, "overflow", choice(Overflow, overflow))
        check_unit(self)

    @property
    def name(self) -> str:
        """Readable name that `parse_unit` reads back."""
        name = f"mac-{self.a.name}-{self.b.name}-{self.accumulator.name}"
        saturates = self.overflow is Overflow.SATURATE
        if saturates and default_overflow(self.accumulator) is not Overflow.SATURATE:
            name += "sat"
        if self.lanes != 1:
            name += f"-lanes{self.lanes}"
        if self.pipeline:
            name += f"-stages{self.pipeline}"
        if self.rounding is not Rounding.NEAREST_EVEN:
            name += f"-{self.rounding.value.replace('-', '')}"
        return name

    @property
    def identifier(self) -> str:
        """The name as a Verilog, Python or file name: underscores for hyphens."""
        return self.name.replace("-", "_")

    @property
    def register(self) -> PlainAccumulator:
        """The accumulator as which the unit's code reads: that of the sum, the outer one."""
        return register_of(self.accumulator)

    @cached_property
    def inner_unit(self) -> "UnitSpec":
        """Unit that sums one chunk of a chunked accumulator.

        Raises
        ------
        HwmodelError
            The accumulator is not chunked.
        """
        if not isinstance(self.accumulator, ChunkedAccumulator):
            raise HwmodelError(f"{self.name} has no chunked accumulator, so no inner unit")
        inner = self.accumulator.inner
        floats = isinstance(inner, FloatAccumulator | AlignedAccumulator)
        rounding = self.rounding if floats else Rounding.NEAREST_EVEN
        overflow = self.accumulator.inner_overflow
        return UnitSpec(self.a, self.b, inner, rounding=rounding, overflow=overflow)

    @property
    def has_nonfinite_flag(self) -> bool:
        """Whether the accumulator carries a sticky bit for NaN and infinite operands.

        A fixed-point register has no code for them, so an exact unit whose operands have such
        codes keeps the fact in one more bit, above the fixed-point field.
        """
        exact = isinstance(self.register, ExactAccumulator)
        return exact and (self.a.has_nonfinite or self.b.has_nonfinite)

    @property
    def accumulator_bits(self) -> int:
        """Width of the accumulator's code."""
        if isinstance(self.register, FloatAccumulator):
            return self.register.format.bits
        return self.fixed_point.width + self.has_nonfinite_flag

    @cached_property
    def fixed_point(self) -> FixedPoint:
        """Fixed-point field of an integer or exact accumulator.

        For an exact one: the last bit weighs as much as the smallest product of the formats'
        steps, and the width is the smallest that holds `terms` times the extreme products.

        Raises
        ------
        HwmodelError
            The accumulator is a float.
        """
        if isinstance(self.register, IntAccumulator):
            return FixedPoint(self.register.bits, 0)
        if isinstance(self.register, FloatAccumulator):
            raise HwmodelError(f"{self.name} has a floating-point accumulator, no fixed point")
        lsb = self.a.lsb_exponent + self.b.lsb_exponent
        low, high = self._product_range(lsb)
        width = _signed_width(low * self.register.terms, high * self.register.terms)
        return FixedPoint(width, lsb)

    def decode_accumulator(self, codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of accumulator codes, to the nearest float64 (exact up to 53 bits).

        Parameters
        ----------
        codes : array_like of int
            Accumulator codes, any shape; Python integers where they are wider than 64 bits.

        Returns
        -------
        ndarray of float64
            Same shape; NaN where the sticky non-finite bit is set.

        Raises
        ------
        HwmodelError
            A code is not an integer, negative, or needs more than `accumulator_bits` bits; or its
            value is beyond float64.
        """
        if isinstance(self.register, FloatAccumulator):
            return self.register.format.decode(codes)
        return fixed_values(self, codes)

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain values, for sidecars and provenance."""
        accumulator: dict[str, Any] = {
            "kind": type(self.accumulator).__name__.removesuffix("Accumulator").lower(),
            "bits": self.accumulator_bits,
        }
        if isinstance(self.register, FloatAccumulator):
            accumulator["format"] = self.register.format.name
        else:
            accumulator["fixed_point"] = {
                "width": self.fixed_point.width,
                "lsb_exponent": self.fixed_point.lsb_exponent,
            }
            accumulator["nonfinite_flag"] = self.has_nonfinite_flag
        if isinstance(self.accumulator, ExactAccumulator):
            accumulator["terms"] = self.accumulator.terms
        if isinstance(self.accumulator, AlignedAccumulator):
            accumulator["terms"] = self.accumulator.terms
            accumulator["kept"] = self.accumulator.kept
            accumulator["cut"] = self.accumulator.cut.value
        if isinstance(self.accumulator, ChunkedAccumulator):
            accumulator["length"] = self.accumulator.length
            accumulator["inner"] = self.inner_unit.to_dict()["accumulator"]
            accumulator["inner_overflow"] = self.inner_unit.overflow.value  # type: ignore[union-attr]
        assert self.overflow is not None
        return {
            "name": self.name,
            "a": self.a.name,
            "b": self.b.name,
            "accumulator": accumulator,
            "lanes": self.lanes,
            "pipeline": self.pipeline,
            "rounding": self.rounding.value,
            "overflow": self.overflow.value,
        }

    @property
    def least_width(self) -> int:
        """Bits of the narrowest fixed-point field that holds each product."""
        return _signed_width(*self._product_range(self.fixed_point.lsb_exponent))

    def _product_range(self, lsb_exponent: int) -> tuple[int, int]:
        """Extreme products of any two finite codes, in units of 2**lsb_exponent."""
        unit = Fraction(2) ** lsb_exponent
        products = [
            Fraction(x) * Fraction(y) / unit for x in _extremes(self.a) for y in _extremes(self.b)
        ]
        return int(min(products)), int(max(products))


def _extremes(fmt: Format) -> tuple[float, float]:
    """Smallest and largest finite value that a code can bring, whether or not it is encoded."""
    if isinstance(fmt, IntFormat) and fmt.signed and fmt.symmetric:
        # The hardware has to hold what the left-out code stands for, too.
        return decode_scalar(fmt, 1 << (fmt.bits - 1)), fmt.max_value
    return fmt.min_value, fmt.max_value


def _signed_width(low: int, high: int) -> int:
    """Bits of the narrowest two's-complement number that holds `low` and `high`."""
    return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)
