"""The quick route of block formats: float32 blocks with one power of two or float each.

A few blocks at a time are scaled, rounded and scaled back while they are in the cache. `base` does
the same for whole arrays and any case; what is not usual here (values that are not finite, scales
of zero, products beyond float32) is left to it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hwmodel.blocks.base import BaseBlockFormat
    from hwmodel.formats.base import CodeArray

__all__ = ["encode", "quantize"]

_AT_ONCE = 1 << 17  # values


def quantize(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Rounded values of blocks, shape (..., size), or None where the case is not usual."""
    from hwmodel.blocks import kernels

    result = np.empty(blocks.shape, np.float32)
    rows = result.reshape(-1, blocks.shape[-1])
    for part, quotients, steps, _ in _scaled(fmt, blocks):
        if quotients is None or kernels.times_steps(
            fmt.grid.quantize(quotients), steps, rows[part]
        ):
            return None
    return result


def encode(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> "tuple[CodeArray, CodeArray] | None":
    """Codes of the elements and of the scales, or None where the case is not usual."""
    codes, scales = [], []
    for _, quotients, _, scale_codes in _scaled(fmt, blocks):
        if quotients is None:
            return None
        codes.append(fmt.grid.encode(quotients))
        scales.append(scale_codes)
    if not codes:
        return None
    return (
        np.concatenate(codes).reshape(blocks.shape),
        np.concatenate(scales).reshape(blocks.shape[:-1]),
    )


def _scaled(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> Iterator[tuple[slice, Any, Any, Any]]:
    """Rows, their values over the steps (None where not usual), steps and codes of the scales."""
    from hwmodel.blocks import kernels

    rows = np.ascontiguousarray(blocks).reshape(-1, blocks.shape[-1])
    count = max(1, _AT_ONCE // rows.shape[1])
    for first in range(0, len(rows), count):
        part = slice(first, first + count)
        magnitude = np.empty(len(rows[part]), np.float32)
        kernels.largest(rows[part], magnitude)
        if not np.isfinite(magnitude).all():
            yield part, None, None, None
            return
        codes = fmt.scale_codes_of(magnitude)
        steps = fmt.steps_of(codes).astype(np.float32)
        if not steps.all():
            yield part, None, None, None
            return
        quotients = np.empty_like(rows[part])
        kernels.over_steps(rows[part], steps, quotients)
        yield part, quotients, steps, codes
