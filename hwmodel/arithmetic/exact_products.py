"""Matrix products of codes whose sums no rounding touches, by matrix libraries.

Sums are formed in pieces that float32 or float64 holds exactly.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, Overflow
from hwmodel.formats.base import MAX_TABLE_BITS, code_dtype
from hwmodel.units import UnitSpec

__all__ = ["fixed_product"]

_EXACT = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
# Products summed in one matrix product at least, else operands are cut into pieces.
_SHORTEST = 256


class _Steps(NamedTuple):
    """Values in steps of their format: integers in a float type.

    `odd` says where a code is none (then there is a zero), if anywhere; `largest` bounds the
    magnitudes.
    """

    values: npt.NDArray[Any]
    odd: npt.NDArray[np.bool_] | None
    largest: int

    @property
    def transposed(self) -> "_Steps":
        return _Steps(self.values.T, None, self.largest)


def fixed_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Matrix product of the codes x, shape (M, K), and y, (K, N), in a fixed-point accumulator."""
    width = spec.fixed_point.width
    a, b = _steps(spec.a, x), _steps(spec.b, y)
    if spec.overflow is Overflow.SATURATE:
        total = _saturating_sums(spec, a, b)
    else:
        total = _exact_sums(a, b, _sum_type(a, b, width))
    if spec.accumulator_bits > 64:  # Python's integers, which know no size
        codes = total.astype(object)
        if total.dtype.hasobject:
            codes &= _scalar((1 << width) - 1, codes.dtype)
        else:
            codes[total < 0] += 1 << width
    else:
        codes = total.view(np.dtype(f"u{total.itemsize}"))
        if width < 8 * codes.itemsize:
            codes &= _scalar((1 << width) - 1, codes.dtype)
    if spec.has_nonfinite_flag and not (a.odd is None and b.odd is None):
        rows = np.any(a.odd, axis=1) if a.odd is not None else np.zeros(len(x), np.bool_)
        columns = np.any(b.odd, axis=0) if b.odd is not None else np.zeros(y.shape[1], np.bool_)
        wide = object if spec.accumulator_bits > 64 else code_dtype(spec.accumulator_bits)
        codes = codes.astype(wide)
        codes += np.logical_or.outer(rows, columns).astype(wide) * _scalar(1 << width, codes.dtype)
    return np.asarray(codes)


def _scalar(number: int, kind: Any) -> npt.NDArray[Any]:
    return np.array(number, dtype=kind)


def _saturating_sums(spec: UnitSpec, a: _Steps, b: _Steps) -> npt.NDArray[np.int64]:
    from hwmodel.arithmetic.watched_sums import add_saturating

    width = spec.fixed_point.width
    if a.largest * b.largest >= 1 << 62 or width > 62:
        raise HwmodelError(
            f"a saturating accumulator of more than 62 bits ({spec.name}) is not built for"
            " matrix products; simulate() has it"
        )
    total = np.empty((a.values.shape[0], b.values.shape[1]), np.int64)
    high = (1 << (width - 1)) - 1
    add_saturating(a.values.astype(np.int64), b.values.astype(np.int64), -high - 1, high, total)
    return total


def _steps(fmt: Format, codes: npt.NDArray[Any]) -> _Steps:
    """Values of codes in steps of the format."""
    table = _step_table(fmt) if fmt.bits <= MAX_TABLE_BITS else None
    values = _steps_of(fmt, codes) if table is None else table.take(codes)
    high, low = values.max(initial=0.0), values.min(initial=0.0)
    if not np.isnan(high):
        return _Steps(values, None, int(max(high, -low)))
    odd = np.isnan(values)
    values[odd] = 0.0
    return _Steps(values, odd, _largest(values))


@functools.lru_cache(maxsize=64)
def _step_table(fmt: Format) -> npt.NDArray[Any]:
    steps = _steps_of(fmt, np.arange(fmt.code_count))
    # In the type of the matrix product, if the other operand is no larger.
    single = _largest(np.nan_to_num(steps)) ** 2 * _SHORTEST <= 1 << _EXACT[np.dtype(np.float32)]
    return steps.astype(np.float32) if single else steps


