"""Floating-point formats ExMy: any exponent and mantissa width, bias and special codes."""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import vector, wide
from hwmodel.formats.base import CodeArray, Format, Specials
from hwmodel.formats.carrier import as_flag, as_integer
from hwmodel.formats.rounding import Request

__all__ = ["FloatFormat", "default_bias", "default_specials"]

# Formats whose short name ExMy means what a published specification says: OCP OFP8 for E5M2 and
# E4M3, Shen et al. (arXiv 2309.14592, table of encodings) for E3M4. Any other ExMy is finite.
_PUBLISHED_SPECIALS = {(5, 2): Specials.IEEE, (4, 3): Specials.FN, (3, 4): Specials.FN}


def default_bias(exponent_bits: int, specials: Specials = Specials.IEEE) -> int:
    """Bias that a name without one stands for; 0 for a format without exponent field.

    2^(X-1)-1 as in IEEE 754; 2^(X-1) for the formats without negative zero (ml_dtypes' fnuz,
    IEEE P3109).
    """
    if not exponent_bits:
        return 0
    one_more = specials in (Specials.FNUZ, Specials.P3109)
    return (1 << (exponent_bits - 1)) - (not one_more)


def default_specials(exponent_bits: int, mantissa_bits: int) -> Specials:
    """Special codes that the plain name ExMy stands for."""
    return _PUBLISHED_SPECIALS.get((exponent_bits, mantissa_bits), Specials.FINITE)


