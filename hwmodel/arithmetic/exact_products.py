"""Matrix products of codes whose sums no rounding touches.

By instructions for pairs of 16-bit integers where the machine has them (`pair_products`), else by
matrix libraries (`library_products`).
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import library_products, wide_sums
from hwmodel.arithmetic.library_products import Steps
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, Overflow
from hwmodel.formats.base import MAX_TABLE_BITS, code_dtype
from hwmodel.units import UnitSpec

__all__ = ["fixed_product"]

# Multiplications that matrix libraries have done before the other code is loaded.
_FEW = 1 << 21
# In tables of bit lengths: no number.
_ODD = np.iinfo(np.uint16).max
# Bits of integers that digits are taken of.
_MOST_BITS = 62

_Flags = npt.NDArray[np.bool_] | None


def fixed_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Matrix product of the codes x, shape (M, K), and y, (K, N), in a fixed-point accumulator.

    Codes of more than 64 bits are Python's integers, or words of them on a third axis.
    """
    width = spec.fixed_point.width
    found: tuple[Any, _Flags, _Flags] | None = None
    if spec.overflow is not Overflow.SATURATE and x.size * y.shape[1] > _FEW:
        found = _sums_by_pairs(spec, x, y) or _sums_in_bins(spec, x, y)
    if found is None:
        a, b = library_products.steps(spec.a, x), library_products.steps(spec.b, y)
        if spec.overflow is Overflow.SATURATE:
            sums = _saturating_sums(spec, a, b)
        else:
            most = a.largest * b.largest * x.shape[1]
            sums = library_products.exact_sums(a, b, _sum_type(most, width))
        found = sums, a.odd, b.odd
    total: Any
    total, odd_a, odd_b = found
    odd = None
    if spec.has_nonfinite_flag and not (odd_a is None and odd_b is None):
        rows = np.any(odd_a, axis=1) if odd_a is not None else np.zeros(len(x), np.bool_)
        columns = np.any(odd_b, axis=0) if odd_b is not None else np.zeros(y.shape[1], np.bool_)
        odd = np.logical_or.outer(rows, columns)
    if isinstance(total, wide_sums.Totals):
        total = wide_sums.words_of(total, spec.accumulator_bits)
    if total.ndim == 3:
        words = total
        place, bit = divmod(width, wide_sums.WORD)
        if spec.has_nonfinite_flag:  # above the sum's bits, of which the sign has gone on
            words[..., place] &= np.uint64((1 << bit) - 1)
        if odd is not None:
            words[..., place] |= odd.astype(np.uint64) << np.uint64(bit)
        return words
    if spec.accumulator_bits > 64:  # Python's integers, which know no size
        codes = total.astype(object)
        codes &= _scalar((1 << width) - 1, codes.dtype)
    else:
        codes = total.view(np.dtype(f"u{total.itemsize}"))
        if width < 8 * codes.itemsize:
            codes &= _scalar((1 << width) - 1, codes.dtype)
    if odd is not None:
        codes = codes.astype(object if spec.accumulator_bits > 64 else code_dtype(width + 1))
        codes += odd.astype(codes.dtype) * _scalar(1 << width, codes.dtype)
    return np.asarray(codes)


def _scalar(number: int, kind: Any) -> npt.NDArray[Any]:
    return np.array(number, dtype=kind)


def _saturating_sums(spec: UnitSpec, a: Steps, b: Steps) -> npt.NDArray[np.int64]:
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


def _sum_type(most: int, width: int) -> np.dtype[Any]:
    """Integers in which sums up to `most` are exact, or modulo 2^64 where that is enough."""
    if width <= 32 and most < 1 << 31:
        return np.dtype(np.int32)
    return np.dtype(np.int64 if width <= 64 or most < 1 << 63 else object)