def _steps_of(fmt: Format, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values in steps of the format (exact), NaN where there is none."""
    value = fmt.decode(codes)
    scale = 2.0**-fmt.lsb_exponent if isinstance(fmt, FloatFormat) else 1.0
    if not np.isfinite(scale) or fmt.max_value * scale > 2.0**1000:
        raise HwmodelError(
            f"{fmt.name} has too wide a range for an exact matrix product; simulate() has it"
        )
    return np.where(np.isfinite(value), value, np.nan) * scale


def _largest(steps: npt.NDArray[Any]) -> int:
    return int(max(steps.max(initial=0.0), -steps.min(initial=0.0)))


def _sum_type(a: _Steps, b: _Steps, width: int) -> np.dtype[Any]:
    """Integers in which sums are exact, or modulo 2^64 where that does for the width."""
    most = a.largest * b.largest * a.values.shape[1]
    if width <= 32 and most < 1 << 31:
        return np.dtype(np.int32)
    return np.dtype(np.int64 if width <= 64 or most < 1 << 63 else object)


def _exact_sums(a: _Steps, b: _Steps, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Sums of products of integers, given in floats, as `kind`.

    Each matrix product covers so few bits that its sums are exact: the columns of `a` are taken
    some at a time, and where that does not do, the magnitudes of `b` are cut into pieces.
    """
    length = a.values.shape[1]
    if a.largest == 0 or b.largest == 0:
        return np.zeros((a.values.shape[0], b.values.shape[1]), kind)
    short = min(length, _SHORTEST)
    # float32 multiplies twice as fast, where it holds enough.
    single = a.largest * b.largest * short <= 1 << _EXACT[np.dtype(np.float32)]
    dtype = np.dtype(np.float32 if single else np.float64)
    room = _EXACT[dtype]
    bits_a, bits_b = a.largest.bit_length(), b.largest.bit_length()
    cut = bits_b
    if a.largest * b.largest * short > 1 << room:
        if bits_a > bits_b:
            return _exact_sums(b.transposed, a.transposed, kind).T  # cut the wider one
        cut = max(1, room - bits_a - short.bit_length())
    if bits_a + cut > room:
        return _exact_sums_of_halves(a, b, kind)
    # Largest piece of b: all of it, or all ones.
    at_once = max(1, (1 << room) // (a.largest * min(b.largest, (1 << cut) - 1)))
    left = a.values.astype(dtype, copy=False)
    total: Any = None
    for shift in range(0, bits_b, cut):
        piece = b.values
        if cut < bits_b:  # of the magnitude, at this place, with the number's sign
            upper = np.trunc(piece * 2.0**-shift)
            piece = upper - np.trunc(upper * 2.0**-cut) * 2.0**cut
        piece = piece.astype(dtype, copy=False)
        for start in range(0, length, at_once):
            partial = left[:, start : start + at_once] @ piece[start : start + at_once]
            whole = _shifted(partial.astype(np.int64 if kind.hasobject else kind), shift, kind)
            total = whole if total is None else total + whole
    return np.asarray(total)


def _exact_sums_of_halves(a: _Steps, b: _Steps, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Both operands too wide for one piece: `a` in two parts, each by itself."""
    half = a.largest.bit_length() // 2
    upper = np.trunc(a.values * 2.0**-half)
    lower = a.values - upper * 2.0**half
    high, low = (_exact_sums(_Steps(x, None, _largest(x)), b, kind) for x in (upper, lower))
    return np.asarray(_shifted(high, half, kind) + low)


def _shifted(sums: npt.NDArray[Any], places: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    if kind.hasobject:
        return np.asarray(sums.astype(object) << places)
    if places == 0:
        return sums
    # NumPy shifts by less than the word's size only.
    return sums << kind.type(places) if places < 8 * kind.itemsize else np.zeros_like(sums)
