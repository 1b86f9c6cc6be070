"""What waits to happen in the event simulator: at most one change of each net, by time.

A wheel of buckets, one for each quantum of a clock cycle; each is a doubly linked list by net, so
that a change can be taken back. One bit for each bucket says whether it holds anything.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.extending import intrinsic
from numpy.typing import NDArray

from hwmodel.compiled import inner

__all__ = ["DUE", "Wheel", "cancel", "make_wheel", "next_time", "ones", "pop", "schedule"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

# Columns of `Wheel.link`.
DUE, _BEHIND, _AHEAD = range(3)
_NOTHING = np.uint64(0)
_ONE = np.uint64(1)


class Wheel(NamedTuple):
    """Changes on their way.

    Hot loops take the arrays out once and hand them on one by one, for reaching into a tuple
    counts references each time.
    """

    link: Ints  # [net, 3]: when it is due, -1 for never; its neighbours in the bucket, -1 for none
    cost: Floats  # [net]: fJ of the change inside the driving cell
    bucket: Ints  # by time: last net scheduled for it, -1 for none
    filled: Words  # bit t & 63 of word t >> 6: bucket t holds something


def make_wheel(nets: int, size: int) -> Wheel:
    """Return an empty wheel for `nets` nets and `size` quanta."""
    return Wheel(
        link=np.full((nets, 3), -1, np.int32),
        cost=np.zeros(nets),
        bucket=np.full(size, -1, np.int32),
        filled=np.zeros((size >> 6) + 1, np.uint64),
    )


def _lowest_of(_: Any, word: Any) -> Any:
    """Position of the lowest set bit of a word that is not zero."""

    def code(__: Any, builder: Any, ___: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return word(word), code


def _ones_of(_: Any, word: Any) -> Any:
    """Count the set bits of a word; one instruction, which NumPy's function is not here."""

    def code(__: Any, builder: Any, ___: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return word(word), code


# Functions of one word inside compiled code.
_lowest: Any = intrinsic(_lowest_of)
ones: Any = intrinsic(_ones_of)


@inner
def schedule(link: Ints, bucket: Ints, filled: Words, net: int, at: int) -> None:
    """Let a net change at a time; of several at one time the last scheduled goes first."""
    ahead = bucket[at]
    link[net, DUE] = at
    link[net, _BEHIND] = ahead
    link[net, _AHEAD] = -1
    if ahead >= 0:
        link[ahead, _AHEAD] = net
    else:
        filled[at >> 6] |= _ONE << np.uint64(at & 63)
    bucket[at] = net


@inner
def cancel(link: Ints, bucket: Ints, filled: Words, net: int) -> None:
    """Take a change back."""
    at = link[net, DUE]
    behind = link[net, _BEHIND]
    ahead = link[net, _AHEAD]
    if ahead >= 0:
        link[ahead, _BEHIND] = behind
    else:
        bucket[at] = behind
        if behind < 0:
            filled[at >> 6] ^= _ONE << np.uint64(at & 63)
    if behind >= 0:
        link[behind, _AHEAD] = ahead
    link[net, DUE] = -1


@inner
def next_time(bucket: Ints, filled: Words, now: int) -> int:
    """Time of the next change from `now` on, or -1."""
    if bucket[now] >= 0:
        return now
    for place in range(now >> 6, filled.size):
        if filled[place] != _NOTHING:
            return (place << 6) + int(_lowest(filled[place]))
    return -1


@inner
def pop(link: Ints, bucket: Ints, filled: Words, now: int) -> int:
    """Take out the first change that is due now; returns its net."""
    net = bucket[now]
    behind = link[net, _BEHIND]
    bucket[now] = behind
    if behind >= 0:
        link[behind, _AHEAD] = -1
    else:
        filled[now >> 6] ^= _ONE << np.uint64(now & 63)
    link[net, DUE] = -1
    return net
