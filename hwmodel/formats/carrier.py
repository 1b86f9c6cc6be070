"""Values as they come from a caller, and as they go back: shape, dtype and byte order."""

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError

__all__ = ["Carrier", "are_below", "as_array", "as_flag", "as_integer", "as_real"]


@dataclass(frozen=True, eq=False)
class Carrier:
    """An array of values, flat and in a dtype that compiled code knows.

    Attributes
    ----------
    flat : ndarray of float32 or float64
        The values, contiguous in memory; not a copy where none is needed.
    shape : tuple of int
        Shape in which they came.
    dtype : dtype
        Native float dtype in which results go back.
    """

    flat: npt.NDArray[Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, x: npt.ArrayLike) -> "Carrier":
        """Take an array in.

        Raises
        ------
        HwmodelError
            Its dtype holds no real numbers that float64 holds, too.
        """
        array = as_array(x, "values")
        dtype: np.dtype[Any] = array.dtype
        work: np.dtype[Any]
        if dtype.isbuiltin == 2 and np.can_cast(dtype, np.int16):
            array = array.astype(np.int16)  # an integer of ml_dtypes
            dtype = array.dtype
        if dtype.kind in "iub":
            if array.size and dtype.itemsize == 8 and _largest(array) > 1 << 53:
                raise HwmodelError(
                    f"integers are taken as float64, which does not hold {_largest(array)} and its"
                    " neighbours; pass integers up to 2^53"
                )
            work, dtype = np.dtype(np.float64), np.dtype(np.float64)
        elif dtype.isbuiltin == 2 and np.can_cast(dtype, np.float32):
            work = np.dtype(np.float32)  # a float of ml_dtypes: all of them fit float32
        elif dtype.kind == "f" and dtype.isbuiltin < 2 and dtype.itemsize <= 8:
            dtype = dtype.newbyteorder("=")
            work = np.dtype(np.float64) if dtype.itemsize == 8 else np.dtype(np.float32)
        else:
            raise HwmodelError(
                f"values are real numbers of float16, 32 or 64, but these are {dtype}; convert"
                " them first (x.astype('float64'))"
            )
        with np.errstate(invalid="ignore"):  # a signalling NaN is as good as another
            flat = np.ascontiguousarray(array, dtype=work).reshape(-1)
        return cls(flat, array.shape, dtype)

    def restore(
        self, result: npt.NDArray[Any], fmt: object, exact: bool = True
    ) -> npt.NDArray[Any]:
        """Give results, rounded to `fmt`, the shape and dtype in which the values came.

        Values that are real numbers (not `exact`) become the nearest ones of the dtype, which are
        to be neither zero nor infinite for them.

        Raises
        ------
        HwmodelError
            The dtype does not hold a result.
        """
        if result.dtype == np.float32 and self.dtype == np.float64:
            result = result.astype(np.float64)
        elif result.dtype != self.dtype:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                narrow = result.astype(self.dtype)
                back = narrow.astype(result.dtype)
            lost = back != result
            if not exact:
                lost &= ((back == 0) & (result != 0)) | ~np.isfinite(back)
            lost &= ~(np.isnan(back) & np.isnan(result))
            if lost.any():
                raise HwmodelError(
                    f"the value {float(result[lost][0]):.9g} of {fmt} does not fit {self.dtype},"
                    " in which the values came; pass them as float64"
                )
            result = narrow
        return result.reshape(self.shape)


def as_array(x: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """An array of what a caller passes.

    Raises
    ------
    HwmodelError
        It is none: rows of different lengths, or elements that are masked out.
    """
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise HwmodelError(
            f"{what} are numbers, but {np.ma.count_masked(x)} of these are masked out; fill them"
            " first (x.filled(0.0)) or leave them out (x.compressed())"
        )
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:  # the last by tensors with a gradient
        raise HwmodelError(f"{what} make an array, but these do not: {error}") from None


def as_integer(x: object, what: str) -> int:
    """A Python integer of what a caller passes as one.

    Raises
    ------
    HwmodelError
        It is none.
    """
    try:
        # NumPy's true is no integer by itself.
        return operator.index(x.item() if isinstance(x, np.generic) else x)  # type: ignore[arg-type]
    except TypeError:
        raise HwmodelError(f"{what} is an integer, but {x!r} came") from None


def as_flag(x: object, what: str) -> bool:
    """True or false of what a caller passes as one.

    Raises
    ------
    HwmodelError
        It is neither, nor 1 or 0.
    """
    number = as_integer(x, f"{what}, true or false,")
    if number not in (0, 1):
        raise HwmodelError(f"{what} is true or false, but {x!r} came")
    return bool(number)


def as_real(x: object, what: str) -> float:
    """A float of what a caller passes as a real number.

    Raises
    ------
    HwmodelError
        It is none, or beyond float64.
    """
    try:
        return float(x)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise HwmodelError(f"{what} is a number that float64 holds, but {x!r:.80} came") from None


def are_below(x: npt.NDArray[Any], top: float) -> bool:
    """Whether no magnitude is that large, infinite or NaN."""
    return bool(x.max(initial=0.0) < top and x.min(initial=0.0) > -top)


def _largest(array: npt.NDArray[Any]) -> int:
    return max(abs(int(array.min())), abs(int(array.max())))
