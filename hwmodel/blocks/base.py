"""What every block format does: cut into blocks, scale, round, and put together again."""

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks import quick
from hwmodel.blocks.coded import Blocks, rows_of, widths
from hwmodel.blocks.cut import Cut, checked_axis, checked_shape, in_dtype, join, too_large
from hwmodel.blocks.packing import packed_size, unpacked
from hwmodel.blocks.parts import unit_of
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, ScaledFormat
from hwmodel.formats.base import CodeArray
from hwmodel.formats.carrier import as_array

if TYPE_CHECKING:
    from hwmodel.blocks.grids import Work

__all__ = ["BaseBlockFormat"]

Values = npt.NDArray[Any]


class BaseBlockFormat(ABC):
    """A block format: elements of a number format that share a scale.

    Formats are frozen and hashable, and their `name` parses back to an equal format.

    The value of an element is that of its code times the scale (times the tensor scale), which is
    exact in float64. A block that holds a NaN or an infinity has a NaN for its scale, and all of
    its elements decode to NaN (OCP Microscaling Formats specification 1.0, section 6.3, lets an
    implementation choose). Elements beyond the largest value saturate.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name that `hwmodel.blocks.parse_block` reads back."""

    if TYPE_CHECKING:  # fields in BlockFormat: no default may stand here

        @property
        def element(self) -> Format:
            """Format of the elements."""

        @property
        def size(self) -> int:
            """Elements of a block."""

        @property
        def has_tensor_scale(self) -> bool:
            """Whether the whole array has a scale, too."""

    @property
    @abstractmethod
    def scale_bits(self) -> int:
        """Bits of memory that the scales of one block take."""

    @property
    @abstractmethod
    def group(self) -> int:
        """Elements that share all their scales: the block, or the sub-block inside it."""

    @property
    def bits_per_value(self) -> float:
        """Bits of memory a value, its share in the scale of a full block included.

        The scale of the whole array is not counted.
        """
        return self.element.bits + self.scale_bits / self.size

    @abstractmethod
    def tensor_scale_of(self, largest: float) -> float | None:
        """FP32 scale of an array with this largest finite magnitude, None where there is none."""

    @abstractmethod
    def _scale_codes(self, magnitude: Values, tensor_scale: float | None) -> CodeArray:
        """Codes of the scales.

        `magnitude` has shape (..., blocks, groups): the largest magnitude of each group, not
        finite where a value is not.
        """

    @abstractmethod
    def _scale_values(self, codes: CodeArray) -> npt.NDArray[np.float64]:
        """Values of the scales, shape (..., blocks, groups)."""

    @property
    @abstractmethod
    def _fits_float32(self) -> bool:
        """Whether float32 holds quotients and products as exactly as they are needed."""

    def quantize(self, x: npt.ArrayLike, axis: int = -1) -> Values:
        """Round values to those that the format holds.

        Parameters
        ----------
        x : array_like of float
            Values: float16, 32 or 64; integers are taken as float64.
        axis : int
            Axis along which blocks run. A last block may be short.

        Returns
        -------
        ndarray
            Same shape and float dtype. Where that dtype does not hold the product of an element
            and a scale, it is the nearest number that it holds.

        Raises
        ------
        HwmodelError
            There is no such axis, or the dtype of `x` cannot hold a result.
        """
        cut = Cut.of(x, axis, self.size)
        single = cut.blocks.dtype == np.float32 and cut.blocks.size
        # Products for a narrower dtype are rounded once: they may not be rounded to float32 first.
        if single and (cut.dtype == np.float32 or self._fits_float32):
            result = quick.quantize(self, cut.blocks)
            if result is not None:
                return cut.join(in_dtype(result, cut.dtype, self.name))
        quotients, steps, _, _ = self._scaled(cut.blocks)
        values = self.grid.quantize(quotients)
        try:
            with np.errstate(over="raise", invalid="ignore"):
                values *= steps.astype(values.dtype, copy=False)
        except FloatingPointError:
            raise too_large(self.name, cut.dtype) from None
        return cut.join(in_dtype(values, cut.dtype, self.name))

    def encode(self, x: npt.ArrayLike, axis: int = -1) -> Blocks:
        """Codes of values; parameters and errors are those of `quantize`."""
        cut = Cut.of(x, axis, self.size)
        if cut.blocks.dtype == np.float32 and cut.blocks.size:
            found = quick.encode(self, cut.blocks)
            if found is not None:
                return Blocks(*found, cut.shape, cut.axis, self)
        quotients, _, scale_codes, tensor_scale = self._scaled(cut.blocks)
        codes = self.grid.encode(quotients).reshape(cut.blocks.shape)
        return Blocks(codes, scale_codes, tensor_scale, cut.shape, cut.axis, self)

    def decode(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        """Values of codes, in the shape of the array that they stand for.

        Raises
        ------
        HwmodelError
            The codes are those of another format, out of range, or not those of an array of
            their shape.
        """
        if not isinstance(blocks, Blocks):
            raise HwmodelError(
                f"codes of {self.name} are the Blocks that its encode() or unpack() returns, but"
                f" {type(blocks).__name__} came"
            )
        if blocks.format != self:
            raise HwmodelError(
                f"codes of {self.name} were expected, but these are of {blocks.format}; use"
                " blocks.format.decode(blocks)"
            )
        blocks = blocks.checked()
        steps = self.group_steps(blocks.scale_codes, blocks.tensor_scale)
        grid = self.grid.decode(blocks.element_codes)
        with np.errstate(invalid="ignore"):  # the code of an infinity times a scale of zero
            values = self._grouped(grid) * steps
        return join(values, blocks.shape, blocks.axis)

    def unpack(self, data: npt.ArrayLike, shape: tuple[int, ...], axis: int = -1) -> Blocks:
        """Codes from the bytes that `Blocks.pack` made.

        Parameters
        ----------
        data : bytes or array_like of uint8
            The bytes.
        shape : tuple of int
            Shape of the array that was encoded.
        axis : int
            Axis along which its blocks run.

        Raises
        ------
        HwmodelError
            There is no such axis, or the number of bytes does not go with the shape.
        """
        raw = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else as_array(data, "bytes")
        if raw.dtype != np.uint8 or raw.ndim != 1:
            raise HwmodelError(
                f"packed blocks are bytes or one axis of uint8, but {raw.dtype} with {raw.ndim}"
                " axes came; pass what pack() returned"
            )
        shape = checked_shape(shape)
        axis = checked_axis(axis, len(shape))
        rows = rows_of(shape, axis, self.size)
        count = math.prod(rows)
        front = 4 if self.has_tensor_scale else 0
        expected = front + packed_size(count, self.size, self.element.bits, self.scale_bits)
        if raw.size != expected:
            raise HwmodelError(
                f"an array of shape {shape} takes {expected} bytes in {self.name}, but"
                f" {raw.size} came; pass the shape and axis with which it was encoded"
            )
        tensor_scale = float(raw[:4].copy().view("<f4")[0]) if front else None
        codes, scales = unpacked(*(raw[front:], count, self.size, self.element.bits, widths(self)))
        codes, scales = codes.reshape(*rows, self.size), scales.reshape(rows + self.scale_columns)
        return Blocks(codes, scales, tensor_scale, shape, axis, self)

    @cached_property
    def grid(self) -> Format:
        """The element format without a power of two of its own, which goes into the steps."""
        return self.element.base if isinstance(self.element, ScaledFormat) else self.element

    def scales_of(
        self, magnitude: Values, tensor_scale: float | None
    ) -> tuple[CodeArray, npt.NDArray[np.float64]]:
        """Codes of the scales of blocks of these largest magnitudes, and values of the grid's one.

        Blocks have one scale each; magnitudes are finite and have one axis. One of zeros may be a
        negative zero.
        """
        codes = self._scale_codes(np.abs(magnitude)[:, None], tensor_scale)
        return codes, self.steps_of(codes, tensor_scale)

    def steps_of(
        self, scale_codes: CodeArray, tensor_scale: float | None
    ) -> npt.NDArray[np.float64]:
        """Values of the grid's one in blocks that have one scale each, of one axis."""
        return self.group_steps(scale_codes, tensor_scale)[..., 0, 0]

    @property
    @abstractmethod
    def work(self) -> "Work | None":
        """What compiled code needs to know of the format, None where it cannot do it."""

    @property
    @abstractmethod
    def scale_code_bits(self) -> int:
        """Bits of the numbers in `Blocks.scale_codes`."""

    @property
    def scale_fields(self) -> tuple[int, ...]:
        """Bits of each number that stands in `Blocks.scale_codes` for one block: mostly one."""
        return (self.scale_code_bits,)

    @property
    def scale_columns(self) -> tuple[int, ...]:
        """Axis of `Blocks.scale_codes` for these numbers: none where there is one of them."""
        return (len(self.scale_fields),) if len(self.scale_fields) > 1 else ()

    def divisor_for(self, tensor_scale: float | None) -> float:
        """What the largest magnitude of a block is divided by for its scale, if so it is found."""
        return self._largest_element * (1.0 if tensor_scale is None else tensor_scale)

    @cached_property
    def _largest_element(self) -> float:
        return self.element.max_value

    def group_steps(
        self, scale_codes: CodeArray, tensor_scale: float | None
    ) -> npt.NDArray[np.float64]:
        """Value of the grid's one in every group, shape (..., blocks, groups, 1)."""
        steps = self._scale_values(scale_codes)
        if tensor_scale is not None:
            steps = steps * tensor_scale
        unit = unit_of(self.element)
        if unit != 1.0:
            steps = steps * unit
        return steps[..., None]

    def _grouped(self, blocks: Values) -> Values:
        return blocks.reshape(*blocks.shape[:-1], self.size // self.group, self.group)

    def _scaled(
        self, blocks: Values
    ) -> tuple[Values, npt.NDArray[np.float64], CodeArray, float | None]:
        """Values over their steps, the steps, the scales' codes and the tensor scale."""
        groups = self._grouped(blocks)
        if self.group == 2:  # a reduction over so short an axis is slow
            magnitude = np.maximum(np.abs(groups[..., 0]), np.abs(groups[..., 1]))
        else:
            magnitude = np.abs(np.maximum(groups.max(axis=-1), -groups.min(axis=-1)))
        finite = np.isfinite(magnitude)
        largest = float(magnitude.max(initial=0.0))
        usable = True
        if not finite.all():
            # A whole tensor should not be lost to one bad value: its scale is of the others.
            good = np.isfinite(groups)
            largest = float(np.abs(groups).max(initial=0.0, where=good))
            usable = False
        tensor_scale = self.tensor_scale_of(largest)
        codes = self._scale_codes(magnitude, tensor_scale)
        steps = self.group_steps(codes, tensor_scale)
        divisors = steps
        if not usable or not steps.all():
            # Neither NaN nor zero divides; what such a block holds is lost, its elements are zero.
            dead = ~(steps > 0)
            groups = np.where(dead, groups.dtype.type(0), groups)
            divisors = np.where(dead, 1.0, steps)
        dtype = np.float32 if groups.dtype == np.float32 and self._fits_float32 else np.float64
        with np.errstate(over="ignore"):  # infinities saturate as other large numbers do
            quotients = np.divide(
                *(groups.astype(dtype, copy=False), divisors.astype(dtype, copy=False))
            )
        return quotients, steps, codes, tensor_scale

    def __str__(self) -> str:
        return self.name
