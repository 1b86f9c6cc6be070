"""Block formats with one scale a block, and the rules by which the scale is found."""

import enum
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.parts import (
    SINGLE_BITS,
    as_count,
    check_element,
    check_exact,
    check_size,
    fits_float32,
    precision,
    unit_of,
)
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, PowerFormat
from hwmodel.formats.base import CodeArray
from hwmodel.formats.carrier import as_flag

if TYPE_CHECKING:
    from hwmodel.blocks.grids import Rule, Work

__all__ = ["BlockFormat", "ScaleRule"]

_TINY = 2.0**-149  # the smallest positive FP32 number
_HUGE = (2.0 - 2.0**-23) * 2.0**127  # the largest


class ScaleRule(enum.Enum):
    """How the scale of a block follows from its largest magnitude."""

    FLOOR = "floor"
    """``2**(floor(log2(absmax)) - emax)`` with emax the exponent of the element's largest normal
    number: OCP Microscaling Formats specification 1.0, section 6.3. Elements may saturate."""
    ABSMAX = "near"
    """``absmax / largest element``, rounded to nearest in the scale's format."""
    CEIL = "ceil"
    """The smallest power of two that is no less than ``absmax / largest element``, so that no
    element saturates: the scale's exponent rounded up, as in the power-of-two scales of Wu et al.
    (ZeroQuant-FP, arXiv 2307.09782)."""


