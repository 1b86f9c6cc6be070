"""Python's integers from words of 64 bits and back.

A NumPy function that makes them one by one takes longer than most matrix products, and two steps
where a number has two words. Compiled code asks Python itself, as `int.from_bytes` does.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types

from hwmodel.arithmetic.wide_sums import WORD
from hwmodel.compiled import intrinsic
from hwmodel.lanes import pointer_to

__all__ = ["joined", "split"]

_BYTES = WORD // 8
_BYTE, _C_INT = ir.IntType(8), ir.IntType(32)
# Numbers that Python makes before the code for many is loaded.
_FEW = 1 << 12


def joined(words: npt.NDArray[np.uint64]) -> npt.NDArray[Any]:
    """Integers of words.

    Parameters
    ----------
    words : ndarray of uint64, shape (..., W)
        The words of each number, the least significant first.

    Returns
    -------
    ndarray of object, shape (...)
    """
    shape, count = words.shape[:-1], words.shape[-1]
    numbers = np.empty(int(np.prod(shape)), object)
    flat = np.ascontiguousarray(words).reshape(-1)
    if numbers.size <= _FEW:
        raw, size = flat.tobytes(), count * _BYTES
        numbers[:] = [
            int.from_bytes(raw[start : start + size], "little")
            for start in range(0, len(raw), size)
        ]
    elif not _make(flat, count, _Places(numbers).array):
        raise MemoryError(f"no memory for {numbers.size} integers of {count} words")
    return numbers.reshape(shape)


def split(numbers: npt.NDArray[Any], count: int) -> npt.NDArray[np.uint64]:
    """Words of integers that are not negative and have no more than `count` of them."""
    raw = b"".join(int(number).to_bytes(count * _BYTES, "little") for number in numbers.flat)
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(*numbers.shape, count)


class _Places:
    """The places of an array of objects, all free, as integers: NumPy has no view of that kind."""

    def __init__(self, numbers: npt.NDArray[Any]) -> None:
        self._numbers = numbers
        facts = dict(numbers.__array_interface__, typestr="<i8", descr=[("", "<i8")])
        self.__array_interface__ = facts

    @property
    def array(self) -> npt.NDArray[np.int64]:
        return np.asarray(self)


@intrinsic
def _integer(typing: Any, words: Any, first: Any, count: Any) -> Any:
    """Address of a new integer of so many words from the first on, for which one owner counts."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        python = context.get_python_api(builder)
        kind = ir.FunctionType(
            python.pyobj, [_BYTE.as_pointer(), python.py_ssize_t, _C_INT, _C_INT]
        )
        make = python._get_function(kind, "_PyLong_FromByteArray")
        start = pointer_to(context, builder, words, args[0], args[1], _BYTE)
        size = builder.mul(args[2], args[2].type(_BYTES))
        little_endian, signed = _C_INT(1), _C_INT(0)
        number = builder.call(make, [start, size, little_endian, signed])
        return builder.ptrtoint(number, context.get_value_type(types.int64))

    return types.int64(words, first, count), code


# Not without Python's lock, as the other compiled code is: it makes objects.
@njit(cache=True)
def _make(words: Any, count: int, places: Any) -> bool:
    """Put integers in free places; returns whether there was memory for all."""
    for i in range(places.size):
        first, size = i * count, count
        while size > 1 and words[first + size - 1] == 0:
            size -= 1
        number = _integer(words, first, size)
        if number == 0:
            return False
        places[i] = number
    return True
