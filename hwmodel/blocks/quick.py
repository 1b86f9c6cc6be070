"""The quick route of block formats: float32 blocks, in compiled code.

`base` does the same for any case; what is not usual here (values that are not finite, products
beyond float32) is left to it.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.blocks import again
from hwmodel.formats.base import code_dtype
from hwmodel.parallel import in_pieces

if TYPE_CHECKING:
    from hwmodel.blocks.base import BaseBlockFormat
    from hwmodel.formats.base import CodeArray

__all__ = ["encode", "quantize"]

# Values that pay for a thread of their own.
_WORTHWHILE = 1 << 18
# Largest size of blocks for which code is compiled by itself.
_SHORT = 64
# Values whose largest is sooner found by NumPy than by code that is still to be compiled.
_FEW = 1 << 16


def quantize(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Rounded values of blocks, shape (..., size), or None where the case is not usual."""
    found = _walk(fmt, blocks, np.dtype(np.int32))
    return None if found is None else found[0].view(np.float32)


def encode(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32]
) -> "tuple[CodeArray, CodeArray, float | None] | None":
    """Codes of the elements and of the scales, and the tensor scale, or None as above."""
    return _walk(fmt, blocks, code_dtype(fmt.element.bits))


def _walk(
    fmt: "BaseBlockFormat", blocks: npt.NDArray[np.float32], dtype: np.dtype[Any]
) -> "tuple[Any, CodeArray, float | None] | None":
    """Values as bits, or codes; codes of the scales; the tensor scale."""
    work = fmt.work
    if work is None:
        return None
    from hwmodel.blocks.rows import at_once, walk
    from hwmodel.lanes import COUNT

    rows = np.ascontiguousarray(blocks).reshape(-1, blocks.shape[-1])
    room = at_once(rows.shape[1] + -rows.shape[1] % COUNT)
    # Whole eights, of blocks too where all are worked on at a time; else the last ones overlap.
    filled = tuple(
        (0, -length % COUNT if few else 0)
        for length, few in zip(rows.shape, (len(rows) < room, True), strict=True)
    )
    if any(map(any, filled)):
        rows = np.pad(rows, filled)
    count, size = rows.shape
    values = rows.reshape(-1)
    # Short loops of a known length are twice as fast.
    shape = (0,) * (size // COUNT) if size <= _SHORT else size
    worth = max(room, _WORTHWHILE // size)
    steps, largest = np.empty(0), np.empty(0, np.float32)
    codes: npt.NDArray[Any] = np.empty(count, code_dtype(fmt.scale_code_bits))
    tensor_scale = None
    if work.kind.known:
        largest = _magnitudes(rows, shape, worth)
        most = float(largest.max())
        if not math.isfinite(most):
            return None
        tensor_scale = fmt.tensor_scale_of(most)
        if work.kind.given:
            given, steps = fmt.scales_of(largest, tensor_scale)
            codes[:] = given
    reals = (fmt.divisor_for(tensor_scale), tensor_scale or 1.0, *work.limits)
    result = np.empty(rows.size, dtype)
    high = np.empty(count, np.int32)
    coded = True if dtype.kind == "u" else None

    def some(piece: slice) -> int:
        part = slice(piece.start * size, piece.stop * size)
        there = min(room, count)
        scratch = (*np.empty((2, there), np.int32), np.empty(there, np.float32), np.empty(there))
        usual = walk(
            *(work.constants, work.scale, reals, values[part], shape),
            *(largest[piece].view(np.int32), steps[piece] if work.kind.given else steps),
            *(result[part], codes[piece], high[piece], scratch, coded, *work.kind),
        )
        return 0 if usual else 1

    if in_pieces(some, count, worth):
        return None
    if high.min() == 0:  # quicker than `all`
        if work.kind.shifted_pairs:
            return None
        left = np.flatnonzero(high == 0)
        left_steps = fmt.steps_of(codes[left], tensor_scale)
        again.round_again(work.wide, values, size, left, left_steps, result)
    rounded = result.reshape(rows.shape)[: math.prod(blocks.shape[:-1]), : blocks.shape[-1]]
    return (
        np.ascontiguousarray(rounded).reshape(blocks.shape),
        codes[: len(rounded)].reshape(blocks.shape[:-1]),
        tensor_scale,
    )


def _magnitudes(
    rows: npt.NDArray[np.float32], shape: int | tuple[int, ...], worth: int
) -> npt.NDArray[np.float32]:
    """Largest magnitude of each row, not finite where a value is not."""
    if rows.size <= _FEW:
        return np.asarray(np.maximum(rows.max(axis=1), -rows.min(axis=1)))
    from hwmodel.blocks.rows import find_largest

    count, size = rows.shape
    values = rows.reshape(-1)
    result = np.empty(count, np.int32)

    def find(part: slice) -> int:
        find_largest(values[part.start * size : part.stop * size], shape, result[part])
        return 0

    in_pieces(find, count, worth)
    return result.view(np.float32)