@dataclass(frozen=True)
class BlockFormat(BaseBlockFormat):
    """A block format whose elements share one scale.

    The scale of a block of zeros is the smallest that its format has: ``2**-127`` (code 0) in
    E8M0, zero in floating-point formats. Scales beyond the range of their format are clamped to
    it. Where the scale is zero, so are all elements, without a sign.

    An element whose negative range is the larger one rounds to its end, where the largest
    magnitude of the block stands just above the largest positive value: -1.996 of MXINT8 becomes
    -2, and quantising the block again takes a scale twice as large.

    Parameters
    ----------
    element : Format
        Format of the elements; signed.
    size : int
        Elements of a block.
    scale : PowerFormat or FloatFormat
        Format of the scale.
    rule : ScaleRule or str
        How the scale is found; the rule or its name.
    has_tensor_scale : bool
        Whether scales are themselves in units of an FP32 number, ``absmax / (largest scale *
        largest element)`` of the whole array (of its finite values, and no less than the smallest
        positive FP32 number), as in NVIDIA's NVFP4 (Pretraining Large Language Models with NVFP4,
        arXiv 2509.25149).

    Raises
    ------
    HwmodelError
        No such format can be, or its values are not exact in float64.
    """

    element: Format
    size: int
    scale: PowerFormat | FloatFormat
    rule: ScaleRule
    has_tensor_scale: bool = False

    def __post_init__(self) -> None:
        self._settle_types()
        check_size(self.size)
        check_element(self.element)
        if not isinstance(self.scale, PowerFormat | FloatFormat):
            raise HwmodelError(
                f"a scale is a power of two or a floating-point number, but {self.scale!r} came;"
                " for example hwmodel.format('e8m0') or hwmodel.format('fp16')"
            )
        if self.rule is not ScaleRule.ABSMAX and not isinstance(self.scale, PowerFormat):
            raise HwmodelError(
                f"rule {self.rule.value!r} makes powers of two, but the scale's format is"
                f" {self.scale}; choose e8m0, or rule 'near'"
            )
        if self.has_tensor_scale and self.rule is not ScaleRule.ABSMAX:
            raise HwmodelError(
                f"a tensor scale goes with rule 'near', but {self.rule.value!r} came; leave it out"
            )
        check_exact(self.element, self.scale, tensor=self.has_tensor_scale)

    def _settle_types(self) -> None:
        """A size becomes a Python integer, which has no width, and the name of a rule the rule."""
        object.__setattr__(self, "size", as_count(self.size, "the size of a block, such as 32,"))
        flag = as_flag(self.has_tensor_scale, "has_tensor_scale of a block format")
        object.__setattr__(self, "has_tensor_scale", flag)
        try:
            object.__setattr__(self, "rule", ScaleRule(self.rule))
        except ValueError:
            names = ", ".join(rule.value for rule in ScaleRule)
            raise HwmodelError(
                f"the rule by which a scale is found is one of {names}, but {self.rule!r} came"
            ) from None

    @property
    def name(self) -> str:
        from hwmodel.blocks.catalogue import block_name  # catalogue knows us

        return block_name(self)

    @property
    def scale_bits(self) -> int:
        """Bits of memory that a scale takes: whole bytes, as UE4M3 does in NVFP4."""
        return -(-self.scale.bits // 8) * 8

    @property
    def group(self) -> int:
        return self.size

    @property
    def _step_precision(self) -> int:
        return precision(self.scale) + (SINGLE_BITS if self.has_tensor_scale else 0)

    @cached_property
    def _fits_float32(self) -> bool:
        return not self.has_tensor_scale and fits_float32(self.element, self.scale)

    def tensor_scale_of(self, largest: float) -> float | None:
        if not self.has_tensor_scale:
            return None
        exact = largest / (self.scale.max_value * self.element.max_value)
        return float(np.float32(min(max(exact, _TINY), _HUGE)))

    def _scale_codes(self, magnitude: npt.NDArray[Any], tensor_scale: float | None) -> CodeArray:
        magnitude = magnitude[..., 0]  # the block is the one group
        finite = np.isfinite(magnitude)
        if not finite.all():
            if not isinstance(self.scale, PowerFormat) and not self.scale.has_nan:
                raise HwmodelError(
                    f"scales of {self.scale} have no NaN for a block with a NaN or an infinity, but"
                    " one came; replace such values (numpy.nan_to_num) first"
                )
            magnitude = np.where(finite, magnitude, magnitude.dtype.type(0))
        if self.rule is ScaleRule.ABSMAX:
            with np.errstate(over="ignore"):
                quotients = magnitude.astype(np.float64) / self.divisor_for(tensor_scale)
            codes = self.scale.encode(quotients)
        else:
            assert isinstance(self.scale, PowerFormat)
            codes = self._power_codes(self.scale, magnitude)
        if not finite.all():
            codes[~finite] = self.scale.nan_code
        return codes

    def _power_codes(self, scale: PowerFormat, magnitude: npt.NDArray[Any]) -> CodeArray:
        fraction, exponent = np.frexp(magnitude)
        top_fraction, top_exponent = math.frexp(self.element.max_value)
        exponent = exponent.astype(np.int64) - top_exponent
        if self.rule is ScaleRule.CEIL:
            exponent += fraction > top_fraction
        codes = np.clip(exponent + scale.bias, 0, scale.max_code)
        codes[magnitude == 0] = 0
        return codes.astype(scale.encode(0.0).dtype)

    def _scale_values(self, codes: CodeArray) -> npt.NDArray[np.float64]:
        return self.scale.decode(codes)[..., None]

    @property
    def scale_code_bits(self) -> int:
        return self.scale.bits

    @cached_property
    def work(self) -> "Work | None":
        from hwmodel.blocks.grids import work_for

        rule = self._power_rule
        exact = self._fits_float32 or rule is not None
        # A step is two float32, of which the second times an element is exact.
        two = precision(self.element) + self._step_precision <= 2 * SINGLE_BITS
        if not (exact or two) or (rule is None and self.rule is not ScaleRule.ABSMAX):
            return None
        return work_for(self.grid, self._unit, self.scale, rule, self.has_tensor_scale, exact=exact)

    @property
    def _unit(self) -> float:
        return unit_of(self.element)

    @property
    def _power_rule(self) -> "Rule | None":
        """The rule for compiled code where it makes powers of two."""
        from hwmodel.blocks.grids import power_rule

        fraction, exponent = math.frexp(self._unit)
        if self.rule is ScaleRule.ABSMAX or fraction != 0.5:
            return None
        assert isinstance(self.scale, PowerFormat)
        return power_rule(
            *(self.grid, exponent - 1, self.element.max_value, self.rule is ScaleRule.CEIL),
            *(self.scale.bias, self.scale.max_code, False),
        )
