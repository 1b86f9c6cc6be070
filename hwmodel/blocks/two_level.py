"""Shared microexponents: a second, one-bit scale for every two elements of a block."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.parts import as_count
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, PowerFormat, Specials
from hwmodel.formats.base import CodeArray, code_dtype

if TYPE_CHECKING:
    from hwmodel.blocks.grids import Work

__all__ = ["TwoLevelFormat"]

_SCALE = PowerFormat(8)


@dataclass(frozen=True)
class TwoLevelFormat(BaseBlockFormat):
    """Shared microexponents MX9, MX6, MX4: blocks of 16, sub-blocks of 2.

    Rouhani et al., With Shared Microexponents, A Little Shifting Goes a Long Way (ISCA 2023,
    arXiv 2302.08007). The block has the exponent E of its largest
    magnitude in 8 bits, each sub-block a microexponent t of one bit, 1 where both its elements lie
    below ``2**E``; an element is a sign and a mantissa f without a hidden bit, and its value
    ``(-1)**s * 2**(E - t) * f / 2**(mantissa_bits - 1)``.

    The paper leaves open what follows, so that it is this package's choice: elements are rounded
    to nearest even and saturate; E is coded as E8M0 and clamped to its range, its code 255 marks
    a block with a NaN or an infinity; a sub-block of zeros has the microexponent 0, a block of
    zeros the code 0 of the smallest exponent.

    Parameters
    ----------
    mantissa_bits : int
        Bits of the mantissa: 7, 4 and 2 in MX9, MX6 and MX4.

    Raises
    ------
    HwmodelError
        There are fewer than 1 or more than 22 mantissa bits.
    """

    mantissa_bits: int

    def __post_init__(self) -> None:
        bits = as_count(self.mantissa_bits, "the number of mantissa bits, such as 7 (mx9),")
        object.__setattr__(self, "mantissa_bits", bits)
        if not 1 <= self.mantissa_bits <= 22:
            raise HwmodelError(
                f"an element of shared microexponents has 1 to 22 mantissa bits, but"
                f" {self.mantissa_bits} came; mx9 has 7"
            )

    @property
    def name(self) -> str:
        # Sign, mantissa, and the 16 bits of scales that 16 elements share.
        return f"mx{self.mantissa_bits + 2}"

    @cached_property
    def element(self) -> FloatFormat:
        """Format of the elements: sign and mantissa only, from 0 to nearly 2."""
        return FloatFormat(0, self.mantissa_bits, 0, Specials.FINITE)

    @cached_property
    def joined_element(self) -> FloatFormat:
        """Format of elements that their microexponents have been taken into: one bit more."""
        return FloatFormat(0, self.mantissa_bits + 1, 0, Specials.FINITE)

    def joined(
        self, element_codes: CodeArray, scale_codes: CodeArray
    ) -> tuple[CodeArray, npt.NDArray[np.float64]]:
        """Codes in `joined_element`, and values of its one for each block.

        Parameters
        ----------
        element_codes : ndarray, shape (..., blocks, 16)
            Codes of the elements.
        scale_codes : ndarray, shape (..., blocks)
            Codes of the scales; the microexponents stand above the exponent.
        """
        dtype = code_dtype(self.joined_element.bits)
        codes = np.ascontiguousarray(element_codes, dtype)
        magnitude = codes & dtype.type((1 << self.mantissa_bits) - 1)
        # Both of a pair at once: a magnitude has room for one bit more.
        pairs = magnitude.view(f"u{self.group * dtype.itemsize}")
        pairs <<= 1 - self._micro(scale_codes).astype(pairs.dtype)
        codes = magnitude | codes >> self.mantissa_bits << (self.mantissa_bits + 1)
        return codes, _SCALE.decode(scale_codes & scale_codes.dtype.type(255))

    @property
    def size(self) -> int:
        """Elements of a block: 16."""
        return 16

    @property
    def group(self) -> int:
        return 2

    @property
    def has_tensor_scale(self) -> bool:
        """No scale of the whole array."""
        return False

    @property
    def scale_bits(self) -> int:
        """The 8 bits of the exponent and the microexponents of the 8 sub-blocks."""
        return 16

    @property
    def _fits_float32(self) -> bool:
        return self.element.lsb_exponent + _SCALE.lsb_exponent - 1 >= -149

    def tensor_scale_of(self, largest: float) -> float | None:
        return None

    def _scale_codes(self, magnitude: npt.NDArray[Any], tensor_scale: float | None) -> CodeArray:
        largest = magnitude.max(axis=-1)
        finite = np.isfinite(largest)
        safe = np.where(finite, largest, largest.dtype.type(0))
        exponent = np.frexp(safe)[1].astype(np.int64) - 1
        codes = np.clip(exponent + _SCALE.bias, 0, _SCALE.max_code)
        codes[safe == 0] = 0
        least = np.ldexp(1.0, codes - _SCALE.bias)[..., None]
        low = (magnitude < least) & (magnitude > 0) & finite[..., None]
        codes[~finite] = _SCALE.nan_code
        micro = np.packbits(low, axis=-1, bitorder="little")[..., 0]
        return (codes | micro.astype(np.int64) << 8).astype(np.uint16)

    def _scale_values(self, codes: CodeArray) -> npt.NDArray[np.float64]:
        exponents = _SCALE.decode(codes & codes.dtype.type(255))[..., None]
        return np.where(self._micro(codes), exponents * 0.5, exponents)

    @staticmethod
    def _micro(codes: CodeArray) -> CodeArray:
        """Microexponents of the sub-blocks, shape (..., blocks, 8)."""
        upper = np.asarray(codes >> 8).astype(np.uint8)
        return np.unpackbits(upper[..., None], axis=-1, bitorder="little")

    @property
    def scale_code_bits(self) -> int:
        return self.scale_bits

    @cached_property
    def work(self) -> "Work | None":
        from hwmodel.blocks.grids import power_rule, work_for

        rule = power_rule(self.element, 0, 1.0, False, _SCALE.bias, _SCALE.max_code, True)
        return rule and work_for(self.element, 1.0, _SCALE, rule, pairs=True)
