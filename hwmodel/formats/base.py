"""What every number format has: the choices of rounding and overflow, and the common interface."""

import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError

__all__ = ["CodeArray", "Format", "Overflow", "Rounding", "Specials", "code_dtype"]

CodeArray: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
MAX_TABLE_BITS = 16  # 65,536 values: the largest table that is cheap to hold and to look into


class Rounding(enum.Enum):
    """How a real number becomes one of its two neighbours in the format."""

    NEAREST_EVEN = "nearest-even"
    TOWARD_ZERO = "toward-zero"


class Overflow(enum.Enum):
    """What becomes of a rounded value beyond the largest finite one."""

    SATURATE = "saturate"
    """The largest finite value of the same sign, for infinities too (OCP's saturating mode)."""
    NONFINITE = "nonfinite"
    """Infinity where the format has one, else NaN (OCP's non-saturating mode)."""
    WRAP = "wrap"
    """Modulo 2**bits: integers and fixed point only."""


class Specials(enum.Enum):
    """Which codes of a floating-point format are not finite numbers."""

    IEEE = "ieee"
    """The top exponent holds infinities and NaNs, as in IEEE 754 and OCP E5M2."""
    FN = "fn"
    """One NaN a sign, all ones; no infinity ("finite and NaN", OCP E4M3)."""
    FINITE = "fin"
    """Every code is a finite number (OCP's FP6 and FP4)."""


def code_dtype(bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Smallest unsigned integer dtype that holds a code of `bits` bits (at most 64)."""
    for dtype in (np.uint8, np.uint16, np.uint32, np.uint64):
        if bits <= np.dtype(dtype).itemsize * 8:
            return np.dtype(dtype)
    raise HwmodelError(f"a code of {bits} bits fits no NumPy integer; at most 64 are possible")


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
    def has_nonfinite(self) -> bool:
        """Whether some code stands for NaN or an infinity."""
        return self.has_nan or self.has_infinity

    @property
    def code_count(self) -> int:
        """Number of codes, two to the power of `bits`."""
        return 1 << self.bits

    @abstractmethod
    def quantize(
        self,
        x: npt.ArrayLike,
        overflow: Overflow = Overflow.SATURATE,
        rounding: Rounding = Rounding.NEAREST_EVEN,
    ) -> npt.NDArray[Any]:
        """Round values to the grid of the format.

        Parameters
        ----------
        x : array_like of float
            Values, any shape. Integers and booleans are taken as float64.
        overflow : Overflow
            What becomes of values beyond the largest finite one.
        rounding : Rounding
            Direction of rounding.

        Returns
        -------
        ndarray
            Same shape; same dtype where `x` is float32 or float64 (float16 likewise, if it
            holds the format's values), else float64.

        Raises
        ------
        HwmodelError
            NaN comes in and the format has no NaN, or `overflow` does not suit the format.
        """

    @abstractmethod
    def encode(
        self,
        x: npt.ArrayLike,
        overflow: Overflow = Overflow.SATURATE,
        rounding: Rounding = Rounding.NEAREST_EVEN,
    ) -> CodeArray:
        """Codes of values, rounded to the grid: the smallest unsigned dtype that holds them.

        Parameters and errors are those of `quantize`.
        """

    @abstractmethod
    def decode(self, codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of codes.

        Raises
        ------
        HwmodelError
            A code is not an integer, negative, or needs more than `bits` bits.
        """

    def values(self) -> npt.NDArray[np.float64]:
        """Value of every code, indexed by the code; for formats of at most 16 bits."""
        if self.bits > MAX_TABLE_BITS:
            raise HwmodelError(
                f"{self.name} has 2^{self.bits} codes; a table of values is made for formats of"
                f" at most {MAX_TABLE_BITS} bits: decode the codes you need"
            )
        return self.decode(np.arange(self.code_count, dtype=code_dtype(self.bits)))

    def checked_codes(self, codes: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return `codes` as an array after checking that each is a code of this format."""
        array = np.asarray(codes)
        if array.size == 0:
            return array.astype(code_dtype(self.bits))
        if array.dtype.kind not in "ui":
            raise HwmodelError(
                f"codes of {self.name} are integers, but these are {array.dtype}; encode values"
                " with the format's encode() first"
            )
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= self.code_count:
            worst = low if low < 0 else high
            raise HwmodelError(
                f"codes of {self.name} lie in 0..{self.code_count - 1}, but {worst} came;"
                " view signed bytes as unsigned (x.view('uint8')) or mask them"
            )
        return array

    def __str__(self) -> str:
        return self.name