@dataclass(frozen=True)
class FloatFormat(Format):
    """A floating-point format of sign, exponent field and mantissa field.

    A code with exponent field e > 0 and mantissa field f stands for
    ``(-1)**s * 2**(e - bias) * (1 + f / 2**mantissa_bits)``; with e = 0 for the subnormal
    ``(-1)**s * 2**(1 - bias) * f / 2**mantissa_bits``; `specials` takes codes away at the top.

    Parameters
    ----------
    exponent_bits, mantissa_bits : int
        Widths of the fields, not both 0.
    bias : int
        Exponent bias.
    specials : Specials
        Which codes are infinities or NaNs.
    signed : bool
        Whether there is a sign bit.
    subnormals : bool
        Without subnormals every code with exponent field 0 stands for a zero.

    Raises
    ------
    HwmodelError
        No such format can be (no bits, no room for the special codes).
    NotBuiltYetError
        It has more than 32 bits, or more than 23 of them mantissa.

    Notes
    -----
    With many exponent bits (e12m3) or an extreme bias some values leave float64. `encode` is exact
    for such a format, too. `quantize`, `decode`, `values` and properties such as `max_value` raise
    an error where a value does not fit; `decode_parts` and `fraction` give every one.
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int
    specials: Specials
    signed: bool = True
    subnormals: bool = True

    def __post_init__(self) -> None:
        self._settle_types()
        plain = f"e{self.exponent_bits}m{self.mantissa_bits}"
        if self.exponent_bits < 0 or self.mantissa_bits < 0:
            raise HwmodelError(f"field widths are not negative, but {plain} came")
        if self.exponent_bits + self.mantissa_bits == 0:
            raise HwmodelError(
                "a floating-point format has exponent or mantissa bits, but e0m0 has neither; for"
                " example e4m3"
            )
        if self.bits > 32 or self.mantissa_bits > 23:
            raise NotBuiltYetError(
                f"{plain} is wider than the 32 bits (23 of them mantissa) that are built so far"
            )
        if self.specials is Specials.IEEE and (self.exponent_bits == 0 or self.mantissa_bits == 0):
            raise HwmodelError(
                f"{plain} has no room for both infinities and NaNs (they need an exponent bit and"
                " a mantissa bit); choose fn or fin"
            )
        if self.specials is Specials.FNUZ and not self.signed:
            raise HwmodelError(
                f"u{plain} has no negative zero whose code a NaN could take; choose fn or fin"
            )
        if self.max_code < 1:
            raise HwmodelError(
                f"{plain} with these special codes would have no number but zero; choose fin or"
                " give it another bit"
            )
        if not self.subnormals and self.exponent_bits == 0:
            raise HwmodelError(f"{plain} has subnormals only; it cannot do without them")
        if not self.subnormals and self.max_code >> self.mantissa_bits <= 0:
            raise HwmodelError(
                f"{plain} without subnormals and with these special codes has no finite value but"
                " zero; give it subnormals or another exponent bit"
            )

    def _settle_types(self) -> None:
        """Integers become Python's, which have no width, and names of special codes the codes."""
        for field in ("exponent_bits", "mantissa_bits", "bias"):
            number = as_integer(getattr(self, field), f"{field} of a format")
            object.__setattr__(self, field, number)
        for field in ("signed", "subnormals"):
            flag = as_flag(getattr(self, field), f"{field} of a format")
            object.__setattr__(self, field, flag)
        try:
            object.__setattr__(self, "specials", Specials(self.specials))
        except ValueError:
            kinds = ", ".join(kind.value for kind in Specials)
            raise HwmodelError(
                f"the special codes of a format are one of {kinds}, but {self.specials!r} came"
            ) from None

    @property
    def name(self) -> str:
        from hwmodel.formats.names import float_name  # names knows the catalogue, which knows us

        return float_name(self)

    @property
    def bits(self) -> int:
        return self.signed + self.exponent_bits + self.mantissa_bits

    @property
    def magnitude_mask(self) -> int:
        """Mask of the exponent and mantissa fields of a code."""
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1

    @property
    def max_code(self) -> int:
        """Code of the largest finite value."""
        if self.specials is Specials.IEEE:
            return self.infinity_code - 1
        if self.specials is Specials.P3109:
            return self.magnitude_mask - 1 - (not self.signed)
        return self.magnitude_mask - (self.specials is Specials.FN)

    @property
    def infinity_code(self) -> int:
        """Code of plus infinity.

        Raises
        ------
        HwmodelError
            The format has none.
        """
        if self.specials is Specials.IEEE:
            return ((1 << self.exponent_bits) - 1) << self.mantissa_bits
        if self.specials is Specials.P3109:
            return self.magnitude_mask - (not self.signed)
        raise HwmodelError(f"{self.name} has no infinity")

    @property
    def nan_code(self) -> int:
        """Code of the canonical NaN.

        Quiet and positive for IEEE, all ones but the sign for FN, that of the negative zero for
        FNUZ and P3109 (all ones where there is no sign).

        Raises
        ------
        HwmodelError
            The format has none.
        """
        if self.specials is Specials.IEEE:
            return self.infinity_code | 1 << (self.mantissa_bits - 1)
        if self.specials is Specials.FINITE:
            raise HwmodelError(f"{self.name} has no NaN: all its codes are finite")
        if self.has_signed_nan or not self.signed:
            return self.magnitude_mask
        return self.magnitude_mask + 1

    @property
    def has_signed_nan(self) -> bool:
        """Whether a NaN has a sign, so that there is more than one."""
        return self.signed and self.specials in (Specials.IEEE, Specials.FN)

    @property
    def has_negative_zero(self) -> bool:
        """Whether a code stands for the negative zero."""
        return self.signed and self.specials not in (Specials.FNUZ, Specials.P3109)

    @property
    def min_exponent(self) -> int:
        """Exponent of the smallest normal number, and of the subnormals."""
        return 1 - self.bias

    @property
    def max_exponent(self) -> int:
        """Exponent of the largest finite number."""
        return max(self.max_code >> self.mantissa_bits, 1) - self.bias

    @property
    def lsb_exponent(self) -> int:
        return self.min_exponent - self.mantissa_bits

    @functools.cached_property
    def is_wide(self) -> bool:
        """Whether some values are no normal numbers of float64, so that `wide` is the route."""
        return self.max_exponent > 1023 or self.lsb_exponent < -1022

    @property
    def max_value(self) -> float:
        exponent = self.max_code >> self.mantissa_bits
        significand = self.max_code & ((1 << self.mantissa_bits) - 1)
        if exponent:
            significand += 1 << self.mantissa_bits
        return wide.to_float(self, significand, self.max_exponent - self.mantissa_bits)

    @property
    def min_value(self) -> float:
        return -self.max_value if self.signed else 0.0

    @property
    def _bounds(self) -> tuple[float, float]:
        if self.max_exponent > 1023:
            largest = sys.float_info.max
        elif self.max_exponent - self.mantissa_bits < -1074:
            largest = 0.0
        else:
            largest = self.max_value
        return (-largest if self.signed else 0.0), largest

    @property
    def min_normal(self) -> float:
        """Smallest positive normal number."""
        return wide.to_float(self, 1, self.min_exponent)

    @property
    def min_subnormal(self) -> float:
        """Smallest positive number; the smallest normal one where there are no subnormals."""
        return wide.to_float(self, 1, self.lsb_exponent) if self.subnormals else self.min_normal

    @property
    def has_nan(self) -> bool:
        return self.specials is not Specials.FINITE

    @property
    def has_infinity(self) -> bool:
        return self.specials in (Specials.IEEE, Specials.P3109)

    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        return vector.quantize(self, x, request, random)

    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        return vector.encode(self, x, request, random)

    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return vector.decode(self, codes)

    def _decode_parts(
        self, codes: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        return wide.parts(self, codes)
