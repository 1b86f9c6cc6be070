"""Matrix products of codes with a declared accumulator, code for code those of `simulate`.

Element (i, j) is what the unit's accumulator holds after the products of row i and column j, taken
in order from k = 0. Sums that no rounding touches are left to matrix libraries in pieces that
float64 (or float32) holds exactly; sums with a rounding a step go through compiled code.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import carriers
from hwmodel.arithmetic.mac import check_exponents
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, Overflow
from hwmodel.formats.base import MAX_TABLE_BITS, code_dtype
from hwmodel.parallel import in_pieces
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["matmul"]


def matmul(a: npt.ArrayLike, b: npt.ArrayLike, spec: UnitSpec) -> npt.NDArray[Any]:
    """Matrix product of codes, added in order into the unit's accumulator.

    Parameters
    ----------
    a : array_like of int, shape (..., M, K)
        Codes of the unit's first operand.
    b : array_like of int, shape (..., K, N)
        Codes of the second; leading axes broadcast as in `numpy.matmul`.
    spec : UnitSpec
        The unit: operand formats, accumulator, rounding and overflow. Products are taken from
        the first to the last, one after the other or as many at once as the accumulator says.

    Returns
    -------
    ndarray, shape (..., M, N)
        Accumulator codes: the smallest unsigned dtype that holds them, or Python integers (dtype
        object) for an accumulator of more than 64 bits. ``spec.decode_accumulator`` gives values.

    Raises
    ------
    HwmodelError
        The shapes do not fit together, or a code is out of range.
    """
    if not isinstance(spec, UnitSpec):
        raise HwmodelError(f"a unit is a UnitSpec, as hwmodel.unit(name) gives, but {spec!r} came")
    x, y = spec.a.checked_codes(a), spec.b.checked_codes(b)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-2]:
        raise HwmodelError(
            "a matrix product takes codes of shapes (..., M, K) and (..., K, N), but"
            f" {x.shape} and {y.shape} came"
        )
    try:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError as error:
        raise HwmodelError(
            f"the leading axes of {x.shape} and {y.shape} do not broadcast together"
        ) from error
    shape = (*batch, x.shape[-2], y.shape[-1])
    if not np.prod(shape):
        return np.zeros(shape, _dtype(spec))
    product = _route(spec)
    if not batch:
        return product(spec, x, y).astype(_dtype(spec), copy=False)
    codes = np.empty(shape, _dtype(spec))
    xs = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    ys = np.broadcast_to(y, (*batch, *y.shape[-2:]))
    for index in np.ndindex(*batch):
        codes[index] = product(spec, xs[index], ys[index])
    return codes


def _route(spec: UnitSpec) -> Callable[..., npt.NDArray[Any]]:
    if isinstance(spec.accumulator, ChunkedAccumulator):
        from hwmodel.arithmetic.chunked import chunked_product

        return functools.partial(chunked_product, product=matmul)
    if isinstance(spec.accumulator, AlignedAccumulator):
        from hwmodel.arithmetic.aligned import aligned_product

        return aligned_product
    return _float_product if isinstance(spec.accumulator, FloatAccumulator) else _fixed_product


def _dtype(spec: UnitSpec) -> Any:
    return object if spec.accumulator_bits > 64 else code_dtype(spec.accumulator_bits)


# ---- a rounding a step --------------------------------------------------------------------------


# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 20


def _float_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    assert isinstance(spec.accumulator, FloatAccumulator)
    assert spec.overflow is not None
    fmt = spec.accumulator.format
    check_exponents(spec)
    codes = np.empty((x.shape[0], y.shape[1]), code_dtype(fmt.bits))
    left = np.arange(len(x))  # rows that no carrier has done so far
    types = carriers.carriers_for(spec)
    for carrier in types:
        some = x if len(left) == len(x) else x[left]
        a, b = _values(spec.a, some, carrier.dtype), _values(spec.b, y, carrier.dtype)
        values, void = _carried(carrier, a, b, hasty=carrier is not types[-1])
        if carrier.constants.native:
            done = values.view(codes.dtype)
            done[np.isnan(values)] = fmt.nan_code
        else:  # the format's own values, which coding leaves as they are
            done = fmt.encode(values, spec.overflow)
        if some is x and not void.any():
            return done
        codes[left] = done
        left = left[void]
        if not left.size:
            return codes
    codes[left] = _with_care(spec, spec.a.decode(x[left]), spec.b.decode(y))
    return codes


def _values(fmt: Format, codes: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Values of codes in a type that holds them, in C order."""
    if fmt.bits > MAX_TABLE_BITS:
        return np.ascontiguousarray(fmt.decode(codes), dtype)
    return _value_table(fmt, dtype).take(codes)


