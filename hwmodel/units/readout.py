"""What an accumulator's codes stand for, of registers that are no float."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import code_dtype, code_range, shown
from hwmodel.formats.carrier import as_array

if TYPE_CHECKING:
    from hwmodel.units.spec import UnitSpec

__all__ = ["fixed_values"]

_WORD = 64  # bits of NumPy's widest integers


def fixed_values(spec: "UnitSpec", codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Values of codes of an integer or exact accumulator; see `UnitSpec.decode_accumulator`."""
    array = _checked(spec, codes)
    field = spec.fixed_point
    reach = (field.lsb_exponent, field.lsb_exponent + field.width)
    # float64 rounds the integer, and nothing more happens while the exponents are its own.
    if spec.accumulator_bits <= _WORD and reach[0] >= -1022 and reach[1] <= 1023:
        return _word_values(spec, array)
    result = np.empty(array.shape, np.float64)
    for index, code in np.ndenumerate(array):
        result[index] = _value(spec, int(code))
    return result


def _checked(spec: "UnitSpec", codes: npt.ArrayLike) -> npt.NDArray[Any]:
    """Codes in the smallest dtype that holds them, after checking that each is one."""
    if not isinstance(codes, np.ndarray):
        # By itself NumPy makes floats of integers about 2^64.
        try:
            codes = np.asarray(codes, dtype=object)
        except (ValueError, TypeError, RuntimeError) as error:
            raise HwmodelError(f"codes make an array, but these do not: {error}") from None
    array = as_array(codes, "codes")
    bits = spec.accumulator_bits
    kind: Any = np.dtype(object) if bits > _WORD else code_dtype(bits)
    if array.size == 0:
        return array.astype(kind)
    name = f"the accumulator of {spec.name}"
    low, high = code_range(array, name, "simulate() and matmul() give such codes")
    if low < 0 or high >> bits:
        raise HwmodelError(
            f"codes of {name} lie in 0..2^{bits}-1, but {shown(low if low < 0 else high)} came;"
            " mask the two's-complement numbers that they stand for"
        )
    return array.astype(kind)


def _word_values(spec: "UnitSpec", codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    field = spec.fixed_point
    words = codes.astype(np.uint64)
    # To the top of the word, where the sign is, and back.
    unused = np.uint64(_WORD - field.width)
    integers = (words << unused).view(np.int64) >> np.int64(unused)
    values = np.ldexp(integers.astype(np.float64), field.lsb_exponent)
    if spec.has_nonfinite_flag:
        values = np.where(words >> np.uint64(field.width) != 0, np.nan, values)
    return np.asarray(values)


def _value(spec: "UnitSpec", code: int) -> float:
    width, lsb = spec.fixed_point.width, spec.fixed_point.lsb_exponent
    if spec.has_nonfinite_flag and code >> width:
        return float("nan")
    integer = (code & ((1 << width) - 1)) - (code >> (width - 1) << width)
    try:
        return float(integer * Fraction(2) ** lsb)
    except OverflowError:
        raise HwmodelError(
            f"a value of the accumulator of {spec.name} about 2^{integer.bit_length() + lsb} is"
            " beyond float64; work with its code, a two's-complement number in units of"
            f" 2^{lsb}"
        ) from None
