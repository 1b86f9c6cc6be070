"""Codes of blocks as bytes: tightly packed, least significant bit first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.formats.base import CodeArray, code_dtype

__all__ = ["packed", "packed_size", "unpacked"]


def packed_size(blocks: int, size: int, element_bits: int, scale_bits: int) -> int:
    """Bytes that `packed` makes of so many blocks."""
    return -(-blocks * (scale_bits + size * element_bits) // 8)


def packed(
    elements: CodeArray, scales: CodeArray, element_bits: int, scale_widths: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Bits of all blocks one after the other: the scales' codes, then the elements' codes.

    Parameters
    ----------
    elements : ndarray of unsigned int
        Codes, shape (..., size): one block a row.
    scales : ndarray of unsigned int
        Codes, as many a row as there are `scale_widths`.
    element_bits : int
        Width of an element's code. Of each code the least significant bit comes first, and of each
        byte the least significant bit is filled first; the last byte is filled up with zeros.
    scale_widths : tuple of int
        Widths of the scales' codes in a row.
    """
    rows = scales.size // len(scale_widths)
    taken = _taken(scale_widths)
    front = _bits(scales.reshape(rows, len(scale_widths)), taken.shape[1])[:, taken]
    rest = _bits(elements.reshape(rows, elements.shape[-1]), element_bits)
    bits = np.concatenate([front, rest.reshape(rows, elements.shape[-1] * element_bits)], axis=1)
    return np.packbits(bits.reshape(-1), bitorder="little")


def unpacked(
    data: npt.NDArray[np.uint8],
    blocks: int,
    size: int,
    element_bits: int,
    scale_widths: tuple[int, ...],
) -> tuple[CodeArray, CodeArray]:
    """Codes of the elements, shape (blocks, size), and of the scales, shape (blocks, widths).

    The inverse of `packed`.
    """
    scale_bits = sum(scale_widths)
    width = scale_bits + size * element_bits
    bits = np.unpackbits(data, count=blocks * width, bitorder="little").reshape(blocks, width)
    elements = bits[:, scale_bits:].reshape(blocks, size, element_bits)
    taken = _taken(scale_widths)
    scales = np.zeros((blocks, *taken.shape), np.uint8)
    scales[:, taken] = bits[:, :scale_bits]
    return _codes(elements), _codes(scales)


def _taken(widths: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which bits of codes, all as wide as the widest, go into memory."""
    return np.asarray(np.arange(max(widths)) < np.array(widths)[:, None])


def _bits(codes: CodeArray, width: int) -> npt.NDArray[np.uint8]:
    places = np.arange(width, dtype=codes.dtype)
    return ((codes[..., None] >> places) & codes.dtype.type(1)).astype(np.uint8)


def _codes(bits: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    dtype = code_dtype(bits.shape[-1])
    codes = np.zeros(bits.shape[:-1], dtype)
    for place in range(bits.shape[-1]):
        codes |= bits[..., place].astype(dtype) << dtype.type(place)
    return codes
