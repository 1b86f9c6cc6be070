"""Matrix products of codes with a declared accumulator, code for code those of `simulate`.

Element (i, j) is what the unit's accumulator holds after the products of row i and column j, taken
in order from k = 0. Sums that no rounding touches are left to matrix libraries
(`exact_products`); sums with a rounding a step go through compiled code (`sums`).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import by_definition, carriers, ranges, spans, uneven_grids
from hwmodel.arithmetic.block_operands import block_operand, both_factors
from hwmodel.arithmetic.coding import coded
from hwmodel.arithmetic.mac import accumulator_dtype, check_spec, simulate
from hwmodel.arithmetic.tables import looked_up
from hwmodel.blocks import Blocks
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, Overflow, Rounding
from hwmodel.formats.base import MAX_TABLE_BITS, code_dtype
from hwmodel.formats.rounding import Request
from hwmodel.parallel import in_pieces
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["matmul"]


def matmul(
    a: npt.ArrayLike | Blocks,
    b: npt.ArrayLike | Blocks,
    spec: UnitSpec,
    *,
    words: bool = False,
    random: npt.ArrayLike | None = None,
    random_bits: int | None = None,
) -> npt.NDArray[Any]:
    """Matrix product of codes, added in order into the unit's accumulator.

    Parameters
    ----------
    a : array_like of int, or Blocks, shape (..., M, K)
        Codes of the unit's first operand. `Blocks` have codes of elements and of scales, and run
        along the last axis.
    b : array_like of int, or Blocks, shape (..., K, N)
        Codes of the second; leading axes broadcast as in `numpy.matmul`. Blocks run along the last
        axis but one.
    spec : UnitSpec
        The unit: operand formats, accumulator, rounding and overflow. Products are taken from
        the first to the last, one after the other or as many at once as the accumulator says.
    words : bool
        Whether codes come as words of 64 bits. For an accumulator of more bits that is quicker:
        Python's integers often take longer to make than the product.
    random, random_bits
        For a unit that rounds stochastically: a random number for each product that is added,
        broadcast to (..., M, N, K), and their width; as for `Format.encode`.

    Returns
    -------
    ndarray, shape (..., M, N), or (..., M, N, W) with `words`
        Accumulator codes: the smallest unsigned dtype that holds them, or Python integers (dtype
        object) for an accumulator of more than 64 bits. ``spec.decode_accumulator`` gives values.
        With `words` uint64, the least significant word first.

    Raises
    ------
    HwmodelError
        The shapes do not fit together, a code is out of range, the unit does not suit the
        blocks, or random numbers are missing.

    Notes
    -----
    Of blocks, the unit sums the products of elements in its inner accumulator; each chunk's sum
    times both its scales, which is exact, is added to the outer one with one rounding. That is
    ``Dot`` and ``DotGeneral`` of the OCP Microscaling Formats specification 1.0, which leaves
    order and inner precision open; here the unit declares them. A chunk ends wherever a block
    does, or more often. Scales of a whole array (NVFP4) are left to the caller, who multiplies
    values by both. An operand that is no `Blocks` has scales of one.
    """
    check_spec(spec)
    by_chance = spec.rounding is Rounding.STOCHASTIC
    if not by_chance:
        Request.of(Overflow.SATURATE, spec.rounding, random, random_bits)  # refuses random numbers
    x, left = _operand(a, spec, first=True)
    y, right = _operand(b, spec, first=False)
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
    if by_chance:
        from hwmodel.arithmetic.by_chance import product_by_chance

        x, y = (np.broadcast_to(part, (*batch, *part.shape[-2:])) for part in (x, y))
        return _delivered(spec, product_by_chance(spec, x, y, random, random_bits), words, shape)
    if not np.prod(shape):
        return _delivered(spec, np.zeros(shape, accumulator_dtype(spec)), words, shape)
    matrices: tuple[npt.NDArray[Any], ...] = (x, y)
    if left is not None or right is not None:
        matrices += both_factors(x, y, left, right, spec)
    product = _route(spec)
    if batch:
        spread = [np.broadcast_to(m, (*batch, *m.shape[-2:])) for m in matrices]
        found = [product(spec, *(m[index] for m in spread)) for index in np.ndindex(*batch)]
        codes = np.stack(found).reshape(*batch, *found[0].shape)
    else:
        codes = product(spec, *matrices)
    return _delivered(spec, codes, words, shape)


def _delivered(
    spec: UnitSpec, codes: npt.NDArray[Any], words: bool, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Codes as words or not; they have this shape, and one axis more if they are words already."""
    if codes.ndim > len(shape):
        from hwmodel.arithmetic.big_integers import joined

        return codes if words else joined(codes)
    codes = codes.astype(accumulator_dtype(spec), copy=False)
    if not words:
        return codes
    if codes.dtype != object:
        return codes.astype(np.uint64)[..., np.newaxis]
    from hwmodel.arithmetic.big_integers import split
    from hwmodel.arithmetic.wide_sums import word_count

    return split(codes, word_count(spec.accumulator_bits))


