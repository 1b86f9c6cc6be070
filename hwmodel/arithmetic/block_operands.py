"""Blocks as operands of a matrix product: codes of elements, and a factor for every chunk."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.blocks import Blocks, TwoLevelFormat
from hwmodel.errors import HwmodelError
from hwmodel.formats import Format
from hwmodel.units import ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["Operand", "block_operand", "both_factors"]


class Operand(NamedTuple):
    """Codes, shape (..., M, K) or (..., K, N), and factors, (..., M, C) or (..., C, N)."""

    codes: npt.NDArray[Any]
    factors: npt.NDArray[np.float64]


def block_operand(blocks: Blocks, spec: UnitSpec, first: bool) -> Operand:
    """Codes that enter the unit, and the scale of each chunk (the array's own scale left out).

    Parameters
    ----------
    blocks : Blocks
        The operand.
    spec : UnitSpec
        The unit.
    first : bool
        Whether it is the first operand, whose blocks run along the last axis, or the second,
        whose blocks run along the last but one.

    Raises
    ------
    HwmodelError
        The elements are not those of the unit, the blocks run along another axis, the
        accumulator is not emptied at the ends of blocks, or it has no NaN for one that came.
    """
    blocks = blocks.checked()
    name = blocks.format.name
    axes = len(blocks.shape)
    axis = axes - 1 if first else axes - 2
    if axes < 2 or blocks.axis != axis:
        raise HwmodelError(
            f"blocks of the {'first' if first else 'second'} operand of a matrix product run along"
            f" its axis of length K, {'the last' if first else 'the last but one'}, but those of"
            f" {name} run along axis {blocks.axis} of an array of shape {blocks.shape}; encode"
            f" with axis={-1 if first else -2}"
        )
    codes, steps, length = _elements(blocks, spec.a if first else spec.b, spec)
    if not _accumulator_fits(spec, length):
        raise HwmodelError(
            f"blocks of {name} have a scale for every {length} elements, so that products are"
            f" summed in chunks that end with them and then scaled, but the accumulator of"
            f" {spec.name} is {spec.accumulator.name}; choose a chunked one, its length a divisor"
            f" of {length} and the outer one a float, for example chunk{length}_exact_fp32"
        )
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    assert isinstance(spec.register, FloatAccumulator)
    if not spec.register.format.has_nan and not np.isfinite(steps).all():
        raise HwmodelError(
            f"the scale of a block of {name} is no number, for which the accumulator"
            f" {spec.register.name} has no code; choose one with NaN, for example fp32"
        )
    short = spec.accumulator.length
    chunks = -(-blocks.shape[axis] // short)
    factors = np.repeat(steps, length // short, axis=-1)[..., :chunks]
    codes = codes[..., : blocks.shape[axis]]
    if first:
        return Operand(codes, factors)
    return Operand(np.swapaxes(codes, -1, -2), np.swapaxes(factors, -1, -2))


def both_factors(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    left: npt.NDArray[np.float64] | None,
    right: npt.NDArray[np.float64] | None,
    spec: UnitSpec,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Factors of codes x, shape (..., M, K), and y, (..., K, N); ones where there are none."""
    assert isinstance(spec.accumulator, ChunkedAccumulator)
    chunks = -(-x.shape[-1] // spec.accumulator.length)
    return (
        np.ones((x.shape[-2], chunks)) if left is None else left,
        np.ones((chunks, y.shape[-1])) if right is None else right,
    )


def _accumulator_fits(spec: UnitSpec, length: int) -> bool:
    """Whether it is emptied into a float wherever so many products end."""
    accumulator = spec.accumulator
    return (
        isinstance(accumulator, ChunkedAccumulator)
        and isinstance(accumulator.outer, FloatAccumulator)
        and length % accumulator.length == 0
    )


def _elements(
    blocks: Blocks, fmt: Format, spec: UnitSpec
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], int]:
    """Codes of elements, values of their one for every so many, and how many that are."""
    form = blocks.format
    codes = form.grid.checked_codes(blocks.element_codes)
    if fmt == form.grid:
        steps = form.group_steps(blocks.scale_codes, None)
        return _flat(codes, 2), _flat(steps, 3), form.group
    if isinstance(form, TwoLevelFormat) and fmt == form.joined_element:
        codes, steps = form.joined(codes, blocks.scale_codes)
        return _flat(codes, 2), steps, form.size
    also = (
        f" (or {form.joined_element}, with the microexponents taken in)"
        if isinstance(form, TwoLevelFormat)
        else ""
    )
    raise HwmodelError(
        f"elements of {form.name} enter a unit as {form.grid}{also}, but {spec.name} takes {fmt};"
        " choose a unit of these elements"
    )


def _flat(array: npt.NDArray[Any], axes: int) -> npt.NDArray[Any]:
    """The last axes as one."""
    return array.reshape(*array.shape[:-axes], math.prod(array.shape[-axes:]))