def _sums_by_pairs(
    spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]
) -> tuple[Any, _Flags, _Flags] | None:
    """Sums, and where codes are no numbers; None where there is no such route."""
    from hwmodel.arithmetic import pair_plans, pair_products

    if not pair_products.is_there() or max(spec.a.bits, spec.b.bits) > MAX_TABLE_BITS:
        return None
    x = x.astype(code_dtype(spec.a.bits), copy=False)
    y = y.astype(code_dtype(spec.b.bits), copy=False)
    left, right = pair_products.arranged(x, first=True), pair_products.arranged(y, first=False)
    (low_a, high_a, whole_a), (low_b, high_b, whole_b) = _reach(spec.a, left), _reach(spec.b, right)
    bits_a, bits_b = high_a - low_a, high_b - low_b
    if max(bits_a, bits_b) > _MOST_BITS:
        return None
    plan = pair_plans.plan_for(bits_a, bits_b)
    if plan is None:
        return None
    shift = low_a + low_b
    most = x.shape[1] << high_a + high_b - shift
    kind = _sum_type(most, spec.fixed_point.width)
    found = pair_products.totals(
        plan,
        functools.partial(_digits, spec.a, left, low_a, plan.left),
        functools.partial(_digits, spec.b, right, low_b, plan.right),
        (*x.shape, y.shape[1]),
        None if kind.hasobject else kind,
    )
    if found is None:
        return None
    odd_a, odd_b = None if whole_a else _odd(spec.a, x), None if whole_b else _odd(spec.b, y)
    if spec.accumulator_bits > 64:
        return found._replace(shift=shift), odd_a, odd_b
    return library_products.shifted(found.low, shift, kind), odd_a, odd_b


def _sums_in_bins(
    spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]
) -> tuple[Any, _Flags, _Flags] | None:
    """The same of numbers too far apart for that, as words."""
    from hwmodel.arithmetic.scattered_sums import Parts, scattered_sums

    if max(spec.a.bits, spec.b.bits) > MAX_TABLE_BITS or spec.accumulator_bits <= wide_sums.WORD:
        return None
    a, b = Parts(spec.a, x), Parts(spec.b, y)
    words = scattered_sums(a, b, spec.accumulator_bits)
    return None if words is None else (words, a.odd, b.odd)


def _reach(fmt: Format, codes: npt.NDArray[Any]) -> tuple[int, int, bool]:
    """Exponents of the values' last place and beyond the largest, in steps; if all are numbers."""
    from hwmodel.arithmetic.table_loops import reach

    lows, highs = _places(fmt)
    low, high = reach(lows, highs, codes)
    whole = high != _ODD
    if not whole:
        found = highs.take(codes)
        high = found.max(initial=0, where=found != _ODD)
    return min(int(low), int(high)), int(high), whole


def _odd(fmt: Format, codes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where codes are no numbers."""
    return np.asarray((_places(fmt)[1] == _ODD).take(codes))


@functools.lru_cache(maxsize=64)
def _places(fmt: Format) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Of each code the exponents of the last bit that is set and beyond the first, in steps."""
    low, high, numbers = library_products.code_places(fmt)
    odd = np.isnan(library_products.steps_of(fmt, np.arange(fmt.code_count)))
    return (
        np.where(numbers, low, _ODD).astype(np.uint16),
        np.where(odd, _ODD, high).astype(np.uint16),
    )


def _digits(
    fmt: Format, codes: npt.NDArray[Any], low: int, count: int, bits: int, which: int
) -> npt.NDArray[np.int16]:
    """A digit of the values of codes, in steps times ``2**low``, as `pair_products.totals` asks."""
    from hwmodel.arithmetic.table_loops import look_up

    result = np.empty(codes.shape, np.int16)
    look_up(_digit_table(fmt, low, count, bits, which), codes, result)
    return result


@functools.lru_cache(maxsize=256)
def _digit_table(fmt: Format, low: int, count: int, bits: int, digit: int) -> npt.NDArray[np.int16]:
    steps = np.ldexp(library_products.steps_of(fmt, np.arange(fmt.code_count)), -low)
    # What is no number, or so large that it does not occur here, counts as nothing.
    steps = np.where(np.abs(steps) < 2.0**_MOST_BITS, steps, 0.0)
    whole = np.trunc(steps).astype(np.int64)
    half, mask = 1 << bits >> 1, (1 << bits) - 1
    for _ in range(digit):
        whole = (whole - (((whole + half) & mask) - half)) >> bits
    last = digit == count - 1
    return (whole if last else ((whole + half) & mask) - half).astype(np.int16)