def _operand(
    given: npt.ArrayLike | Blocks, spec: UnitSpec, first: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64] | None]:
    """Codes, and the factors of chunks if they are those of blocks."""
    if isinstance(given, Blocks):
        return block_operand(given, spec, first)
    return (spec.a if first else spec.b).checked_codes(given), None


def _route(spec: UnitSpec) -> Callable[..., npt.NDArray[Any]]:
    if isinstance(spec.accumulator, ChunkedAccumulator):
        from hwmodel.arithmetic.chunked import chunked_product

        return functools.partial(chunked_product, matmul, float_values)
    if isinstance(spec.accumulator, AlignedAccumulator):
        return _aligned_product
    if isinstance(spec.accumulator, FloatAccumulator):
        return _float_product
    return _fixed_product


_NO_CODES = np.empty(0, np.uint8)
# Multiplications below which a second thread costs more than it brings.
_WORTHWHILE = 1 << 20


# What matrix libraries and compiled code hold: steps of a format, bits of a sum that saturates.
_WIDEST_STEPS = 1000
_WIDEST_SATURATING = 62


def _fixed_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    from hwmodel.arithmetic.exact_products import fixed_product

    if spec.overflow is Overflow.SATURATE:
        width, product = spec.fixed_point.width, spec.least_width
        if x.shape[1].bit_length() + product <= width:  # nothing saturates
            spec = dataclasses.replace(spec, overflow=Overflow.WRAP)
        elif max(width, product) > _WIDEST_SATURATING:
            return _fixed_streams(spec, x, y)
    if any(_step_bits(fmt) > _WIDEST_STEPS for fmt in (spec.a, spec.b)):
        return _fixed_streams(spec, x, y)
    return fixed_product(spec, x, y)


def _step_bits(fmt: Format) -> int:
    """Bits of the largest value in steps of the format."""
    if isinstance(fmt, FloatFormat):
        return max(fmt.max_exponent + 1 - fmt.lsb_exponent, -fmt.lsb_exponent)
    return fmt.bits


