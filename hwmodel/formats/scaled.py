"""A format with a scale of its own: the real-valued bias of Kuzmin et al., and fixed point."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray, Format
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.rounding import Request, Rounding

__all__ = ["ScaledFormat", "fixed_point", "with_maximum"]


@dataclass(frozen=True)
class ScaledFormat(Format):
    """The values of a format times a positive real number.

    Codes are those of ``x / scale``, the quotient rounded to float64, in the base format; values
    are its values times `scale`, rounded to float64. With a power of two both are exact.

    Parameters
    ----------
    base : IntFormat or FloatFormat
        The format that is scaled.
    scale : float
        The factor.
    maximum : float, optional
        The largest value as it was asked for; it names the format.

    Raises
    ------
    HwmodelError
        The scale is not positive, or values leave float64.
    """

    base: IntFormat | FloatFormat
    scale: float
    maximum: float | None = None

    def __post_init__(self) -> None:
        largest = max(abs(self.base.max_value), abs(self.base.min_value))
        if not (self.scale > 0 and math.isfinite(self.scale * largest)):
            raise HwmodelError(
                f"a scale is positive and keeps {self.base.name} within float64, but"
                f" {self.scale!r} came"
            )
        if self.scale * 2.0**self.base.lsb_exponent < 2.0**-1022:
            raise HwmodelError(f"the scale {self.scale!r} takes {self.base.name} below float64")

    @property
    def name(self) -> str:
        if self.maximum is not None:
            return f"{self.base.name}c{self.maximum!r}"
        exponent = math.frexp(self.scale)[1] - 1
        return f"{self.base.name}q{'n' if exponent > 0 else ''}{abs(exponent)}"

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.base.bits

    @property
    def is_exact(self) -> bool:
        """Whether the scale is a power of two, so that nothing but the format rounds."""
        return math.frexp(self.scale)[0] == 0.5

    @property
    def max_value(self) -> float:
        return self.base.max_value * self.scale

    @property
    def min_value(self) -> float:
        return self.base.min_value * self.scale

    @property
    def lsb_exponent(self) -> int:
        if not self.is_exact:
            raise HwmodelError(f"the values of {self.name} are no multiples of a power of two")
        return self.base.lsb_exponent + math.frexp(self.scale)[1] - 1

    @property
    def has_nan(self) -> bool:
        return self.base.has_nan

    @property
    def has_infinity(self) -> bool:
        return self.base.has_infinity

    def check_overflow(self, overflow: Any) -> None:
        self.base.check_overflow(overflow)

    def _scaled(self, x: npt.NDArray[Any], request: Request) -> npt.NDArray[np.float64]:
        nearest = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)
        if not self.is_exact and request.rounding not in nearest:
            raise HwmodelError(
                f"{self.name} has a real-valued scale, which rounds by itself: only rounding to"
                f" nearest keeps its values in place, but {request.rounding.value} came"
            )
        return np.asarray(x, np.float64) / self.scale

    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        result = self.base._quantize(self._scaled(x, request), request, random) * self.scale
        # Values of a real-valued bias are real: float32 in, the nearest float32 out.
        return result if self.is_exact else result.astype(x.dtype)

    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        return self.base._encode(self._scaled(x, request), request, random)

    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return self.base._decode(codes) * self.scale


def with_maximum(base: IntFormat | FloatFormat, maximum: float) -> ScaledFormat:
    """Format whose largest value is `maximum`.

    For a float this is the real-valued bias of Kuzmin et al. (FP8 Quantization: The Power of the
    Exponent, arXiv 2208.09225, section 3): ``b = 2**E - log2(c) + log2(2 - 2**-M) - 1`` with c
    the maximum, of a format all of whose codes are finite.

    Raises
    ------
    HwmodelError
        The maximum is not positive and finite.
    """
    if not (maximum > 0 and math.isfinite(maximum)):
        raise HwmodelError(f"the largest value of a format is positive, but {maximum!r} came")
    return ScaledFormat(base, maximum / base.max_value, float(maximum))


def fixed_point(base: IntFormat | FloatFormat, fraction_bits: int) -> ScaledFormat:
    """Base format times ``2**-fraction_bits``: for integers, Q notation."""
    if abs(fraction_bits) > 1000:
        raise HwmodelError(f"a scale of 2^{-fraction_bits} leaves float64")
    return ScaledFormat(base, 2.0**-fraction_bits)
