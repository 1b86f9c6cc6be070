"""Codes of sums that are values of their accumulator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import carriers
from hwmodel.arithmetic.mac import accumulator_dtype
from hwmodel.formats import Overflow, parse_format
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["coded"]

# Values whose codes are sooner found by NumPy than by code that is still to be compiled.
_FEW = 1 << 16


def coded(spec: UnitSpec, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Codes of the accumulator's own values, which no rounding changes."""
    assert isinstance(spec.register, FloatAccumulator)
    assert spec.overflow is not None
    fmt = spec.register.format
    if carriers.is_within_float32(fmt):
        values = values.astype(np.float32, copy=False)  # else the coding would look whether it may
    if (
        values.dtype == np.float32
        and carriers.is_float32(fmt)
        and spec.overflow is Overflow.NONFINITE
    ):
        codes = values.view(accumulator_dtype(spec))
    elif values.size <= _FEW and fmt == parse_format("fp16"):
        # NumPy has the same numbers: slower, but nothing waits to be compiled.
        codes = values.astype(np.float16).view(np.uint16)
    else:
        return fmt.encode(values, spec.overflow)
    codes[np.isnan(values)] = fmt.nan_code
    return codes
