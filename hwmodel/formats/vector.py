"""Quantise, encode and decode whole arrays of floating-point formats: which route is taken.

Compiled code does the work: `quick` where it can, `directed` for other roundings (`flushing` has
formats without subnormals made easy for both), `lookup` for
narrow formats that neither has, else `kernels`; small tables for decoding. float64 is narrowed to
float32 first where no rounding sees that. Large arrays are cut into pieces that go through the
machine's cores. Formats beyond float64 go through `wide`.
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.base import MAX_TABLE_BITS, CodeArray, code_dtype
from hwmodel.formats.carrier import are_below
from hwmodel.formats.rounding import QUICK_RANDOM_BITS, Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

if TYPE_CHECKING:
    from hwmodel.formats.directed import Direction
    from hwmodel.formats.floating import FloatFormat
    from hwmodel.formats.kernels import Layout

__all__ = ["decode", "encode", "quantize"]

_MAX_EXPONENT = 127  # of float32


def quantize(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Round a flat float32 or float64 array to the grid of `fmt`; see `Format.quantize`."""
    from hwmodel.formats import directed, kernels, lookup, quick, wide

    if _is_of(fmt, x):
        return x.copy()
    x = _narrow(fmt, x, request)
    plan, direction, quick_x = _quick_ways(fmt, x, request, random)
    # Larger ones, and NaN, may be rounded to what float32 does not hold.
    if fmt.max_exponent > _MAX_EXPONENT and not are_below(x, 2.0**_MAX_EXPONENT):
        plan = direction = None
    if fmt.is_wide and plan is None and direction is None:
        return wide.joined(fmt, *wide.parts(fmt, _wide_codes(fmt, x, request, random)))
    if plan is not None:
        result = np.empty_like(x)
        met = in_pieces(
            lambda part: kernels.SAW_NAN * quick.quantize(plan, quick_x[part], result[part]), x.size
        )
    elif direction is not None:
        result = np.empty_like(x)
        met = in_pieces(
            lambda part: (
                kernels.SAW_NAN
                * directed.quantize(
                    direction, quick_x[part], result[part], *_chances(request, random, part)
                )
            ),
            x.size,
        )
    elif lookup.suits(fmt, x, request):
        result = np.empty_like(x)
        met = in_pieces(lambda part: lookup.quantize(fmt, request, x[part], result[part]), x.size)
    else:
        result = np.empty(x.shape, np.float64)
        met = in_pieces(
            lambda part: kernels.quantize(
                *(layout_of(fmt), x[part], result[part]), *_rules(request, random, part)
            ),
            x.size,
        )
    _complain(fmt, met, request)
    return result


