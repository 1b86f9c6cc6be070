"""What every number format has: special codes, and the common interface."""

import dataclasses
import enum
import math
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.carrier import Carrier, as_array
from hwmodel.formats.rounding import Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

__all__ = ["CodeArray", "Format", "Specials", "code_dtype", "code_range", "shown"]

CodeArray: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
MAX_TABLE_BITS = 16  # 65,536 values: the largest table that is cheap to hold and to look into


class Specials(enum.Enum):
    """Which codes of a floating-point format are not finite numbers."""

    IEEE = "ieee"
    """The top exponent holds infinities and NaNs, as in IEEE 754 and OCP E5M2."""
    FN = "fn"
    """One NaN a sign, all ones; no infinity ("finite and NaN", OCP E4M3)."""
    FNUZ = "fnuz"
    """One NaN in place of the negative zero, no infinity ("finite, NaN, unsigned zero")."""
    P3109 = "p3109"
    """IEEE P3109's extended domain: one NaN (in place of the negative zero; all ones where there
    is no sign), and infinities as the largest codes below it."""
    FINITE = "fin"
    """Every code is a finite number (OCP's FP6 and FP4)."""


def code_dtype(bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Smallest unsigned integer dtype that holds a code of `bits` bits (at most 64)."""
    for dtype in (np.uint8, np.uint16, np.uint32, np.uint64):
        if bits <= np.dtype(dtype).itemsize * 8:
            return np.dtype(dtype)
    raise HwmodelError(f"a code of {bits} bits fits no NumPy integer; at most 64 are possible")


def shown(number: int) -> str:
    """An integer for a sentence; one of very many digits is told by its size."""
    if number.bit_length() <= 256:
        return str(number)
    return f"about {'-' if number < 0 else ''}2^{number.bit_length() - 1}"


def code_range(codes: npt.NDArray[Any], name: str, hint: str) -> tuple[int, int]:
    """Least and largest of an array of codes, which is not empty.

    Parameters
    ----------
    codes : ndarray
        Integers of any dtype, or Python's (dtype object).
    name, hint : str
        Whose codes they are, and how to make such: for the sentence about what is no integer.

    Raises
    ------
    HwmodelError
        They are no integers.
    """
    if codes.dtype == object:
        for code in codes.flat:
            if not isinstance(code, int | np.integer) or isinstance(code, bool):
                raise HwmodelError(f"codes of {name} are integers, but {code!r:.80} came; {hint}")
    elif codes.dtype.kind not in "ui":
        raise HwmodelError(f"codes of {name} are integers, but these are {codes.dtype}; {hint}")
    return int(codes.min()), int(codes.max())


# Numbers of float64 rounded at a time.
_PIECE = 1 << 15


class Format(ABC):
    """A number format: which real value each code stands for.

    Formats are frozen and hashable, and their `name` parses back to an equal format.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name that `hwmodel.formats.parse_format` reads back."""

    if TYPE_CHECKING:  # a field in IntFormat, derived in FloatFormat: no default may stand here

        @property
        def bits(self) -> int:
            """Width of a code."""

    @property
    @abstractmethod
    def max_value(self) -> float:
        """Largest finite value."""

    @property
    @abstractmethod
    def min_value(self) -> float:
        """Smallest (most negative) finite value."""

    @property
    @abstractmethod
    def lsb_exponent(self) -> int:
        """Every finite value is an integer times two to this power."""

    @property
    @abstractmethod
    def has_nan(self) -> bool:
        """Whether some code stands for NaN."""

    @property
    @abstractmethod
    def has_infinity(self) -> bool:
        """Whether some code stands for an infinity."""

    @property
    def is_exact(self) -> bool:
        """Whether its values are what floats hold exactly; not so with a real-valued bias."""
        return True

    @property
    def has_nonfinite(self) -> bool:
        """Whether some code stands for NaN or an infinity."""
        return self.has_nan or self.has_infinity

    @property
    def code_count(self) -> int:
        """Number of codes, two to the power of `bits`."""
        return 1 << self.bits

    def quantize(
        self,
        x: npt.ArrayLike,
        overflow: Overflow | str = Overflow.SATURATE,
        rounding: Rounding | str = Rounding.NEAREST_EVEN,
        *,
        random: npt.ArrayLike | None = None,
        random_bits: int | None = None,
    ) -> npt.NDArray[Any]:
        """Round values to the grid of the format.

        Parameters
        ----------
        x : array_like of float
            Values, any shape, order and byte order: float16, 32 or 64, or a float of ml_dtypes.
            Integers and booleans are taken as float64.
        overflow : Overflow or str
            What becomes of values beyond the largest finite one.
        rounding : Rounding or str
            Direction of rounding.
        random, random_bits
            Random numbers for stochastic rounding and their width; see `Request`.

        Returns
        -------
        ndarray
            Same shape and (in native byte order) same float dtype.

        Raises
        ------
        HwmodelError
            NaN comes in and the format has no NaN; `overflow` does not suit the format; or the
            dtype of `x` cannot hold a result (float16 in, 65504 rounded up to 65536; float64 in,
            an infinity that saturates to 2^2048). `encode` gives a code in every such case.
        """
        request = self._request(overflow, rounding, random, random_bits)
        carrier = Carrier.of(x)
        request = self._eased(carrier.flat, request)
        rounded = self._rounded(carrier.flat, request, request.random_for(carrier.shape))
        return carrier.restore(rounded, self, self.is_exact)

    @property
    def _bounds(self) -> tuple[float, float]:
        """Float64 between which numbers do not overflow."""
        return self.min_value, self.max_value

    def _eased(self, x: npt.NDArray[Any], request: Request) -> Request:
        """A request whose overflows are no errors, where there are none: such are quicker."""
        if request.overflow is not Overflow.RAISE or not x.size:
            return request
        low, high = self._bounds
        within = float(x.min()) >= low and float(x.max()) <= high  # which a NaN is not
        return dataclasses.replace(request, overflow=Overflow.SATURATE) if within else request

    def _rounded(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """`_quantize`, of float64 in pieces: as float32 in between they then stay in cache."""
        if x.dtype != np.float64 or x.size <= _PIECE or request.random is not None:
            return self._quantize(x, request, random)
        result = np.empty(x.shape, np.float64)

        def some(part: slice) -> int:
            for start in range(part.start, part.stop, _PIECE):
                piece = slice(start, min(start + _PIECE, part.stop))
                result[piece] = self._quantize(x[piece], request, random)
            return 0

        in_pieces(some, x.size)
        return result

    def encode(
        self,
        x: npt.ArrayLike,
        overflow: Overflow | str = Overflow.SATURATE,
        rounding: Rounding | str = Rounding.NEAREST_EVEN,
        *,
        random: npt.ArrayLike | None = None,
        random_bits: int | None = None,
    ) -> CodeArray:
        """Codes of values, rounded to the grid: the smallest unsigned dtype that holds them.

        Parameters and errors are those of `quantize`.
        """
        request = self._request(overflow, rounding, random, random_bits)
        carrier = Carrier.of(x)
        request = self._eased(carrier.flat, request)
        codes = self._encode(carrier.flat, request, request.random_for(carrier.shape))
        return codes.reshape(carrier.shape)

    def decode(self, codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of codes.

        Parameters
        ----------
        codes : array_like of int
            Codes, any shape; arrays of ml_dtypes' type for this format are taken by their bits.

        Raises
        ------
        HwmodelError
            A code is not an integer, negative, or needs more than `bits` bits; or float64 does
            not hold its value (see `decode_parts`).
        """
        return np.asarray(self._decode(self.checked_codes(codes)))  # of one code, too

    def decode_parts(
        self, codes: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Significands and exponents of codes: the values are ``significand * 2**exponent``.

        Like `numpy.frexp` of values that float64 need not hold. Significands have a magnitude
        from 1/2 to below 1; zeros, infinities and NaNs are themselves, with the exponent 0.

        Parameters and errors are those of `decode`, but every finite value has its parts.
        """
        return self._decode_parts(self.checked_codes(codes))

    def fraction(self, code: int) -> Fraction:
        """Value of one code as an exact fraction, also where float64 does not hold it.

        A negative zero is 0.

        Raises
        ------
        HwmodelError
            `code` is no code, or stands for an infinity or NaN; or the value is beyond
            2^1048576, or as small (see `decode_parts`).
        """
        from hwmodel.formats.scalar import exact_scalar  # scalar knows all formats

        value = exact_scalar(self, code)
        if not isinstance(value, Fraction) and not math.isfinite(value):
            raise HwmodelError(f"code {code} of {self.name} stands for {value}, which is no number")
        return Fraction(value)

    @abstractmethod
    def _quantize(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """Round a flat array of float32 or float64; returns one of these two."""

    @abstractmethod
    def _encode(
        self, x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
    ) -> CodeArray:
        """Codes of a flat array of float32 or float64."""

    @abstractmethod
    def _decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Values of checked codes, any shape."""

    def _decode_parts(
        self, codes: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        significand, exponent = np.frexp(self._decode(codes))
        return significand, np.where(np.isfinite(significand), exponent, 0).astype(np.int64)

    def check_overflow(self, overflow: Overflow) -> None:
        """Refuse a rule that this format cannot follow.

        Raises
        ------
        HwmodelError
            There is no such special value, or a float is asked to wrap.
        """
        missing = None
        if overflow is Overflow.WRAP:
            missing = "has no codes that count modulo 2^bits, as those of intN, uintN and intNqF do"
        elif overflow is Overflow.NONFINITE and not self.has_nonfinite:
            missing = "has neither infinity nor NaN"
        elif overflow is Overflow.INFINITY and not self.has_infinity:
            missing = "has no infinity"
        elif overflow is Overflow.NAN and not self.has_nan:
            missing = "has no NaN"
        if missing:
            raise HwmodelError(
                f"overflow {overflow.value!r} does not suit {self.name}, which {missing}; choose"
                " 'saturate' or 'raise'"
            )

    def _request(
        self,
        overflow: Overflow | str,
        rounding: Rounding | str,
        random: npt.ArrayLike | None,
        random_bits: int | None,
    ) -> Request:
        request = Request.of(overflow, rounding, random, random_bits)
        self.check_overflow(request.overflow)
        return request

    def values(self) -> npt.NDArray[np.float64]:
        """Value of every code, indexed by the code; for formats of at most 16 bits.

        Raises
        ------
        HwmodelError
            The format is wider, or float64 does not hold a value (see `decode_parts`).
        """
        if self.bits > MAX_TABLE_BITS:
            raise HwmodelError(
                f"{self.name} has 2^{self.bits} codes; a table of values is made for formats of"
                f" at most {MAX_TABLE_BITS} bits: decode the codes you need"
            )
        return self.decode(np.arange(self.code_count, dtype=code_dtype(self.bits)))

    def checked_codes(self, codes: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return `codes` as an array after checking that each is a code of this format."""
        array = as_array(codes, "codes")
        if array.dtype.isbuiltin == 2:  # a type that another package made: ml_dtypes, its bits
            array = self._bits_of(array)
        if array.size == 0:
            return array.astype(code_dtype(self.bits))
        if self.bits >= 8 * array.dtype.itemsize and array.dtype.kind == "u":
            return array  # no code of this dtype is out of range
        low, high = code_range(array, self.name, "encode values with the format's encode() first")
        if low < 0 or high >= self.code_count:
            worst = low if low < 0 else high
            raise HwmodelError(
                f"codes of {self.name} lie in 0..{self.code_count - 1}, but {shown(worst)} came;"
                " view signed bytes as unsigned (x.view('uint8')) or mask them"
            )
        return array.astype(code_dtype(self.bits)) if array.dtype == object else array

    def _bits_of(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        from hwmodel.formats.names import is_called  # names knows all formats

        if not is_called(self, array.dtype.name):
            raise HwmodelError(
                f"codes of {self.name} were expected, but an array of {array.dtype} came; encode"
                " its values with the format's encode(), or pass its bits (x.view('uint8'))"
            )
        if array.dtype.itemsize != code_dtype(self.bits).itemsize:
            raise HwmodelError(
                f"codes of {self.name} have {self.bits} bits, but an array of {array.dtype} came;"
                " encode its values with the format's encode() first"
            )
        bits = np.ascontiguousarray(array).view(code_dtype(self.bits)).reshape(array.shape)
        # Integers of fewer bits than they are kept in are filled up with their signs.
        if np.can_cast(array.dtype, np.int16) and array.dtype.name == f"int{self.bits}":
            bits = bits & bits.dtype.type(self.code_count - 1)
        return bits

    def __str__(self) -> str:
        return self.name
