"""Arrays cut into blocks along an axis, and put together again in the dtype in which they came."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.parts import as_count
from hwmodel.errors import HwmodelError
from hwmodel.formats.carrier import Carrier

__all__ = ["Cut", "checked_axis", "checked_shape", "in_dtype", "join", "too_large"]

Values = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Cut:
    """An array cut into blocks, and what it takes to join them.

    Attributes
    ----------
    blocks : ndarray of float32 or float64
        The values, shape (..., blocks, size): the axis of the blocks has become the last. A short
        last block is filled up with zeros.
    shape : tuple of int
        Shape of the array.
    axis : int
        Axis along which blocks run, not negative.
    dtype : dtype
        Native float dtype in which results go back.
    """

    blocks: Values
    shape: tuple[int, ...]
    axis: int
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, x: npt.ArrayLike, axis: int, size: int) -> "Cut":
        """Cut an array into blocks of a size."""
        carrier = Carrier.of(x)
        axis = checked_axis(axis, len(carrier.shape))
        moved = carrier.flat.reshape(carrier.shape)
        if axis < moved.ndim - 1:
            moved = np.moveaxis(moved, axis, -1)
        count = -(-moved.shape[-1] // size)
        missing = count * size - moved.shape[-1]
        if missing:
            moved = np.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, missing)])
        blocks = moved.reshape(*moved.shape[:-1], count, size)
        return cls(blocks, carrier.shape, axis, carrier.dtype)

    def join(self, values: Values) -> Values:
        """Values of blocks in the shape of the array."""
        return join(values, self.shape, self.axis)


def join(values: Values, shape: tuple[int, ...], axis: int) -> Values:
    """Values of blocks, shape (..., blocks, size) or with groups in them, as one array."""
    rest = tuple(length for place, length in enumerate(shape) if place != axis)
    # Not -1, which NumPy cannot work out for an empty array.
    filled = math.prod(values.shape[len(rest) :])
    lines = values.reshape(*rest, filled)[..., : shape[axis]]
    return np.ascontiguousarray(lines if axis == lines.ndim - 1 else np.moveaxis(lines, -1, axis))


def in_dtype(values: Values, dtype: np.dtype[Any], name: str) -> Values:
    """Values that a format of this name holds, as the nearest numbers of a dtype.

    Raises
    ------
    HwmodelError
        A value lies beyond the dtype's largest, or it is a NaN, a zero or a negative number of
        which the dtype has none.
    """
    if dtype.isbuiltin != 2:
        try:
            with np.errstate(over="raise", invalid="ignore"):
                return values.astype(dtype, copy=False)
        except FloatingPointError:
            raise too_large(name, dtype) from None
    # Types of ml_dtypes report no overflow: they take what they have, also their largest number.
    with np.errstate(all="ignore"):
        narrow = _to_odd(values).astype(dtype)
        back = narrow.astype(values.dtype)
        largest = np.array(np.finfo(np.float32).max).astype(dtype).astype(values.dtype)
        lost = ~np.isfinite(back)
        if lost.any():
            lost &= np.isfinite(values)
        if np.isfinite(largest):
            lost |= (np.abs(values) > np.abs(largest)) | (np.isnan(values) & np.isfinite(back))
    if lost.any():
        raise HwmodelError(
            f"the value {float(values[lost][0]):.9g} of {name} does not fit {dtype}, in which the"
            " values came; pass them as float64"
        )
    return narrow


def too_large(name: str, dtype: np.dtype[Any]) -> HwmodelError:
    """The error that a format of this name has made a number beyond a dtype's."""
    return HwmodelError(
        f"a value rounded to {name} is larger than {dtype} holds, in which the values came; pass"
        " them as float64"
    )


def _to_odd(values: Values) -> Values:
    """Float32 numbers that round on to a narrower type as the values themselves do.

    ml_dtypes goes by way of float32 and rounds twice. An inexact number whose last bit is odd lies
    on the same side of every number and tie of fewer bits as what it stands for.
    """
    if values.dtype == np.float32:
        return values
    single = values.astype(np.float32)
    bits = single.view(np.int32)
    bits -= np.abs(single) > np.abs(values)
    bits |= np.isfinite(values) & (single != values)
    return single


def checked_axis(axis: int, axes: int) -> int:
    """An axis of an array, counted from its first.

    Raises
    ------
    HwmodelError
        It is no integer, or the array has no such axis.
    """
    axis = as_count(axis, "the axis along which blocks run, such as -1,")
    if not -axes <= axis < axes:
        raise HwmodelError(
            f"blocks run along an axis of the array, which has {axes}, but axis {axis} came; a"
            " single number is passed as [x]"
        )
    return axis % axes


def checked_shape(shape: object) -> tuple[int, ...]:
    """Shape of an array, in Python's integers.

    Raises
    ------
    HwmodelError
        It is no tuple of lengths.
    """
    # Other things that can be walked through (bytes, sets) are no shapes.
    given = [*shape] if isinstance(shape, tuple | list | np.ndarray) else [-1]
    try:
        lengths = tuple(as_count(length, "a length") for length in given)
    except HwmodelError:
        lengths = (-1,)
    if any(length < 0 for length in lengths):
        raise HwmodelError(
            f"a shape is a tuple of lengths, each an integer that is not negative, such as (3, 32),"
            f" but {shape!r:.80} came; pass the shape of the array that was encoded"
        )
    return lengths
