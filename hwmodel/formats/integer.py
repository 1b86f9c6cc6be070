"""Integer formats: two's complement or unsigned, of 2 to 32 bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray, Format, Overflow, Rounding, code_dtype

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

    def quantize(
        self,
        x: npt.ArrayLike,
        overflow: Overflow = Overflow.SATURATE,
        rounding: Rounding = Rounding.NEAREST_EVEN,
    ) -> npt.NDArray[Any]:
        array = np.asarray(x)
        # Integers beyond 2^24 do not fit float32, so such formats are carried in float64.
        exact = np.finfo(array.dtype).nmant + 1 >= self.bits if array.dtype.kind == "f" else False
        work = array.astype(array.dtype.newbyteorder("=") if exact else np.float64, copy=False)
        if np.isnan(work).any():
            raise HwmodelError(
                f"{self.name} has no NaN, but NaN came; replace it (numpy.nan_to_num) first"
            )
        rounded = np.rint(work) if rounding is Rounding.NEAREST_EVEN else np.trunc(work)
        if overflow is Overflow.SATURATE:
            rounded = np.clip(rounded, self.min_value, self.max_value)
        elif overflow is Overflow.WRAP:
            if not np.isfinite(rounded).all():
                raise HwmodelError("an infinity cannot wrap; choose Overflow.SATURATE")
            if self.symmetric:
                raise HwmodelError(f"{self.name} leaves out a code and so cannot wrap")
            low = self.min_value
            rounded = np.mod(rounded - low, float(self.code_count)) + low
        else:
            raise HwmodelError(
                f"{self.name} has neither infinity nor NaN to overflow to; choose"
                " Overflow.SATURATE or Overflow.WRAP"
            )
        return np.asarray(rounded + 0.0)  # an integer has no negative zero

    def encode(
        self,
        x: npt.ArrayLike,
        overflow: Overflow = Overflow.SATURATE,
        rounding: Rounding = Rounding.NEAREST_EVEN,
    ) -> CodeArray:
        integers = self.quantize(x, overflow, rounding).astype(np.int64)
        return (integers & (self.code_count - 1)).astype(code_dtype(self.bits))

    def decode(self, codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        integers = self.checked_codes(codes).astype(np.int64)
        if self.signed:
            sign = 1 << (self.bits - 1)
            integers = (integers ^ sign) - sign
        return integers.astype(np.float64)
