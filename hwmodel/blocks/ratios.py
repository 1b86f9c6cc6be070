"""Groups whose scales differ by powers of two: ZeroQuant-FP's second way (M2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.parts import as_count, check_element, check_exact, check_size, fits_float32
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format
from hwmodel.formats.base import CodeArray

if TYPE_CHECKING:
    from hwmodel.blocks.grids import Work

__all__ = ["PowerRatioFormat"]


@dataclass(frozen=True)
class PowerRatioFormat(BaseBlockFormat):
    """A block of groups with one floating-point scale, from which theirs differ by powers of two.

    M2 of Wu, Yao and He, ZeroQuant-FP (arXiv 2307.09782): let S_i be the scale of group i of a
    compute group, its largest magnitude over the largest element, and S_max the largest of them.
    The group gets the scale ``S_max / 2**ceil(log2(S_max / S_i))``. Only ratios are powers of two,
    so that a multiplier by S_max and shifts do. (M1 makes each scale by itself a power of two:
    ``int4g128pow2``.) The block of this format is the compute group.

    As published, ratios are rounded up, so scales come out down: that of group i lies above
    S_i / 2 and is no larger than S_i (but for the rounding of S_max, and ratios beyond 2^15).
    Unless the ratio was a power of two, **the largest elements of a group saturate**, and a value
    may lose nearly half of its magnitude. In M1, scales are rounded up and nothing saturates.

    The paper leaves open what follows, so that it is this package's choice:

    - a compute group is a number of groups one after the other along the axis of the blocks;
    - S_max is rounded to nearest in the format of the scale, and clamped to its range, after the
      ratios have been found from the S_i as they are. Were they found from the rounded S_max,
      the group that it comes from would lose a factor of two wherever S_max was rounded up;
    - exponents have 4 bits: ratios beyond 2^15 are taken as 2^15;
    - a group of zeros has the exponent 0, a block of zeros the scale 0;
    - one NaN or infinity makes S_max a NaN, all exponents 0, and the block decode to NaN.

    Where the negative range of an element is the larger one, as of int4, a value that saturates
    there becomes -8 steps, and quantising again takes another scale; int4sym has no -8.

    Parameters
    ----------
    element : Format
        Format of the elements; signed.
    group_size : int
        Elements of a group.
    count : int
        Groups of a block, at least 2.
    scale : FloatFormat
        Format of S_max.

    Raises
    ------
    HwmodelError
        No such format can be, or its values are not exact in float64.
    """

    element: Format
    group_size: int
    count: int
    scale: FloatFormat

    exponent_bits: ClassVar[int] = 4
    """Bits of a group's exponent."""

    def __post_init__(self) -> None:
        size = as_count(self.group_size, "the size of a group, such as 128,")
        object.__setattr__(self, "group_size", size)
        count = as_count(self.count, "the number of groups that share a scale, such as 8,")
        object.__setattr__(self, "count", count)
        check_size(self.group_size)
        if self.count < 2:
            raise HwmodelError(
                f"2 groups or more share a scale, but {self.count} came; groups with scales of"
                " their own have names such as int4g128fp16"
            )
        check_size(self.size)
        check_element(self.element)
        if not isinstance(self.scale, FloatFormat):
            raise HwmodelError(
                f"the scale that groups share is a floating-point number such as"
                f" hwmodel.format('fp16'), but {self.scale!r} came; where all scales are powers of"
                " two, groups share nothing: int4g128pow2"
            )
        check_exact(self.element, self.scale, down=self.max_exponent)

    @property
    def name(self) -> str:
        return f"{self.element.name}g{self.group_size}x{self.count}{self.scale.name}"

    @property
    def max_exponent(self) -> int:
        """Largest exponent of a ratio."""
        return (1 << self.exponent_bits) - 1

    @property
    def size(self) -> int:
        """Elements of a block: those of all groups that share a scale."""
        return self.group_size * self.count

    @property
    def group(self) -> int:
        return self.group_size

    @property
    def has_tensor_scale(self) -> bool:
        """No scale of the whole array."""
        return False

    @property
    def scale_bits(self) -> int:
        """Whole bytes for S_max, and the exponents."""
        return -(-self.scale.bits // 8) * 8 + self.count * self.exponent_bits

    @property
    def scale_code_bits(self) -> int:
        return max(self.scale.bits, self.exponent_bits)

    @property
    def scale_fields(self) -> tuple[int, ...]:
        """Bits of the code of S_max and of the groups' exponents."""
        return (self.scale.bits, *[self.exponent_bits] * self.count)

    @cached_property
    def _fits_float32(self) -> bool:
        return fits_float32(self.element, self.scale, self.max_exponent)

    def tensor_scale_of(self, largest: float) -> float | None:
        return None

    def _scale_codes(self, magnitude: npt.NDArray[Any], tensor_scale: float | None) -> CodeArray:
        largest = magnitude.max(axis=-1)
        finite = np.isfinite(largest)
        if not finite.all():
            if not self.scale.has_nan:
                raise HwmodelError(
                    f"scales of {self.scale} have no NaN for a block with a NaN or an infinity, but"
                    " one came; replace such values (numpy.nan_to_num) first"
                )
            largest = np.where(finite, largest, largest.dtype.type(0))
        with np.errstate(over="ignore"):
            scales = self.scale.encode(largest.astype(np.float64) / self.divisor_for(None))
        if not finite.all():
            scales[~finite] = self.scale.nan_code
        # The largest element divides both magnitudes of a ratio; without it the ratio is exact.
        fraction, exponent = np.frexp(magnitude)
        most, top = np.frexp(largest[..., None])
        exponents = top - exponent + (most > fraction)
        exponents = np.minimum(exponents, self.max_exponent)
        exponents[(magnitude == 0) | ~finite[..., None]] = 0
        return np.concatenate([scales[..., None], exponents.astype(scales.dtype)], axis=-1)

    def _scale_values(self, codes: CodeArray) -> npt.NDArray[np.float64]:
        exponents = codes[..., 1:].astype(np.int64)
        return np.asarray(np.ldexp(self.scale.decode(codes[..., :1]), -exponents))

    @property
    def work(self) -> "Work | None":
        return None
