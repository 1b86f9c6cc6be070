"""Arrays as the codes of a block format, and what such codes have to be."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.cut import checked_axis, checked_shape
from hwmodel.blocks.packing import packed
from hwmodel.errors import HwmodelError
from hwmodel.formats.base import CodeArray
from hwmodel.formats.carrier import as_array, as_real

if TYPE_CHECKING:
    from hwmodel.blocks.base import BaseBlockFormat

__all__ = ["Blocks", "rows_of", "widths"]


@dataclass(frozen=True, eq=False)
class Blocks:
    """An array as the codes of a block format.

    Attributes
    ----------
    element_codes : ndarray of unsigned int
        Codes of the elements, shape (..., blocks, size): the axis along which blocks run is the
        last but one. A last block that was short is filled up with zeros.
    scale_codes : ndarray of unsigned int
        Codes of the scales, shape (..., blocks). A two-level format has its microexponents above
        the eight bits of the exponent, that of the first sub-block lowest. Where groups of a block
        share a scale up to powers of two, the shape is (..., blocks, 1 + groups): the code of the
        scale, then the exponents of the groups.
    tensor_scale : float or None
        FP32 scale of the whole array, for formats that have one.
    shape : tuple of int
        Shape of the array.
    axis : int
        Axis along which blocks run, not negative.
    format : BaseBlockFormat
        The format.
    """

    element_codes: CodeArray
    scale_codes: CodeArray
    tensor_scale: float | None
    shape: tuple[int, ...]
    axis: int
    format: "BaseBlockFormat"

    def pack(self) -> npt.NDArray[np.uint8]:
        """Bytes of the codes; `BaseBlockFormat.unpack` is the inverse.

        The tensor scale, where there is one, comes first (four bytes, little-endian FP32). Then
        come the blocks without gaps, each with the code of its scale (and the exponents of its
        groups) in front of those of its elements, of every code and every byte the least
        significant bit first.

        Raises
        ------
        HwmodelError
            A code is out of range, or the codes do not go with the shape.
        """
        checked = self.checked()
        fmt = checked.format
        elements = fmt.element.checked_codes(checked.element_codes)
        data = packed(elements, checked.scale_codes, fmt.element.bits, widths(fmt))
        if checked.tensor_scale is None:
            return data
        return np.concatenate([np.array([checked.tensor_scale], "<f4").view(np.uint8), data])

    def checked(self) -> "Blocks":
        """The same with arrays and a shape that go together; the elements' codes may be any.

        Raises
        ------
        HwmodelError
            The arrays have not the shapes that the array's takes, a code of a scale is out of
            range, or there is a tensor scale where none belongs or the other way round.
        """
        from hwmodel.blocks.base import BaseBlockFormat  # base knows us

        fmt = self.format
        if not isinstance(fmt, BaseBlockFormat):
            raise HwmodelError(
                f"codes of blocks have a block format such as hwmodel.block('mxfp4'), but {fmt!r}"
                " came"
            )
        shape = checked_shape(self.shape)
        axis = checked_axis(self.axis, len(shape))
        rows = rows_of(shape, axis, fmt.size)
        elements = as_array(self.element_codes, "codes of elements")
        scales = as_array(self.scale_codes, "codes of scales")
        _check_shape(elements, (*rows, fmt.size), "elements", self)
        _check_shape(scales, rows + fmt.scale_columns, "scales", self)
        _check_scales(scales, fmt)
        return Blocks(elements, scales, self._checked_tensor_scale(), shape, axis, fmt)

    def _checked_tensor_scale(self) -> float | None:
        scale, wanted = self.tensor_scale, self.format.has_tensor_scale
        if wanted != (scale is not None):
            raise HwmodelError(
                f"blocks of {self.format.name} have {'a' if wanted else 'no'} tensor scale, but"
                f" {scale!r} came; encode() puts the right one there"
            )
        if scale is None:
            return None
        scale = as_real(scale, "a tensor scale")
        with np.errstate(over="ignore"):
            exact = float(np.float32(scale)) == scale
        if not (exact and 0 < scale < math.inf):
            raise HwmodelError(
                f"a tensor scale is a positive number that FP32 holds, but {scale!r} came; round"
                " it with numpy.float32 first"
            )
        return scale


def rows_of(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    """Lengths of the other axes of an array, and the number of blocks along this one."""
    rest = tuple(length for place, length in enumerate(shape) if place != axis)
    return (*rest, -(-shape[axis] // size))


def widths(fmt: "BaseBlockFormat") -> tuple[int, ...]:
    """Bits of memory that each number of a block's scale codes takes: the first has the rest."""
    rest = fmt.scale_fields[1:]
    return (fmt.scale_bits - sum(rest), *rest)


def _check_shape(codes: CodeArray, expected: tuple[int, ...], what: str, blocks: Blocks) -> None:
    if codes.shape != expected:
        raise HwmodelError(
            f"an array of shape {tuple(blocks.shape)} with blocks of {blocks.format.name} along"
            f" axis {blocks.axis} has codes of {what} of shape {expected}, but {codes.shape} came;"
            " pass codes and shape as encode() made them"
        )


def _check_scales(scales: CodeArray, fmt: "BaseBlockFormat") -> None:
    if scales.dtype.kind not in "ui":
        raise HwmodelError(
            f"codes of scales are integers, but these are {scales.dtype}; encode values with"
            f" hwmodel.block({fmt.name!r}).encode()"
        )
    columns = scales.reshape(scales.size // len(fmt.scale_fields), len(fmt.scale_fields))
    least, most = columns.min(axis=0, initial=0), columns.max(axis=0, initial=0)
    for low, high, bits in zip(least.tolist(), most.tolist(), fmt.scale_fields, strict=True):
        if low < 0 or high >> bits:
            raise HwmodelError(
                f"codes of the scales of {fmt.name} lie in 0..{(1 << bits) - 1}, but"
                f" {low if low < 0 else high} came; encode() makes such codes"
            )
