"""The golden model of a MAC over whole streams, in NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats import Overflow
from hwmodel.formats.base import code_dtype
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["simulate"]


def simulate(
    spec: UnitSpec,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    valid: npt.ArrayLike | None = None,
    clear: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """Accumulator codes after every step of one or many streams.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    a, b : array_like of int, shape (..., T)
        Operand codes of T steps; the leading axes are independent streams, each starting from a
        cleared accumulator.
    valid, clear : array_like of bool, optional
        Control inputs, broadcast to the same shape; always valid and never cleared if not given.

    Returns
    -------
    ndarray, shape (..., T)
        Accumulator codes: the smallest unsigned dtype that holds them, or Python integers
        (dtype object) for an accumulator of more than 64 bits.

    Raises
    ------
    HwmodelError
        The shapes do not fit together, or a code is out of range.
    """
    a_codes, b_codes = spec.a.checked_codes(a), spec.b.checked_codes(b)
    try:
        shape = np.broadcast_shapes(
            a_codes.shape,
            b_codes.shape,
            () if valid is None else np.shape(valid),
            () if clear is None else np.shape(clear),
        )
    except ValueError as error:
        raise HwmodelError(
            f"operand streams have one shape (..., T), but {a_codes.shape} and {b_codes.shape}"
            " (and those of valid and clear) do not broadcast together"
        ) from error
    if not shape:
        raise HwmodelError("operand streams have a time axis, but single codes came: pass [a], [b]")
    a_codes, b_codes = np.broadcast_to(a_codes, shape), np.broadcast_to(b_codes, shape)
    valids = np.broadcast_to(np.asarray(True if valid is None else valid, bool), shape)
    clears = np.broadcast_to(np.asarray(False if clear is None else clear, bool), shape)
    if isinstance(spec.accumulator, ChunkedAccumulator):
        from hwmodel.arithmetic.chunked import simulate_chunked

        return simulate_chunked(spec, a_codes, b_codes, valids, clears, simulate)
    if isinstance(spec.accumulator, AlignedAccumulator):
        from hwmodel.arithmetic.aligned import simulate_aligned

        return simulate_aligned(spec, a_codes, b_codes, valids, clears)
    if isinstance(spec.accumulator, FloatAccumulator):
        return _simulate_float(spec, spec.accumulator, a_codes, b_codes, valids, clears)
    return _simulate_fixed(spec, a_codes, b_codes, valids, clears)


def _simulate_fixed(
    spec: UnitSpec,
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    clear: npt.NDArray[np.bool_],
) -> npt.NDArray[Any]:
    width = spec.fixed_point.width
    x, flag_x = _integers(spec.a, a)
    y, flag_y = _integers(spec.b, b)
    # A product is formed without rounding: int64 where it fits, Python's integers elsewhere.
    # Sums are taken modulo 2^64 (or unbounded), which the width divides, so wrapping is exact.
    wide = spec.accumulator_bits > 64 or _bits(x) + _bits(y) > 63
    carrier: Any = object if wide else np.int64
    product = x.astype(carrier) * y.astype(carrier)
    product = np.where(valid & ~flag_x & ~flag_y, product, np.zeros_like(product))
    if spec.overflow is Overflow.SATURATE:
        total = _saturating_sums(product, clear, width)
    else:
        total = _restarted_sums(product, clear, lambda v: np.cumsum(v, axis=-1, dtype=carrier))
    mask = (1 << width) - 1
    if total.dtype == object:  # in Python's integers, for 64 mask bits do not fit int64
        codes: Any = np.array([int(t) & mask for t in total.reshape(-1)], dtype=object)
        codes = codes.reshape(total.shape)
    else:
        codes = total.astype(np.uint64) & np.uint64(mask)
    if spec.has_nonfinite_flag:
        marks = (valid & (flag_x | flag_y)).astype(np.int64)
        seen = _restarted_sums(marks, clear, lambda v: np.cumsum(v, axis=-1)) > 0
        one: Any = 1 if wide else np.uint64(1)
        codes = codes + seen.astype(codes.dtype) * (one << (width if wide else np.uint64(width)))
    if spec.accumulator_bits > 64:
        return np.asarray(codes, dtype=object)
    return np.asarray(codes.astype(code_dtype(spec.accumulator_bits)))


def _integers(fmt: Any, codes: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Values of codes in steps of the format (0 for NaN and infinities), and which those were."""
    value = fmt.decode(codes)
    nonfinite = ~np.isfinite(value)
    steps = np.ldexp(np.where(nonfinite, 0.0, value), -fmt.lsb_exponent)
    if np.abs(steps).max(initial=0.0) < 2.0**62:
        return steps.astype(np.int64), nonfinite
    exact = np.empty(steps.shape, dtype=object)
    exact.reshape(-1)[:] = [int(step) for step in steps.reshape(-1)]
    return exact, nonfinite


