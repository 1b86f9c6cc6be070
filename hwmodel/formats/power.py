"""Powers of two: the scales of the OCP microscaling formats (E8M0)."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray, Format, code_dtype
from hwmodel.formats.carrier import as_integer
from hwmodel.formats.rounding import QUICK_RANDOM_BITS, Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

__all__ = ["PowerFormat"]


@dataclass(frozen=True)
class PowerFormat(Format):
    """Unsigned powers of two: code c stands for ``2**(c - bias)``, the last code for NaN.

    E8M0 of the OCP Microscaling Formats specification 1.0 (section 5.4.1) has 8 bits and bias
    127. There is no zero and no sign: what is smaller than the least value, zero included,
    rounds to the least one; a negative number overflows.

    Parameters
    ----------
    bits : int
        Width of a code, 2 to 10.
    bias : int, optional
        Exponent bias; 2^(bits-1)-1 if not given.

    Raises
    ------
    HwmodelError
        The width is out of range, or the values leave float64.
    """

    bits: int
    bias: int = None  # type: ignore[assignment]  # settled when it is made

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", as_integer(self.bits, "the width of a format"))
        if not 2 <= self.bits <= 10:
            raise HwmodelError(
                f"a format of powers of two has 2 to 10 bits, but {self.bits} came; e8m0 has 8"
            )
        usual = (1 << (self.bits - 1)) - 1
        bias = usual if self.bias is None else as_integer(self.bias, "the bias of a format")
        object.__setattr__(self, "bias", bias)
        if bias < 0:
            raise HwmodelError(
                f"the bias of powers of two is not negative, but {self.bias} came; for example 127"
            )
        if self.bias > 1022 or self.max_code - self.bias > 1023:
            raise HwmodelError(
                f"powers of two from 2^{-self.bias} to 2^{self.max_code - self.bias} leave float64"
            )

    @property
    def name(self) -> str:
        if self.bias != (1 << (self.bits - 1)) - 1:
            return f"pow{self.bits}b{self.bias}"
        return "e8m0" if self.bits == 8 else f"pow{self.bits}"

    @property
    def nan_code(self) -> int:
        """Code of NaN: all ones."""
        return self.code_count - 1

    @property
    def max_code(self) -> int:
        """Code of the largest value."""
        return self.code_count - 2

    @property
    def max_value(self) -> float:
        return 2.0 ** (self.max_code - self.bias)

    @property
    def min_value(self) -> float:
        return 2.0**-self.bias

    @property
    def lsb_exponent(self) -> int:
        return -self.bias

    @property
    def has_nan(self) -> bool:
        return True

    @property
    def has_infinity(self) -> bool:
        return False

    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        x = self._narrow(x, request)
        if self._is_quick(x, request):
            result = np.empty(x.shape, np.int32)
            self._run(x, result, request, random, valued=True)
            return result.view(np.float32)
        values = self._values
        if x.dtype == np.float32 and self._is_of_float32:
            values = values.astype(np.float32)  # holds them all
        return values.take(self._encode(x, request, random))

    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        x = self._narrow(x, request)
        if self._is_quick(x, request):
            quick = np.empty(x.shape, code_dtype(self.bits))
            self._run(x, quick, request, random, valued=False)
            return quick
        from hwmodel.formats.kernels import ROUNDINGS, round_powers

        saturate = request.overflow is Overflow.SATURATE
        codes = np.empty(x.shape, np.int64)
        round_powers(x, codes, self.bias, ROUNDINGS[request.rounding], random, request.random_bits)
        beyond = codes > self.max_code
        negative = x < 0
        if request.overflow is Overflow.RAISE and (beyond | negative).any():
            raise HwmodelError(
                f"a value lies beyond {self.name}, whose values reach from {self.min_value:.9g} to"
                f" {self.max_value:.9g}; choose another overflow than 'raise'"
            )
        codes[beyond] = self.max_code if saturate else self.nan_code
        codes[negative] = 0 if saturate else self.nan_code
        codes[np.isnan(x)] = self.nan_code
        return codes.astype(code_dtype(self.bits))

    def _narrow(self, x: npt.NDArray[Any], request: Request) -> npt.NDArray[Any]:
        if x.dtype != np.float64:
            return x
        from hwmodel.formats.narrow import narrow

        return narrow(x, request, 1, self.max_code - self.bias, self.lsb_exponent)

    @property
    def _is_of_float32(self) -> bool:
        """Whether float32 holds all values."""
        return max(self.bias, self.max_code - self.bias) <= 127

    def _is_quick(self, x: npt.NDArray[Any], request: Request) -> bool:
        """Whether float32 holds all numbers and values, and none is an error."""
        return (
            x.dtype == np.float32
            and self._is_of_float32
            and request.overflow is not Overflow.RAISE
            and request.random_bits <= QUICK_RANDOM_BITS
        )

    def _run(
        self,
        x: npt.NDArray[np.float32],
        out: npt.NDArray[Any],
        request: Request,
        random: npt.NDArray[np.int64],
        valued: bool,
    ) -> None:
        """Write codes, or values' bits, by the quick route that the rounding has."""
        from hwmodel.formats import directed_powers, nearest_powers

        bits, chances = x.view(np.int32), request.part_of(random)
        saturates = request.overflow is Overflow.SATURATE
        numbers = self.bias, self.max_code, self.nan_code, saturates
        if request.rounding is Rounding.NEAREST_EVEN:
            rule = nearest_powers.rule(*numbers)
            write = nearest_powers.quantize if valued else nearest_powers.encode

            def some(part: slice) -> int:
                write(rule, bits[part], out[part])
                return 0
        else:
            rule = directed_powers.rule(*numbers)
            flags = True if valued else None, *directed_powers.kind(request.rounding)

            def some(part: slice) -> int:
                given = bits[part], out[part], chances(part), request.random_bits
                directed_powers.write(rule, *given, *flags)
                return 0

        in_pieces(some, x.size)

    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return self._values.take(codes)

    @functools.cached_property
    def _values(self) -> npt.NDArray[np.float64]:
        exponents = np.arange(self.code_count - 1) - self.bias
        return np.append(np.ldexp(1.0, exponents), np.nan)
