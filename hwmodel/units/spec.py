"""The frozen description of a unit, from which everything else about it follows."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, Rounding
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
)

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
    rounding : Rounding
        Rounding of a floating-point accumulator, the inner one of a chunked one included. The
        golden model has all but stochastic rounding, RTL nearest-even.
    overflow : Overflow, optional
        What becomes of a sum beyond the accumulator. By default an integer or exact accumulator
        wraps and a float becomes infinite (NaN if it has no infinity; if all its codes are
        finite it saturates).

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
        if self.lanes < 1 or self.pipeline < 0:
            raise HwmodelError(
                "a unit has 1 lane or more and 0 further pipeline stages or more, but"
                f" {self.lanes} and {self.pipeline} came"
            )
        if self.overflow is None:
            object.__setattr__(self, "overflow", self._default_overflow())
        self._check_operands()
        self._check_accumulator()
        if self.lanes != 1:
            raise NotBuiltYetError(
                f"units of {self.lanes} lanes are not built yet; choose lanes=1, a single MAC"
            )
        if self.pipeline != 0:
            raise NotBuiltYetError(
                f"units with {self.pipeline} further pipeline stages are not built yet; choose"
                " pipeline=0"
            )
        if self.rounding is Rounding.STOCHASTIC:
            raise NotBuiltYetError(
                "units that round stochastically are not built yet; choose another rounding, for"
                " example nearest-even"
            )
        if self.rounding is not Rounding.NEAREST_EVEN and not self._rounds:
            raise HwmodelError(
                f"sums in {self.accumulator.name} are not rounded, so there is nothing to round"
                f" {self.rounding.value}; leave the rounding out"
            )

    @property
    def name(self) -> str:
        """Readable name that `parse_unit` reads back."""
        name = f"mac-{self.a.name}-{self.b.name}-{self.accumulator.name}"
        if self.overflow is Overflow.SATURATE and self._default_overflow() is not self.overflow:
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
        if isinstance(self.accumulator, AlignedAccumulator):
            return FloatAccumulator(self.accumulator.format)
        if isinstance(self.accumulator, ChunkedAccumulator):
            return self.accumulator.outer
        return self.accumulator

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
    def _rounds(self) -> bool:
        if isinstance(self.accumulator, ChunkedAccumulator):
            return isinstance(self.accumulator.outer, FloatAccumulator)
        return isinstance(self.register, FloatAccumulator)

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
        """
        if isinstance(self.register, FloatAccumulator):
            return self.register.format.decode(np.asarray(codes))
        array = np.asarray(codes, dtype=object)
        result = np.empty(array.shape, np.float64)
        for index, code in np.ndenumerate(array):
            result[index] = self._decode_fixed(int(code))
        return result

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

    def _decode_fixed(self, code: int) -> float:
        if self.has_nonfinite_flag and code >> self.fixed_point.width:
            return float("nan")
        sign = 1 << (self.fixed_point.width - 1)
        integer = (code & (sign - 1)) - (code & sign)
        return float(integer * Fraction(2) ** self.fixed_point.lsb_exponent)

    def _default_overflow(self) -> Overflow:
        if not isinstance(self.register, FloatAccumulator):
            return Overflow.WRAP
        finite = not self.register.format.has_nonfinite
        return Overflow.SATURATE if finite else Overflow.NONFINITE

    def _check_operands(self) -> None:
        for operand in (self.a, self.b):
            if not isinstance(operand, IntFormat | FloatFormat):
                raise NotBuiltYetError(
                    f"{operand.name} carries a scale, which stands outside a multiply-accumulate"
                    " unit; name the format without it, for example e4m3"
                )
        if self.overflow not in (Overflow.SATURATE, Overflow.NONFINITE, Overflow.WRAP):
            raise HwmodelError(
                f"an accumulator saturates, overflows to a special code ('nonfinite') or wraps, but"
                f" {self.overflow} came"
            )
        if isinstance(self.a, FloatFormat) != isinstance(self.b, FloatFormat):
            raise NotBuiltYetError(
                f"a unit of an integer and a float operand ({self.a.name}, {self.b.name}) is not"
                " built yet; choose two integers or two floats"
            )
        for operand in (self.a, self.b):
            _check_range(operand)
            if operand.bits > 16:
                raise NotBuiltYetError(
                    f"operands of more than 16 bits ({operand.name}) are not built yet"
                )

    def _check_accumulator(self) -> None:
        if isinstance(self.accumulator, AlignedAccumulator) and isinstance(self.a, IntFormat):
            raise HwmodelError(
                f"products of {self.a.name} and {self.b.name} are integers, which have no"
                " exponents to align; choose an integer accumulator such as int32"
            )
        if isinstance(self.accumulator, ChunkedAccumulator):
            _ = self.inner_unit  # says what is wrong with it
        if isinstance(self.register, FloatAccumulator):
            self._check_float_accumulator(self.register.format)
            return
        if self.overflow is Overflow.NONFINITE:
            raise HwmodelError("a fixed-point accumulator wraps or saturates; it has no infinity")
        if isinstance(self.accumulator, ExactAccumulator):
            if self.overflow is not Overflow.WRAP:
                raise NotBuiltYetError(
                    "an exact accumulator that saturates is not built yet; give it head-room for"
                    " more products instead, for example exact65536"
                )
            return
        if not isinstance(self.a, IntFormat):
            raise HwmodelError(
                f"products of {self.a.name} and {self.b.name} are no integers, so they cannot be"
                f" added into {self.accumulator.name}; choose exact, fp32 or fp16"
            )
        assert isinstance(self.register, IntAccumulator)
        low, high = self._product_range(0)
        needed = _signed_width(low, high)
        if self.register.bits < needed:
            raise HwmodelError(
                f"the accumulator {self.register.name} is too narrow: one product of"
                f" {self.a.name} and {self.b.name} needs {needed} bits; choose int{needed} or wider"
            )

    def _check_float_accumulator(self, fmt: FloatFormat) -> None:
        _check_range(fmt)
        if self.overflow is Overflow.WRAP:
            raise HwmodelError("a floating-point accumulator cannot wrap; saturate or overflow")
        if self.overflow is Overflow.NONFINITE and not fmt.has_nonfinite:
            raise HwmodelError(
                f"all codes of the accumulator {fmt.name} are finite, so it cannot overflow to"
                " infinity or NaN; choose Overflow.SATURATE"
            )
        if not fmt.has_nan and (self.a.has_nonfinite or self.b.has_nonfinite):
            raise HwmodelError(
                f"the accumulator {fmt.name} has no NaN, but operands of {self.a.name} and"
                f" {self.b.name} can be NaN or infinite; choose an accumulator with NaN, for"
                f" example {fmt.name}ieee"
            )
        if not fmt.signed:
            raise NotBuiltYetError(
                f"an unsigned floating-point accumulator ({fmt.name}) is not built yet"
            )
        if not fmt.subnormals or fmt.exponent_bits < 2 or fmt.mantissa_bits < 1:
            raise NotBuiltYetError(
                f"the accumulator {fmt.name} is not built yet: floating-point accumulators have"
                " subnormals, 2 or more exponent bits and 1 or more mantissa bits"
            )

    def _product_range(self, lsb_exponent: int) -> tuple[int, int]:
        """Extreme products of any two finite codes, in units of 2**lsb_exponent."""
        unit = Fraction(2) ** lsb_exponent
        products = [
            Fraction(x) * Fraction(y) / unit for x in _extremes(self.a) for y in _extremes(self.b)
        ]
        return int(min(products)), int(max(products))


def _check_range(fmt: Format) -> None:
    if isinstance(fmt, FloatFormat) and fmt.is_wide:
        raise NotBuiltYetError(
            f"units of formats beyond float64, such as {fmt.name}, are not built yet; choose fewer"
            " exponent bits or another bias (hwmodel.operation takes such formats)"
        )


def _extremes(fmt: Format) -> tuple[float, float]:
    """Smallest and largest finite value that a code can bring, whether or not it is encoded."""
    if isinstance(fmt, IntFormat) and fmt.signed and fmt.symmetric:
        # The hardware has to hold what the left-out code stands for, too.
        return decode_scalar(fmt, 1 << (fmt.bits - 1)), fmt.max_value
    return fmt.min_value, fmt.max_value


def _signed_width(low: int, high: int) -> int:
    """Bits of the narrowest two's-complement number that holds `low` and `high`."""
    return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)