@functools.lru_cache(maxsize=64)
def _value_table(fmt: Format, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return fmt.decode(np.arange(fmt.code_count)).astype(dtype)


def _carried(
    carrier: carriers.Carrier, a: npt.NDArray[Any], b: npt.NDArray[Any], hasty: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Rounded sums in a carrier, and which rows it does not hold; those are zero."""
    from hwmodel.arithmetic import sums

    values = np.zeros((len(a), b.shape[1]), carrier.dtype)
    void = np.zeros(len(a), np.bool_)

    def some(rows: slice) -> int:
        void[rows] = sums.add_products(carrier.constants, a[rows], b, values[rows], hasty)
        return 0

    work = a.size * b.shape[1]
    in_pieces(some, len(a), worth=max(1, len(a) * _WORTHWHILE // max(1, work)))
    if void.any():
        values[void] = 0
    return values, void


def _with_care(spec: UnitSpec, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Codes of the sums, whatever the unit."""
    from hwmodel.arithmetic import steps
    from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS
    from hwmodel.formats.vector import layout_of

    assert isinstance(spec.accumulator, FloatAccumulator)
    assert spec.overflow is not None
    fmt = spec.accumulator.format
    codes = np.empty((len(a), b.shape[1]), code_dtype(fmt.bits))
    columns = np.asfortranarray(b)
    rules = (ROUNDINGS[spec.rounding], OVERFLOWS[spec.overflow])

    def some(rows: slice) -> int:
        steps.dot_products(layout_of(fmt), a[rows], columns, *rules, codes[rows])
        return 0

    in_pieces(some, len(a), worth=1)
    return codes


# ---- no rounding --------------------------------------------------------------------------------

_EXACT = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
# Products summed in one matrix product at least, else operands are cut into pieces.
_SHORTEST = 256


def _fixed_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    width = spec.fixed_point.width
    a, odd_a = _steps(spec.a, x)
    b, odd_b = _steps(spec.b, y)
    if spec.overflow is Overflow.SATURATE:
        from hwmodel.arithmetic.watched_sums import add_saturating

        if _largest(a) * _largest(b) >= 1 << 62 or width > 62:
            raise HwmodelError(
                f"a saturating accumulator of more than 62 bits ({spec.name}) is not built for"
                " matrix products; simulate() has it"
            )
        total: Any = np.empty((a.shape[0], b.shape[1]), np.int64)
        high = (1 << (width - 1)) - 1
        add_saturating(a.astype(np.int64), b.astype(np.int64), -high - 1, high, total)
    else:
        total = _exact_sums(a, b, _sum_type(a, b, width))
    if spec.accumulator_bits > 64:
        codes = total.astype(object)
        if total.dtype == object:
            codes &= _scalar((1 << width) - 1, object)
        else:
            codes[total < 0] += 1 << width
    else:
        codes = total.view(np.dtype(f"u{total.itemsize}"))
        if width < 8 * codes.itemsize:
            codes &= _scalar((1 << width) - 1, codes.dtype)
    if spec.has_nonfinite_flag and (odd_a.any() or odd_b.any()):
        seen = np.logical_or.outer(odd_a.any(axis=1), odd_b.any(axis=0))
        codes = codes.astype(_dtype(spec))
        codes += seen.astype(codes.dtype) * _scalar(1 << width, codes.dtype)
    return np.asarray(codes)


def _scalar(number: int, kind: Any) -> npt.NDArray[Any]:
    return np.array(number, dtype=kind)


def _steps(fmt: Format, codes: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Values in steps of the format, in a float type that holds them, and where there is none."""
    if fmt.bits > MAX_TABLE_BITS:
        return _steps_of(fmt, codes)
    steps, odd = _step_table(fmt)
    # One place stands for all where no code is odd.
    return steps.take(codes), odd.take(codes) if odd.any() else np.zeros((1, 1), np.bool_)


@functools.lru_cache(maxsize=64)
def _step_table(fmt: Format) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    steps, odd = _steps_of(fmt, np.arange(fmt.code_count))
    # In the type of the matrix product, if the other operand is no larger.
    single = _largest(steps) ** 2 * _SHORTEST <= 1 << _EXACT[np.dtype(np.float32)]
    return steps.astype(np.float32) if single else steps, odd


def _steps_of(
    fmt: Format, codes: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    value = fmt.decode(codes)
    odd = ~np.isfinite(value)
    scale = 2.0**-fmt.lsb_exponent if isinstance(fmt, FloatFormat) else 1.0
    if not np.isfinite(scale) or fmt.max_value * scale > 2.0**1000:
        raise HwmodelError(
            f"{fmt.name} has too wide a range for an exact matrix product; simulate() has it"
        )
    return np.where(odd, 0.0, value) * scale, odd


def _largest(steps: npt.NDArray[Any]) -> int:
    return int(max(steps.max(initial=0.0), -steps.min(initial=0.0)))


def _sum_type(a: npt.NDArray[Any], b: npt.NDArray[Any], width: int) -> np.dtype[Any]:
    """Integers in which sums are exact, or modulo 2^64 where that does for the width."""
    most = _largest(a) * _largest(b) * a.shape[1]
    if width <= 32 and most < 1 << 31:
        return np.dtype(np.int32)
    return np.dtype(np.int64 if width <= 64 or most < 1 << 63 else object)


def _exact_sums(a: npt.NDArray[Any], b: npt.NDArray[Any], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Sums of products of integers, given in floats, as `kind`.

    Each matrix product covers so few bits that its sums are exact: the columns of `a` are taken
    some at a time, and where that does not do, the magnitudes of `b` are cut into pieces.
    """
    length = a.shape[1]
    total: Any = None
    largest_a, largest_b = _largest(a), _largest(b)
    if largest_a == 0 or largest_b == 0:
        return np.zeros((a.shape[0], b.shape[1]), kind)
    short = min(length, _SHORTEST)
    # float32 multiplies twice as fast, where it holds enough.
    single = largest_a * largest_b * short <= 1 << _EXACT[np.dtype(np.float32)]
    dtype = np.dtype(np.float32 if single else np.float64)
    room = _EXACT[dtype]
    bits_a, bits_b = largest_a.bit_length(), largest_b.bit_length()
    cut = bits_b
    if largest_a * largest_b * short > 1 << room:
        if bits_a > bits_b:
            return _exact_sums(b.T, a.T, kind).T  # cut the wider one
        cut = max(1, room - bits_a - short.bit_length())
    if bits_a + cut > room:
        return _exact_sums_of_halves(a, b, kind)
    # Largest piece of b: all of it, or all ones.
    at_once = max(1, (1 << room) // (largest_a * min(largest_b, (1 << cut) - 1)))
    for shift in range(0, bits_b, cut):
        piece = b
        if cut < bits_b:  # of the magnitude, at this place, with the number's sign
            upper = np.trunc(b * 2.0**-shift)
            piece = upper - np.trunc(upper * 2.0**-cut) * 2.0**cut
        for start in range(0, length, at_once):
            part = slice(start, start + at_once)
            partial = a[:, part].astype(dtype, copy=False) @ piece[part].astype(dtype, copy=False)
            whole = _shifted(partial.astype(np.int64 if kind.hasobject else kind), shift, kind)
            total = whole if total is None else total + whole
    return np.asarray(total)


def _exact_sums_of_halves(
    a: npt.NDArray[Any], b: npt.NDArray[Any], kind: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Both operands too wide for one piece: `a` in two parts, each by itself."""
    half = _largest(a).bit_length() // 2
    upper = np.trunc(a * 2.0**-half)
    lower = a - upper * 2.0**half
    high = _shifted(_exact_sums(upper, b, kind), half, kind)
    return np.asarray(high + _exact_sums(lower, b, kind))


def _shifted(sums: npt.NDArray[Any], places: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    if kind.hasobject:
        return np.asarray(sums.astype(object) << places)
    if places == 0:
        return sums
    # NumPy shifts by less than the word's size only.
    return sums << kind.type(places) if places < 8 * kind.itemsize else np.zeros_like(sums)