def encode(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> CodeArray:
    """Codes of a flat float32 or float64 array; see `Format.encode`."""
    from hwmodel.formats import directed, kernels, lookup, quick

    if _is_of(fmt, x):
        return x.view(np.uint32).copy()
    x = _narrow(fmt, x, request)
    plan, direction, quick_x = _quick_ways(fmt, x, request, random)
    if fmt.is_wide and plan is None and direction is None:
        return _wide_codes(fmt, x, request, random).astype(code_dtype(fmt.bits))
    codes = np.empty(x.shape, code_dtype(fmt.bits))
    if plan is not None:
        met = in_pieces(
            lambda part: kernels.SAW_NAN * quick.encode(plan, quick_x[part], codes[part]), x.size
        )
    elif direction is not None:
        met = in_pieces(
            lambda part: (
                kernels.SAW_NAN
                * directed.encode(
                    direction, quick_x[part], codes[part], *_chances(request, random, part)
                )
            ),
            x.size,
        )
    elif lookup.suits(fmt, x, request):
        met = in_pieces(lambda part: lookup.encode(fmt, request, x[part], codes[part]), x.size)
    else:
        met = in_pieces(
            lambda part: kernels.encode(
                *(layout_of(fmt), x[part], codes[part]), *_rules(request, random, part)
            ),
            x.size,
        )
    _complain(fmt, met, request)
    return codes


def decode(fmt: "FloatFormat", codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values of checked codes; see `Format.decode`."""
    if fmt.is_wide:
        from hwmodel.formats import wide

        return wide.joined(fmt, *wide.parts(fmt, codes))
    if fmt.bits <= MAX_TABLE_BITS:
        return _table(fmt).take(codes)  # quicker than an index
    if _is_float32(fmt) and fmt.has_infinity:
        with np.errstate(invalid="ignore"):  # of NaNs that signal
            return np.asarray(codes).astype(np.uint32).view(np.float32).astype(np.float64)
    return _decoded(fmt, codes)


@functools.lru_cache(maxsize=1024)
def layout_of(fmt: "FloatFormat") -> "Layout":
    """The format for compiled code."""
    from hwmodel.formats.kernels import Layout

    return Layout(
        mantissa_bits=fmt.mantissa_bits,
        min_exponent=fmt.min_exponent,
        one_exponent=fmt.exponent_bits == 0,
        subnormals=fmt.subnormals,
        sign_bit=1 << (fmt.bits - 1) if fmt.signed else 0,
        max_code=fmt.max_code,
        infinity_code=fmt.infinity_code if fmt.has_infinity else -1,
        nan_code=fmt.nan_code if fmt.has_nan else -1,
        signed_nan=fmt.has_signed_nan,
        negative_zero=fmt.has_negative_zero,
    )


def _wide_codes(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    from hwmodel.formats import kernels, wide

    codes, overflowed = wide.encode(fmt, x, request, random)
    met = kernels.SAW_OVERFLOW * overflowed | kernels.SAW_NAN * bool(np.isnan(x).any())
    _complain(fmt, met, request)
    return codes


def _narrow(fmt: "FloatFormat", x: npt.NDArray[Any], request: Request) -> npt.NDArray[Any]:
    if x.dtype != np.float64:
        return x
    from hwmodel.formats.narrow import narrow

    return narrow(x, request, fmt.mantissa_bits + 1, fmt.max_exponent, fmt.lsb_exponent)


def _quick_ways(
    fmt: "FloatFormat", x: npt.NDArray[Any], request: Request, random: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32] | None, "Direction | None", npt.NDArray[Any]]:
    """What `quick` or `directed` needs to know, if one of them will do, and the numbers for it."""
    from hwmodel.formats import directed, flushing
    from hwmodel.formats.plan import plan_for

    if x.dtype != np.float32 or request.random_bits > QUICK_RANDOM_BITS:
        return None, None, x
    fmt, x = flushing.eased(fmt, x, request, random)
    if request.rounding is Rounding.NEAREST_EVEN:
        return plan_for(fmt, request.overflow), None, x
    direction = directed.direction_for(fmt, request.overflow, request.rounding)
    if direction is not None and direction.normal and flushing.has_subnormals(x):
        direction = None
    return None, direction, x


def _is_float32(fmt: "FloatFormat") -> bool:
    """Whether the format's codes are float32's patterns, but for what NaNs look like."""
    return (
        (fmt.exponent_bits, fmt.mantissa_bits) == (8, 23)
        and fmt.min_exponent == 1 - _MAX_EXPONENT
        and fmt.max_exponent == _MAX_EXPONENT
        and fmt.signed
        and fmt.subnormals
        and fmt.has_negative_zero
    )


def _is_of(fmt: "FloatFormat", x: npt.NDArray[Any]) -> bool:
    """Whether the numbers are finite float32 and the format is float32's, so nothing is rounded."""
    return x.dtype == np.float32 and _is_float32(fmt) and bool(np.isfinite(x).all())


def _rules(request: Request, random: npt.NDArray[np.int64], part: slice) -> tuple[Any, ...]:
    from hwmodel.formats import kernels

    return (
        kernels.ROUNDINGS[request.rounding],
        kernels.OVERFLOWS[request.overflow],
        *_chances(request, random, part),
    )


def _chances(
    request: Request, random: npt.NDArray[np.int64], part: slice
) -> tuple[npt.NDArray[np.int64], int]:
    """Random numbers of a part, and how many bits they have."""
    return request.part_of(random)(part), request.random_bits


def _complain(fmt: "FloatFormat", met: int, request: Request) -> None:
    from hwmodel.formats import kernels

    if met & kernels.SAW_NAN and not fmt.has_nan:
        raise HwmodelError(
            f"all codes of {fmt.name} are numbers, but NaN came; replace it (numpy.nan_to_num)"
            " first"
        )
    if met & kernels.SAW_OVERFLOW and request.overflow is Overflow.RAISE:
        top = f"2^{fmt.max_exponent}" if fmt.is_wide else f"{fmt.max_value:.9g}"
        bottom = f"-{top}" if fmt.signed else "0"
        raise HwmodelError(
            f"a value lies beyond {fmt.name}, whose finite values reach from {bottom} to {top};"
            " scale it, or choose another overflow than 'raise'"
        )


@functools.lru_cache(maxsize=256)
def _table(fmt: "FloatFormat") -> npt.NDArray[np.float64]:
    """Values of all codes, by NumPy: nothing waits to be compiled."""
    layout = layout_of(fmt)
    codes = np.arange(fmt.code_count)
    magnitude = codes & (layout.sign_bit - 1)
    field, whole = np.divmod(magnitude, 1 << layout.mantissa_bits)
    whole += np.where(field > 0, 1 << layout.mantissa_bits, 0)
    if not layout.subnormals:
        whole[field == 0] = 0
    exponent = np.maximum(field, 1) - 1 + layout.min_exponent - layout.mantissa_bits
    with np.errstate(over="ignore"):  # of what is no number
        table = np.ldexp(whole.astype(np.float64), exponent)
    table[magnitude > layout.max_code] = np.nan
    table[magnitude == layout.infinity_code] = np.inf
    table = np.where(codes & layout.sign_bit, -table, table)
    table[codes == layout.nan_code] = np.nan
    table.setflags(write=False)
    return table


def _decoded(fmt: "FloatFormat", codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    from hwmodel.formats import kernels

    flat = np.ascontiguousarray(codes).reshape(-1).astype(np.int64)
    result = np.empty(flat.shape, np.float64)
    kernels.values(layout_of(fmt), flat, result)
    return result.reshape(codes.shape)