def _fixed_streams(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same step by step, in integers of any size."""
    codes = np.zeros((x.shape[0], y.shape[1]), accumulator_dtype(spec))
    if x.shape[1]:
        for row, result in zip(x, codes, strict=True):
            result[:] = simulate(spec, row, y.T)[:, -1]
    return codes


def _aligned_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    from hwmodel.arithmetic.aligned import aligned_product, aligned_values

    values = aligned_values(spec, x, y)
    return aligned_product(spec, x, y) if values is None else coded(spec, values)


def _float_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    codes, values = _float_sums(spec, x, y)
    return codes if values is None else coded(spec, values)


def float_values(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values of the matrix product of checked codes, in float32 or float64, which hold them.

    Parameters
    ----------
    spec, x, y
        As for `matmul`, with an accumulator whose values are floats, and two axes.
    """
    if isinstance(spec.accumulator, AlignedAccumulator):
        from hwmodel.arithmetic.aligned import aligned_values

        sums = aligned_values(spec, x, y)
        return spec.decode_accumulator(matmul(x, y, spec)) if sums is None else sums
    codes, values = _float_sums(spec, x, y)
    return spec.decode_accumulator(codes) if values is None else values


def _float_sums(
    spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Codes of sums, or nothing and the values that they are of."""
    assert isinstance(spec.accumulator, FloatAccumulator)
    narrow = ranges.narrower(spec, x, y)
    if narrow is not None:
        return _NO_CODES, float_values(narrow, x, y)
    if not by_definition.sums_fit(spec, spec.accumulator.format, 0):
        return _with_care(spec, x, y), None
    fmt = spec.accumulator.format
    found = None
    left = np.arange(len(x))  # rows that no carrier has done so far
    operands = None
    usual, nearest = by_definition.has_usual_grid(fmt), spec.rounding is Rounding.NEAREST_EVEN
    if not (usual and nearest):
        operands = spans.of_operands(spec, x, y)
    types = []
    if usual or nearest:
        types = carriers.carriers_for(spec, operands)
    if not usual:
        types += uneven_grids.carriers_for(spec, operands)
    for carrier in types:
        some = x if found is None else x[left]
        first, second = carrier.scales
        a = _values(spec.a, some, carrier.dtype, first)
        b = _values(spec.b, y, carrier.dtype, second)
        values, void = _carried(carrier, a, b, hasty=carrier is not types[-1])
        values = _unscaled(fmt, values, -first - second)
        if found is None:
            found = values
        else:
            if not carriers.is_within_float32(fmt):
                found = found.astype(values.dtype, copy=False)
            found[left] = values
        left = left[void]
        if not left.size:
            return _NO_CODES, found
    if found is None:
        return _with_care(spec, x, y), None
    codes = coded(spec, found)
    codes[left] = _with_care(spec, x[left], y)
    return codes, None


def _values(
    fmt: Format, codes: npt.NDArray[Any], dtype: np.dtype[Any], scale: int
) -> npt.NDArray[Any]:
    """Values of codes times a power of two in a type that holds them, in C order."""
    if fmt.bits > MAX_TABLE_BITS:
        return _scaled(np.ascontiguousarray(fmt.decode(codes)), dtype, scale)
    return looked_up(_value_table(fmt, dtype, scale), codes)


@functools.lru_cache(maxsize=64)
def _value_table(fmt: Format, dtype: np.dtype[Any], scale: int) -> npt.NDArray[Any]:
    return _scaled(fmt.decode(np.arange(fmt.code_count)), dtype, scale)


def _scaled(values: npt.NDArray[Any], dtype: np.dtype[Any], scale: int) -> npt.NDArray[Any]:
    # Values that are not at hand may not stay in the type.
    with np.errstate(over="ignore", under="ignore"):
        # By way of float64, where no power of two that is asked for makes a subnormal.
        values = np.ldexp(values.astype(np.float64), scale) if scale else values
        return values.astype(dtype)


def _unscaled(fmt: FloatFormat, values: npt.NDArray[Any], scale: int) -> npt.NDArray[Any]:
    """Values of the format, from what they were scaled to, in a type that holds them."""
    if not scale:
        return values
    if carriers.is_within_float32(fmt) and abs(scale) < 127:
        return np.asarray(values * np.float32(2.0**scale))  # a quarter of what `ldexp` takes
    return np.ldexp(values.astype(np.float64), scale)


def _carried(
    carrier: carriers.Carrier, a: npt.NDArray[Any], b: npt.NDArray[Any], hasty: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Rounded sums in a carrier, and which rows it does not hold; those are zero."""
    from hwmodel.arithmetic import error_sums, sums, tied_sums, uneven_sums

    void = np.zeros(len(a), np.bool_)
    constants, columns = carrier.constants, b.shape[1]
    add: Callable[..., npt.NDArray[np.bool_]]
    if isinstance(constants, tied_sums.Patterns):
        add, columns = (
            functools.partial(tied_sums.add_products, constants),
            tied_sums.padded(columns),
        )
    elif isinstance(constants, error_sums.Errors):
        add = functools.partial(error_sums.add_products, constants)
    elif isinstance(constants, uneven_sums.Grid):
        add = functools.partial(uneven_sums.add_products, constants)
    else:
        add = functools.partial(sums.add_products, constants)
    values = np.zeros((len(a), columns), carrier.dtype)

    def some(rows: slice) -> int:
        void[rows] = add(a[rows], b, values[rows], hasty)
        return 0

    work = a.size * b.shape[1]
    in_pieces(some, len(a), worth=max(1, len(a) * _WORTHWHILE // max(1, work)))
    values = values[:, : b.shape[1]]
    if void.any():
        values[void] = 0
    return values, void


def _with_care(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Codes of the sums, whatever the unit."""
    from hwmodel.arithmetic import steps
    from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS
    from hwmodel.formats.vector import layout_of

    assert isinstance(spec.accumulator, FloatAccumulator)
    assert spec.overflow is not None
    fmt = spec.accumulator.format
    if not by_definition.sums_fit(spec, fmt, 0):
        return by_definition.defined_product(spec, x, y)
    a, columns = spec.a.decode(x), np.asfortranarray(spec.b.decode(y))
    codes = np.empty((len(a), columns.shape[1]), code_dtype(fmt.bits))
    rules = (ROUNDINGS[spec.rounding], OVERFLOWS[spec.overflow])

    def some(rows: slice) -> int:
        return int(steps.dot_products(layout_of(fmt), a[rows], columns, *rules, codes[rows]))

    steps.check_found(bool(in_pieces(some, len(a), worth=1)), spec.name)
    return codes
