"""A format with a scale of its own: the real-valued bias of Kuzmin et al., and fixed point."""

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray, Format
from hwmodel.formats.carrier import are_below, as_real
from hwmodel.formats.floating import FloatFormat, default_bias
from hwmodel.formats.integer import IntFormat
from hwmodel.formats.rounding import Request, Rounding

if TYPE_CHECKING:
    from hwmodel.formats.quotients import Quotients

__all__ = ["ScaledFormat", "fixed_point", "with_maximum"]

# Powers of two that leave float32 the values of integers.
_NEAR = 100
_SMALLEST_NORMAL = 2.0**-1022


@dataclass(frozen=True)
class ScaledFormat(Format):
    """The values of a format times a positive real number.

    With a power of two the values are exact: those of a floating-point format with another bias,
    or of fixed point. With any other scale, codes are those of ``x / scale``, the quotient rounded
    to float64, in the base format; values are its values times `scale`, rounded to float64.

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
        The scale is no positive normal number, or it takes the largest value beyond float64.
    """

    base: IntFormat | FloatFormat
    scale: float
    maximum: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.base, IntFormat | FloatFormat):
            raise HwmodelError(
                f"what is scaled is an IntFormat or a FloatFormat, but {self.base!r} came; for"
                " example hwmodel.format('e4m3')"
            )
        object.__setattr__(self, "scale", as_real(self.scale, "the scale of a format"))
        if not (math.isfinite(self.scale) and self.scale >= _SMALLEST_NORMAL):
            raise HwmodelError(
                f"a scale is a positive number that float64 holds to its full precision, but"
                f" {self.scale!r} came"
            )
        if self.rebiased is not None:
            return
        if self.maximum is None and not self.is_exact:
            raise HwmodelError(
                f"a scale that is no power of two, such as {self.scale!r}, is named by the largest"
                f" value that it leads to; write {self.base.name}c and that value (e4m3c2.5)"
            )
        largest = max(abs(self.base.max_value), abs(self.base.min_value)) * self.scale
        if not _SMALLEST_NORMAL <= largest < math.inf:
            raise HwmodelError(
                f"the scale {self.scale!r} takes the largest value of {self.base.name} out of"
                " float64's range"
            )

    @functools.cached_property
    def rebiased(self) -> FloatFormat | None:
        """The floating-point format that this is, if the scale only moves its bias."""
        if not (self.is_exact and isinstance(self.base, FloatFormat)):
            return None
        return dataclasses.replace(self.base, bias=self.base.bias - self._scale_exponent)

    @property
    def _scale_exponent(self) -> int:
        return math.frexp(self.scale)[1] - 1

    @property
    def name(self) -> str:
        if self.maximum is not None:
            base = self.base
            if isinstance(base, FloatFormat) and base.is_wide:  # the maximum says it all
                usual = default_bias(base.exponent_bits, base.specials)
                base = dataclasses.replace(base, bias=usual)
            return f"{base.name}c{self.maximum!r}"
        exponent = self._scale_exponent
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
        return self.rebiased.max_value if self.rebiased else self.base.max_value * self.scale

    @property
    def min_value(self) -> float:
        return self.rebiased.min_value if self.rebiased else self.base.min_value * self.scale

    @property
    def lsb_exponent(self) -> int:
        if not self.is_exact:
            raise HwmodelError(f"the values of {self.name} are no multiples of a power of two")
        return self.base.lsb_exponent + self._scale_exponent

    @property
    def has_nan(self) -> bool:
        return self.base.has_nan

    @property
    def has_infinity(self) -> bool:
        return self.base.has_infinity

    def check_overflow(self, overflow: Any) -> None:
        self.base.check_overflow(overflow)

    def _quotient(self, x: npt.NDArray[Any], request: Request) -> npt.NDArray[np.float64]:
        nearest = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)
        if not self.is_exact and request.rounding not in nearest:
            raise HwmodelError(
                f"{self.name} has a real-valued scale, which rounds by itself: only rounding to"
                f" nearest keeps its values in place, but {request.rounding.value} came"
            )
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            numbers = np.asarray(x, np.float64)
            quotient = numbers / self.scale
        # What leaves float64 is no infinity and no zero: it is only very large or very small.
        limit, least = np.finfo(np.float64).max, np.finfo(np.float64).smallest_subnormal
        over = np.isinf(quotient) & np.isfinite(numbers)
        under = (quotient == 0) & (numbers != 0)
        quotient = np.where(over, np.copysign(limit, numbers), quotient)
        return np.where(under, np.copysign(least, numbers), quotient)

    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        if self.rebiased:
            return self.rebiased._quantize(x, request, random)
        shifted = self._shifted(x, request)
        if shifted is not None:
            return self.base._quantize(shifted, request, random) * x.dtype.type(self.scale)
        quotients = self._quotients(request)
        if quotients is not None:
            return quotients.quantize(x, lambda y: self._valued(y, request, random))
        return self._valued(x, request, random)

    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        if self.rebiased:
            return self.rebiased._encode(x, request, random)
        shifted = self._shifted(x, request)
        if shifted is not None:
            return self.base._encode(shifted, request, random)
        quotients = self._quotients(request)
        if quotients is not None:
            return quotients.encode(x, lambda y: self._coded(y, request, random))
        return self._coded(x, request, random)

    def _coded(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        return self.base._encode(self._quotient(x, request), request, random)

    def _valued(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        quotient = self._quotient(x, request)
        if isinstance(self.base, FloatFormat) and self._is_wide:
            return self._decode(self.base._encode(quotient, request, random))
        # In float64: the base may have come down to float32.
        return self.base._quantize(quotient, request, random).astype(np.float64) * self.scale

    def _quotients(self, request: Request) -> "Quotients | None":
        from hwmodel.formats.quotients import quotients_for

        return None if self.is_exact else quotients_for(self, request)

    def _shifted(self, x: npt.NDArray[Any], request: Request) -> npt.NDArray[Any] | None:
        """Numbers over a power of two, if the type holds all exactly and the values, too."""
        exponent = self._scale_exponent
        # No number vanishes where the power is not above one, and few come near the type's end.
        if not self.is_exact or not -_NEAR <= exponent <= 0 or self.bits > 24:
            return None
        if not are_below(x, 2.0 ** (np.finfo(x.dtype).maxexp - 1 + exponent)):
            return None
        return x * x.dtype.type(2.0**-exponent)

    @property
    def _is_wide(self) -> bool:
        """Whether the smallest values are below float64's normal numbers."""
        return self.base.lsb_exponent + self._scale_exponent < -1022

    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        if self.rebiased:
            return self.rebiased._decode(codes)
        if not self._is_wide:
            return self.base._decode(codes) * self.scale
        significand, exponent = self.base._decode_parts(codes)
        factor, place = math.frexp(self.scale)
        with np.errstate(under="ignore"):
            values = np.ldexp(significand * factor, np.clip(exponent, -4096, 4096) + place)
        if ((np.abs(values) < _SMALLEST_NORMAL) & (significand != 0)).any():
            raise HwmodelError(
                f"a value of {self.name} is too small for float64, in which values of a real-valued"
                " bias are carried; work with its code (encode)"
            )
        return np.asarray(values)

    def _decode_parts(
        self, codes: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        if self.rebiased:
            return self.rebiased._decode_parts(codes)
        return super()._decode_parts(codes)


def with_maximum(base: IntFormat | FloatFormat, maximum: float) -> ScaledFormat:
    """Format whose largest value is `maximum`.

    For a float this is the real-valued bias of Kuzmin et al. (FP8 Quantization: The Power of the
    Exponent, arXiv 2208.09225, section 3): ``b = 2**E - log2(c) + log2(2 - 2**-M) - 1`` with c
    the maximum, of a format all of whose codes are finite. The base's own bias says nothing then;
    where float64 would not hold the scale another one takes its place.

    Raises
    ------
    HwmodelError
        The maximum is not positive and finite, or so small that float64 holds it with less than
        its full precision.
    """
    if not _SMALLEST_NORMAL <= maximum < math.inf:
        raise HwmodelError(
            f"the largest value of a format is a positive normal number, but {maximum!r} came"
        )
    top = math.frexp(maximum)[1] - 1
    if isinstance(base, FloatFormat):
        move = base.max_exponent - top
        if base.is_wide or abs(move) > 1000 or base.lsb_exponent - move < -1021:
            base = dataclasses.replace(base, bias=base.bias + move)
    return ScaledFormat(base, maximum / base.max_value, float(maximum))


def fixed_point(base: IntFormat | FloatFormat, fraction_bits: int) -> ScaledFormat:
    """Base format times ``2**-fraction_bits``: for integers, Q notation."""
    if abs(fraction_bits) > 1000:
        raise HwmodelError(f"a scale of 2^{-fraction_bits} leaves float64")
    return ScaledFormat(base, 2.0**-fraction_bits)