def _bits(integers: npt.NDArray[Any]) -> int:
    return int(np.abs(integers).max(initial=0)).bit_length()


def _restarted_sums(values: npt.NDArray[Any], restart: npt.NDArray[np.bool_], cumsum: Any) -> Any:
    """Running sums along the last axis that begin anew where `restart` is set."""
    sums = cumsum(values)
    if not restart.any():
        return sums
    before = sums - values  # sum of all that came before each step
    index = np.where(restart, np.arange(values.shape[-1]), -1)
    last = np.maximum.accumulate(index, axis=-1)
    offset = np.take_along_axis(before, np.maximum(last, 0), axis=-1)
    return sums - np.where(last >= 0, offset, np.zeros_like(offset))


def _saturating_sums(
    product: npt.NDArray[Any], clear: npt.NDArray[np.bool_], width: int
) -> npt.NDArray[Any]:
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    # int64 itself overflows when a 64-bit accumulator meets a product.
    carrier: Any = np.int64 if width <= 62 and product.dtype != object else object
    result = np.empty(product.shape, carrier)
    acc = np.zeros(product.shape[:-1], carrier)
    for t in range(product.shape[-1]):
        acc = np.where(clear[..., t], np.zeros_like(acc), acc)
        acc = np.minimum(np.maximum(acc + product[..., t].astype(carrier), low), high)
        result[..., t] = acc
    return result


def _simulate_float(
    spec: UnitSpec,
    accumulator: FloatAccumulator,
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    clear: npt.NDArray[np.bool_],
) -> npt.NDArray[Any]:
    assert spec.overflow is not None
    # Compiled code, which takes a while to import: when it is needed.
    from hwmodel.arithmetic.steps import accumulate
    from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS
    from hwmodel.formats.vector import layout_of

    fmt = accumulator.format
    check_exponents(spec)
    with np.errstate(invalid="ignore"):
        product = spec.a.decode(a) * spec.b.decode(b)  # 16 significand bits each at most: exact
    steps = product.shape[-1]
    codes = np.empty(product.shape, code_dtype(fmt.bits))
    if not codes.size:
        return codes
    accumulate(
        layout_of(fmt),
        np.ascontiguousarray(product).reshape(-1, steps),
        np.ascontiguousarray(valid).reshape(-1, steps),
        np.ascontiguousarray(clear).reshape(-1, steps),
        ROUNDINGS[spec.rounding],
        OVERFLOWS[spec.overflow],
        codes.reshape(-1, steps),
    )
    return codes


def check_exponents(spec: UnitSpec) -> None:
    high = spec.a.max_value * spec.b.max_value
    if not np.isfinite(high) or spec.a.lsb_exponent + spec.b.lsb_exponent < -1022:
        raise HwmodelError(
            f"products of {spec.a.name} and {spec.b.name} leave float64, in which the golden"
            " model carries them; choose formats with fewer exponent bits"
        )
