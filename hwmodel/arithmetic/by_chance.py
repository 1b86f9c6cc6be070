"""Matrix products that round stochastically, with the random numbers of every step."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.mac import accumulator_dtype, simulate
from hwmodel.errors import HwmodelError
from hwmodel.formats import Overflow
from hwmodel.formats.rounding import Request
from hwmodel.units import UnitSpec

__all__ = ["product_by_chance"]


def product_by_chance(
    spec: UnitSpec,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    random: npt.ArrayLike | None,
    random_bits: int | None,
) -> npt.NDArray[Any]:
    """Matrix product of the codes x, shape (..., M, K), and y, (..., K, N).

    Parameters
    ----------
    spec : UnitSpec
        A unit that rounds stochastically.
    x, y : ndarray of int
        Codes whose leading axes are the same.
    random : array_like of int
        A number for each step, broadcast to (..., M, N, K).
    random_bits : int
        Their width.

    Raises
    ------
    HwmodelError
        There are no random numbers, or they are out of range or of another shape.
    """
    request = Request.of(Overflow.SATURATE, spec.rounding, random, random_bits)
    shape = (*x.shape[:-1], y.shape[-1], x.shape[-1])
    assert request.random is not None
    try:
        numbers = np.broadcast_to(request.random, shape)
    except ValueError:
        raise HwmodelError(
            f"random numbers of shape {request.random.shape} do not broadcast to those of the"
            f" steps, (..., M, N, K), which is {shape} here"
        ) from None
    codes = np.zeros(shape[:-1], accumulator_dtype(spec))
    if not numbers.size:
        return codes
    for place in np.ndindex(*x.shape[:-1]):
        columns = y[place[:-1]].swapaxes(-1, -2)
        steps = simulate(
            spec, x[place], columns, random=numbers[place], random_bits=request.random_bits
        )
        codes[place] = steps[..., -1]
    return codes
