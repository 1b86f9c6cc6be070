"""Formats with a real-valued scale: quotients in float32, with a second look where that may tell.

A code is that of the quotient in float64. A little more and a little less of it, in float32, are
rounded both; results grow with the number, so where both agree that is the one. The few others, and
NaNs, go the general way. Among these is all that lies halfway: nearest away is no other rule here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats import adding
from hwmodel.formats.base import code_dtype
from hwmodel.formats.floating import FloatFormat
from hwmodel.formats.integers import ADDER, MOST_BITS
from hwmodel.formats.plan import adds, plan_for
from hwmodel.formats.rounding import Overflow, Request, Rounding
from hwmodel.parallel import in_pieces

if TYPE_CHECKING:
    from hwmodel.formats.scaled import ScaledFormat

__all__ = ["Quotients", "quotients_for"]

# What a quotient in float32 may be off by, and as much again: the factor's rounding and its own.
_OFF = 1.25 * 2.0**-23
# Numbers at a time: they stay in the cache.
_PIECE = 1 << 16
# Exponents that leave float32 room for every quotient that does not overflow or vanish.
_REACH = 100
_COARSE = 8  # bits of a format
_FLOAT = np.float32(0.0)  # for its type

_Exactly = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


class Quotients(NamedTuple):
    """How quotients are rounded to a format.

    Attributes
    ----------
    scale : float
        What numbers are divided by.
    rule : ndarray
        Numbers of the `Plan` of a floating-point format; else the least and the largest integer.
    kind : tuple of bool or None
        What `adding` is to do for it; nothing for an integer.
    dtype : dtype
        That of codes.
    mask : int32
        Bits of an integer's code.
    rare : bool
        Whether results are so coarse that few pieces have one that is not sure.
    """

    scale: float
    rule: npt.NDArray[Any]
    kind: tuple[bool | None, ...]
    dtype: np.dtype[Any]
    mask: np.int32
    rare: bool

    def encode(self, x: npt.NDArray[Any], exactly: _Exactly) -> npt.NDArray[Any]:
        """Codes of float32 or float64 numbers, flat; `exactly` is the general way."""
        codes = np.empty(x.shape, self.dtype)

        def some(less: Any, more: Any, part: slice, unsure: Any, listed: bool | None) -> bool:
            given = (self.rule, x[part], less, more, codes[part], unsure, listed)
            if self.kind:
                return bool(_encode(*given, *self.kind))
            return bool(_encode_integers(*given, self.mask))

        self._in_pieces(x, codes, some, exactly)
        return codes

    def quantize(self, x: npt.NDArray[Any], exactly: _Exactly) -> npt.NDArray[Any]:
        """Rounded values, in the type of the numbers."""
        result = np.empty_like(x)

        def some(less: Any, more: Any, part: slice, unsure: Any, listed: bool | None) -> bool:
            given = (self.rule, x[part], less, more, self.scale, result[part], unsure, listed)
            if self.kind:
                return bool(_quantize(*given, *self.kind))
            return bool(_quantize_integers(*given))

        self._in_pieces(x, result, some, exactly)
        return result

    def _in_pieces(
        self,
        x: npt.NDArray[Any],
        result: npt.NDArray[Any],
        some: Callable[[Any, Any, slice, Any, bool | None], bool],
        exactly: _Exactly,
    ) -> None:
        less, more = (x.dtype.type((1.0 + sign * _OFF) / self.scale) for sign in (-1, 1))

        def work(part: slice) -> int:
            unsure = np.empty(min(_PIECE, part.stop - part.start), np.bool_)
            found = []
            for start in range(part.start, part.stop, _PIECE):
                piece = slice(start, min(start + _PIECE, part.stop))
                listed = None if self.rare else True
                if some(less, more, piece, unsure, listed) and (
                    listed or some(less, more, piece, unsure, True)
                ):
                    found.append(start + np.flatnonzero(unsure[: piece.stop - start]))
            if found:
                where = np.concatenate(found)
                result[where] = exactly(x[where])
            return 0

        in_pieces(work, x.size)


def quotients_for(fmt: "ScaledFormat", request: Request) -> Quotients | None:
    """What is needed for a format and rules, or None where the general way is to be taken."""
    base = fmt.base
    low = base.lsb_exponent if isinstance(base, FloatFormat) else 0
    largest = max(base.max_value, -base.min_value)
    if (
        request.rounding not in (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)
        or request.overflow in (Overflow.RAISE, Overflow.WRAP)
        or low < -_REACH
        or not largest < 2.0**_REACH
        or not 2.0**-_REACH < fmt.scale < 2.0**_REACH
        or not (largest * fmt.scale < 2.0**_REACH and 2.0**low * fmt.scale >= 2.0**-126)
    ):
        return None
    dtype, rare = code_dtype(fmt.bits), fmt.bits <= _COARSE
    if isinstance(base, FloatFormat):
        plan = plan_for(base, request.overflow)
        if plan is None or not adds(plan):
            return None
        return Quotients(fmt.scale, plan, adding.kind(plan), dtype, np.int32(0), rare)
    if base.bits > MOST_BITS:
        return None
    ends = np.array([base.min_value, base.max_value], np.float32)
    return Quotients(fmt.scale, ends, (), dtype, np.int32(base.code_count - 1), rare)


@jit
def _encode(
    plan: Any,
    x: Any,
    less: Any,
    more: Any,
    codes: Any,
    unsure: Any,
    listed: Any,
    unsigned: Any,
    powers: Any,
    over: Any,
    plus: Any,
) -> bool:
    """Write codes, and where they are not sure; returns whether there are such."""
    rule = adding.encoding(plan)
    found = np.int32(0)
    for i in range(x.size):
        first, second = np.float32(x[i] * less), np.float32(x[i] * more)
        least = adding.code_of(bits_of(first), rule, unsigned, powers, over, plus)
        most = adding.code_of(bits_of(second), rule, unsigned, powers, over, plus)
        differ = np.int32(np.int32(least ^ most) | np.int32(x[i] != x[i]))
        codes[i] = least
        if listed is not None:
            unsure[i] = differ != np.int32(0)
        found = np.int32(found | differ)
    return bool(found != np.int32(0))


@jit
def _quantize(
    plan: Any,
    x: Any,
    less: Any,
    more: Any,
    scale: float,
    result: Any,
    unsure: Any,
    listed: Any,
    unsigned: Any,
    powers: Any,
    over: Any,
    plus: Any,
) -> bool:
    """Write values, and where they are not sure; returns whether there are such."""
    rule = adding.rounding(plan)
    found = np.int32(0)
    for i in range(x.size):
        first, second = np.float32(x[i] * less), np.float32(x[i] * more)
        least = adding.value_of(bits_of(first), rule, unsigned, powers, over, plus)
        most = adding.value_of(bits_of(second), rule, unsigned, powers, over, plus)
        differ = np.int32(np.int32(least ^ most) | np.int32(x[i] != x[i]))
        result[i] = np.float64(float_of(least, _FLOAT)) * scale
        if listed is not None:
            unsure[i] = differ != np.int32(0)
        found = np.int32(found | differ)
    return bool(found != np.int32(0))


@inlined
def _sum(value: Any, low: Any, high: Any) -> Any:
    """A number within bounds, added to what its float32 is rounded by."""
    value = high if value > high else value
    value = low if value < low else value
    return np.float32(value + ADDER)


@jit
def _encode_integers(
    ends: Any, x: Any, less: Any, more: Any, codes: Any, unsure: Any, listed: Any, mask: Any
) -> bool:
    low, high = ends[0], ends[1]
    found = np.int32(0)
    for i in range(x.size):
        least = bits_of(_sum(np.float32(x[i] * less), low, high))
        most = bits_of(_sum(np.float32(x[i] * more), low, high))
        differ = np.int32(np.int32(least ^ most) | np.int32(x[i] != x[i]))
        codes[i] = np.int32(least & mask)
        if listed is not None:
            unsure[i] = differ != np.int32(0)
        found = np.int32(found | differ)
    return bool(found != np.int32(0))


@jit
def _quantize_integers(
    ends: Any, x: Any, less: Any, more: Any, scale: float, result: Any, unsure: Any, listed: Any
) -> bool:
    low, high = ends[0], ends[1]
    found = np.int32(0)
    for i in range(x.size):
        least = np.float32(_sum(np.float32(x[i] * less), low, high) - ADDER)
        most = np.float32(_sum(np.float32(x[i] * more), low, high) - ADDER)
        differ = np.int32(np.int32(least != most) | np.int32(x[i] != x[i]))
        # The sum is a zero without a sign.
        result[i] = np.float64(np.float32(least + _FLOAT)) * scale
        if listed is not None:
            unsure[i] = differ != np.int32(0)
        found = np.int32(found | differ)
    return bool(found != np.int32(0))
