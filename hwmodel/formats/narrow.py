"""float64 as float32 where no rounding sees the difference: the quick routes are for float32."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import jit
from hwmodel.formats.carrier import are_below
from hwmodel.formats.rounding import Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

__all__ = ["narrow", "narrowed"]


def narrow(
    x: npt.NDArray[Any], request: Request, precision: int, max_exponent: int, lsb_exponent: int
) -> npt.NDArray[Any]:
    """Numbers as float32 if they are float64 and a format rounds both alike; else as they came.

    Parameters
    ----------
    x : ndarray of float32 or float64
        The numbers, flat.
    request : Request
        The rules.
    precision, max_exponent, lsb_exponent : int
        Bits of the format's significands, exponent of its largest value and of its last place.
    """
    by_chance = request.rounding is Rounding.STOCHASTIC
    if (
        x.dtype != np.float64
        or (by_chance and not _are_seen(request.random_bits, precision, lsb_exponent))
        # Wrapping asks for all of a number, and an error for the number itself.
        or request.overflow in (Overflow.RAISE, Overflow.WRAP)
        or precision > 21
        or lsb_exponent < -146
        # Where float32 ends all must be within.
        or (max_exponent > 126 and not are_below(x, 2.0**126))
    ):
        return x
    result = np.empty(x.shape, np.float32)

    def work(part: slice) -> int:
        narrowed(x[part], result[part], cut=by_chance)
        return 0

    in_pieces(work, x.size)
    return result


def _are_seen(random_bits: int, precision: int, lsb_exponent: int) -> bool:
    """Whether float32 has all bits that rounding by chance looks at, when the others are cut."""
    return precision + random_bits <= 24 and lsb_exponent - random_bits >= -149


def narrowed(
    x: npt.NDArray[np.float64], result: npt.NDArray[np.float32], cut: bool = False
) -> None:
    """Write float64 numbers as float32, rounded to odd: no later rounding sees a difference.

    That holds for roundings to 22 bits and fewer in float32's range: Boldo and Melquiond (2008,
    see `hwmodel.arithmetic.steps`) ask for two bits more than the last rounding leaves. Or they
    are rounded toward zero (`cut`).
    """
    _narrowed(x, result.view(np.int32), None if cut else True)


@jit
def _narrowed(x: Any, bits: Any, odd: Any) -> None:
    for i in range(x.size):
        near = np.float32(x[i])
        back = np.float64(near)
        # Cut off; then, to odd, the last bit tells that something was.
        over = np.int32(abs(back) > abs(x[i]))
        cut = np.int32(np.float32(near).view(np.int32) - over)
        if odd is not None:
            cut = np.int32(cut | np.int32(back != x[i]))
        bits[i] = cut
