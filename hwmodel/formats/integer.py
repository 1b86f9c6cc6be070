"""Integer formats: two's complement or unsigned, of 2 to 32 bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray, Format, code_dtype
from hwmodel.formats.carrier import are_below, as_flag, as_integer
from hwmodel.formats.rounding import QUICK_RANDOM_BITS, Overflow, Request
from hwmodel.parallel import in_pieces

__all__ = ["IntFormat"]


@dataclass(frozen=True)
class IntFormat(Format):
    """An integer format.

    Parameters
    ----------
    bits : int
        Width of a code, 2 to 32.
    signed : bool
        Two's complement if true, else unsigned.
    symmetric : bool
        Leave out the most negative value when encoding, so that the range is the same on both
        sides of zero. Its code still decodes, as the two's-complement number that it is.

    Raises
    ------
    HwmodelError
        The width is out of range, or an unsigned format is called symmetric.
    """

    bits: int
    signed: bool = True
    symmetric: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", as_integer(self.bits, "the width of a format"))
        for field in ("signed", "symmetric"):
            object.__setattr__(self, field, as_flag(getattr(self, field), f"{field} of a format"))
        if not 2 <= self.bits <= 32:
            raise HwmodelError(
                f"an integer format has 2 to 32 bits, but {self.bits} came; for example int8"
            )
        if self.symmetric and not self.signed:
            raise HwmodelError("a symmetric integer format is signed; leave out `symmetric`")

    @property
    def name(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}{'sym' if self.symmetric else ''}"

    @property
    def max_value(self) -> float:
        return float(2 ** (self.bits - self.signed) - 1)

    @property
    def min_value(self) -> float:
        if self.symmetric:
            return -self.max_value
        return float(-(2 ** (self.bits - 1))) if self.signed else 0.0

    @property
    def lsb_exponent(self) -> int:
        return 0

    @property
    def has_nan(self) -> bool:
        return False

    @property
    def has_infinity(self) -> bool:
        return False

    def check_overflow(self, overflow: Overflow) -> None:
        if overflow is Overflow.WRAP and not self.symmetric:
            return
        super().check_overflow(overflow)

    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        x = self._narrow(x, request)
        rule = self._quick_rule(x, request)
        if rule is not None:
            from hwmodel.formats.integers import quantize

            some = request.part_of(random)

            result = np.empty_like(x)
            bits = request.random_bits
            met = in_pieces(
                lambda part: quantize(x[part], result[part], some(part), bits, *rule), x.size
            )
            self._check_nan(bool(met))
            return result
        return self._integers(x, request, random)

    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        codes = np.empty(x.shape, code_dtype(self.bits))
        x = self._narrow(x, request)
        rule = self._quick_rule(x, request)
        if rule is not None:
            from hwmodel.formats.integers import encode

            some = request.part_of(random)
            rules, bits = (*rule, np.int32(self.code_count - 1)), request.random_bits
            met = in_pieces(
                lambda part: encode(x[part], codes[part], some(part), bits, *rules), x.size
            )
            self._check_nan(bool(met))
            return codes
        integers = self._integers(x, request, random).astype(np.int64)
        codes[...] = (integers & (self.code_count - 1)).astype(codes.dtype)
        return codes

    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        integers = codes.astype(np.int64)
        if self.signed:
            sign = 1 << (self.bits - 1)
            integers = (integers ^ sign) - sign
        return integers.astype(np.float64)

    def _narrow(self, x: npt.NDArray[Any], request: Request) -> npt.NDArray[Any]:
        if x.dtype != np.float64 or request.overflow is not Overflow.SATURATE:
            return x
        from hwmodel.formats.narrow import narrow

        return narrow(x, request, self.bits, self.bits, 0)

    def _quick_rule(self, x: npt.NDArray[Any], request: Request) -> tuple[Any, ...] | None:
        """What compiled code needs to know, or None where float32 does not hold enough."""
        from hwmodel.formats.integers import MOST_BITS, rule_of

        rule = rule_of(request.rounding)
        if x.dtype != np.float32 or self.bits > MOST_BITS:
            return None
        if request.random_bits > QUICK_RANDOM_BITS:
            return None
        wrapped = None
        if request.overflow is Overflow.WRAP:
            if not are_below(x, float(1 << (MOST_BITS - 1))):
                return None
            wrapped = np.int32(self.code_count - 1)
        elif request.overflow is not Overflow.SATURATE:
            return None
        return (np.float32(self.min_value), np.float32(self.max_value), *rule, wrapped)

    def _check_nan(self, found: bool) -> None:
        if found:
            raise HwmodelError(
                f"{self.name} has no NaN, but NaN came; replace it (numpy.nan_to_num) first"
            )

    def _integers(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Rounded integers by any rule, in float64."""
        self._check_nan(bool(np.isnan(x).any()))
        from hwmodel.formats.kernels import ROUNDINGS, round_integers

        rounded = np.empty(x.shape, np.float64)
        round_integers(x, rounded, ROUNDINGS[request.rounding], random, request.random_bits)
        low, high = self.min_value, self.max_value
        if request.overflow is Overflow.SATURATE:
            return np.clip(rounded, low, high)
        if request.overflow is Overflow.RAISE:
            if ((rounded < low) | (rounded > high)).any():
                raise HwmodelError(
                    f"a value lies beyond {self.name}, which reaches from {low:.0f} to"
                    f" {high:.0f}; scale it, or choose another overflow than 'raise'"
                )
            return rounded
        if not np.isfinite(rounded).all():
            raise HwmodelError("an infinity cannot wrap; choose Overflow.SATURATE")
        count = float(self.code_count)
        wrapped = np.fmod(rounded, count)  # exact, however large the number
        wrapped = np.where(wrapped > high, wrapped - count, wrapped)
        return np.where(wrapped < low, wrapped + count, wrapped) + 0.0  # no negative zero
