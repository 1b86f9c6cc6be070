"""The quick route of block formats: float32 blocks, a few at a time while they are in the cache.

`base` does the same for whole arrays and any case; what is not usual here (values that are not
finite, products beyond float32) is left to it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.parallel import in_pieces

if TYPE_CHECKING:
    from hwmodel.blocks.base import BaseBlockFormat
    from hwmodel.formats.base import CodeArray

__all__ = ["encode", "quantize"]

_AT_ONCE = 1 << 17  # values
# Values that pay for a thread of their own.
_WORTHWHILE = 1 << 18


def quantize(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Rounded values of blocks, shape (..., size), or None where the case is not usual."""
    from hwmodel.blocks.rows import largest

    rows = np.ascontiguousarray(blocks).reshape(-1, blocks.shape[-1])
    result = np.empty(rows.shape, np.float32)
    tensor_scale = None
    worth = max(1, _WORTHWHILE // rows.shape[1])
    if fmt.has_tensor_scale:
        magnitude = np.empty(len(rows), np.float32)

        def find(part: slice) -> int:
            largest(rows[part], magnitude[part])
            return 0

        in_pieces(find, len(rows), worth)
        most = float(magnitude.max())
        if not np.isfinite(most):
            return None
        tensor_scale = fmt.tensor_scale_of(most)

    def some(piece: slice) -> int:
        parts = _parts(piece, rows.shape[1])
        return int(not all(fmt.round_rows(rows[p], tensor_scale, result[p]) for p in parts))

    return None if in_pieces(some, len(rows), worth) else result.reshape(blocks.shape)


def _parts(piece: slice, size: int) -> Iterator[slice]:
    count = max(1, _AT_ONCE // size)
    for first in range(piece.start, piece.stop, count):
        yield slice(first, min(first + count, piece.stop))


def encode(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> "tuple[CodeArray, CodeArray] | None":
    """Codes of the elements and of the scales, or None where the case is not usual."""
    codes, scales = [], []
    for quotients, scale_codes in _scaled(fmt, blocks):
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


def _scaled(fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]) -> Iterator[tuple[Any, Any]]:
    """Values over their steps (None where not usual), and codes of the scales."""
    from hwmodel.blocks import kernels
    from hwmodel.blocks.rows import largest

    rows = np.ascontiguousarray(blocks).reshape(-1, blocks.shape[-1])
    for part in _parts(slice(0, len(rows)), rows.shape[1]):
        magnitude = np.empty(len(rows[part]), np.float32)
        largest(rows[part], magnitude)
        if not np.isfinite(magnitude).all():
            yield None, None
            return
        codes, steps = fmt.scales_of(magnitude, None)
        steps = steps.astype(np.float32)
        if not steps.all():
            yield None, None
            return
        quotients = np.empty_like(rows[part])
        kernels.over_steps(rows[part], steps, quotients)
        yield quotients, codes
