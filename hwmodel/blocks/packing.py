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
    elements: CodeArray, scales: CodeArray, element_bits: int, scale_bits: int
) -> npt.NDArray[np.uint8]:
    """Bits of all blocks one after the other: the scale's code, then the elements' codes.

    Parameters
    ----------
    elements : ndarray of unsigned int
        Codes, shape (..., size): one block a row.
    scales : ndarray of unsigned int
        Codes, one a row.
    element_bits, scale_bits : int
        Widths of the two. Of each code the least significant bit comes first, and of each byte
        the least significant bit is filled first; the last byte is filled up with zeros.
    """
    rows = scales.size
    front = _bits(scales.reshape(rows), scale_bits)
    rest = _bits(elements.reshape(rows, elements.shape[-1]), element_bits)
    bits = np.concatenate([front, rest.reshape(rows, elements.shape[-1] * element_bits)], axis=1)
    return np.packbits(bits.reshape(-1), bitorder="little")


def unpacked(
    data: npt.NDArray[np.uint8], blocks: int, size: int, element_bits: int, scale_bits: int
) -> tuple[CodeArray, CodeArray]:
    """Codes of the elements, shape (blocks, size), and of the scales: the inverse of `packed`."""
    width = scale_bits + size * element_bits
    bits = np.unpackbits(data, count=blocks * width, bitorder="little").reshape(blocks, width)
    elements = bits[:, scale_bits:].reshape(blocks, size, element_bits)
    return _codes(elements), _codes(bits[:, :scale_bits])


def _bits(codes: CodeArray, width: int) -> npt.NDArray[np.uint8]:
    places = np.arange(width, dtype=codes.dtype)
    return ((codes[..., None] >> places) & codes.dtype.type(1)).astype(np.uint8)


def _codes(bits: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    dtype = code_dtype(bits.shape[-1])
    codes = np.zeros(bits.shape[:-1], dtype)
    for place in range(bits.shape[-1]):
        codes |= bits[..., place].astype(dtype) << dtype.type(place)
    return codes
