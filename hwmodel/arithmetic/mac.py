"""The golden model of a MAC over whole streams, in NumPy."""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats import Format, Overflow
from hwmodel.formats.base import code_dtype
from hwmodel.formats.carrier import as_array
from hwmodel.formats.rounding import Request
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["accumulator_dtype", "check_spec", "simulate"]

# Bits of a product that leave an int64 room for the sum with an accumulator of as many.
_ROOMY = 61


def check_spec(spec: object) -> None:
    """Refuse what is no unit.

    Raises
    ------
    HwmodelError
        It is none: a name, for example.
    """
    if not isinstance(spec, UnitSpec):
        raise HwmodelError(
            f"a unit is a UnitSpec, as hwmodel.unit(name) gives, but {spec!r:.80} came"
        )


def accumulator_dtype(spec: UnitSpec) -> np.dtype[Any]:
    """Smallest dtype that holds the accumulator's codes."""
    wide = spec.accumulator_bits > 64
    return np.dtype(object) if wide else code_dtype(spec.accumulator_bits)


def simulate(
    spec: UnitSpec,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    valid: npt.ArrayLike | None = None,
    clear: npt.ArrayLike | None = None,
    *,
    random: npt.ArrayLike | None = None,
    random_bits: int | None = None,
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
        Ones and zeros do as well.
    random, random_bits
        For a unit that rounds stochastically: a random number for each step, broadcast to the
        same shape, and their width; as for `Format.encode`. A step without `valid` uses none.

    Returns
    -------
    ndarray, shape (..., T)
        Accumulator codes: the smallest unsigned dtype that holds them, or Python integers
        (dtype object) for an accumulator of more than 64 bits.

    Raises
    ------
    HwmodelError
        The shapes do not fit together, a code is out of range, or random numbers are missing.
    """
    check_spec(spec)
    request = Request.of(Overflow.SATURATE, spec.rounding, random, random_bits)
    a_codes, b_codes = spec.a.checked_codes(a), spec.b.checked_codes(b)
    try:
        shape = np.broadcast_shapes(
            a_codes.shape,
            b_codes.shape,
            (valids := _control(valid, True, "valid")).shape,
            (clears := _control(clear, False, "clear")).shape,
        )
    except ValueError as error:
        raise HwmodelError(
            f"operand streams have one shape (..., T), but {a_codes.shape} and {b_codes.shape}"
            " (and those of valid and clear) do not broadcast together"
        ) from error
    if not shape:
        raise HwmodelError("operand streams have a time axis, but single codes came: pass [a], [b]")
    a_codes, b_codes = np.broadcast_to(a_codes, shape), np.broadcast_to(b_codes, shape)
    valids, clears = np.broadcast_to(valids, shape), np.broadcast_to(clears, shape)
    if isinstance(spec.accumulator, ChunkedAccumulator):
        from hwmodel.arithmetic.chunked import simulate_chunked

        return simulate_chunked(spec, a_codes, b_codes, valids, clears, simulate)
    if isinstance(spec.accumulator, AlignedAccumulator):
        from hwmodel.arithmetic.aligned import simulate_aligned

        return simulate_aligned(spec, a_codes, b_codes, valids, clears)
    if isinstance(spec.accumulator, FloatAccumulator):
        return _simulate_float(spec, spec.accumulator, a_codes, b_codes, valids, clears, request)
    return _simulate_fixed(spec, a_codes, b_codes, valids, clears)


def _control(signal: npt.ArrayLike | None, default: bool, what: str) -> npt.NDArray[np.bool_]:
    """A control input as truth values; text, NaN and the like are no such."""
    array = as_array(default if signal is None else signal, f"the inputs {what!r}")
    if array.dtype.kind in "ui" and not (array.size and (array.min() < 0 or array.max() > 1)):
        return array.astype(np.bool_)
    if array.dtype.kind != "b" and array.size:
        raise HwmodelError(
            f"the input {what!r} of a unit is true or false (or 1 or 0) at each step, but an array"
            f" of {array.dtype} with other values came; compare first, for example x > 0"
        )
    return array.astype(np.bool_)


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
    return np.asarray(codes.astype(accumulator_dtype(spec)))


def _integers(
    fmt: Format, codes: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Values of codes in steps of the format (0 for NaN and infinities), and which those were."""
    value = fmt.decode(codes)
    nonfinite = ~np.isfinite(value)
    value = np.where(nonfinite, 0.0, value)
    with np.errstate(over="ignore"):
        steps = np.ldexp(value, -fmt.lsb_exponent)
    if np.abs(steps).max(initial=0.0) < 2.0**62:
        return steps.astype(np.int64), nonfinite
    unit = Fraction(2) ** fmt.lsb_exponent
    exact = np.empty(steps.shape, dtype=object)
    exact.reshape(-1)[:] = [int(Fraction(x) / unit) for x in value.reshape(-1).tolist()]
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
    # int64 itself overflows when a 64-bit accumulator meets a product, or a long product any sum.
    small = width <= _ROOMY + 1 and product.dtype != object and _bits(product) <= _ROOMY
    carrier: Any = np.int64 if small else object
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
    request: Request,
) -> npt.NDArray[Any]:
    assert spec.overflow is not None
    # Compiled code, which takes a while to import: when it is needed.
    from hwmodel.arithmetic.by_definition import defined_streams, sums_fit
    from hwmodel.arithmetic.steps import accumulate, check_found
    from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS
    from hwmodel.formats.vector import layout_of

    fmt = accumulator.format
    if not a.size:
        return np.empty(a.shape, code_dtype(fmt.bits))
    drawn = request.random_for(a.shape)  # one for each step, or a single one that nothing uses
    random = drawn.reshape(-1, 1 if request.random is None else a.shape[-1])
    if not sums_fit(spec, fmt, request.random_bits):
        numbers = np.broadcast_to(drawn, a.size).reshape(a.shape)
        return defined_streams(spec, a, b, valid, clear, numbers, request.random_bits)
    steps = a.shape[-1]
    codes = np.empty(a.shape, code_dtype(fmt.bits))
    lost = accumulate(
        layout_of(fmt),
        np.ascontiguousarray(spec.a.decode(a)).reshape(-1, steps),
        np.ascontiguousarray(spec.b.decode(b)).reshape(-1, steps),
        np.ascontiguousarray(valid).reshape(-1, steps),
        np.ascontiguousarray(clear).reshape(-1, steps),
        ROUNDINGS[spec.rounding],
        OVERFLOWS[spec.overflow],
        random,
        request.random_bits,
        codes.reshape(-1, steps),
    )
    check_found(lost, spec.name)
    return codes
