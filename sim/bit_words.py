"""Bits of ports as words: bit k of word j of a cycle is bit 64 j + k of the ports together."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["bits_of", "words_of", "words_of_codes"]

Words = NDArray[np.uint64]


def words_of(bits: NDArray[np.uint8]) -> Words:
    """Words of bits: uint64 of shape (T, words) from 0 and 1 of shape (T, bits)."""
    cycles, width = bits.shape
    count = -(-width // 64)
    packed = np.zeros((cycles, 8 * count), np.uint8)
    few = np.packbits(bits, axis=1, bitorder="little")
    packed[:, : few.shape[1]] = few
    return packed.view("<u8").astype(np.uint64).reshape(cycles, count)


def bits_of(words: Words, width: int) -> NDArray[np.uint8]:
    """Bits of words: the inverse of `words_of`."""
    raw = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(words.shape[0], -1)
    return np.unpackbits(raw, axis=1, count=width, bitorder="little")


def words_of_codes(codes: NDArray[np.generic], width: int) -> Words:
    """Words of codes of `width` bits, Python integers where they have more than 64."""
    if width <= 64:
        return codes.astype(np.uint64)[:, None]
    size = 8 * -(-width // 64)
    raw = b"".join(int(code).to_bytes(size, "little") for code in codes.tolist())
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(codes.size, -1)
