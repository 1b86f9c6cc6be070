"""The choices of rounding and overflow, and the rule of each rounding, in exact arithmetic.

`rounds_up` is the definition: every quicker rounding, in compiled code or in hardware, is compared
with it.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hwmodel.errors import HwmodelError
from hwmodel.formats.carrier import as_array, as_integer

__all__ = ["Overflow", "Request", "Rounding", "choice", "rounds_up"]

MAX_RANDOM_BITS = 52
# Random bits that an int32 holds with room for a carry: those of the quick routes.
QUICK_RANDOM_BITS = 30


class Rounding(enum.Enum):
    """Which of its two neighbours in the format a real number becomes."""

    NEAREST_EVEN = "nearest-even"
    """The nearer one; of two as near, the one whose code is even. With mantissa bits this is
    IEEE 754's roundTiesToEven; without, the exponent's last bit decides (IEEE P3109)."""
    NEAREST_AWAY = "nearest-away"
    """The nearer one; of two as near, the larger in magnitude."""
    TOWARD_ZERO = "toward-zero"
    """The smaller in magnitude."""
    UP = "up"
    """The larger (toward plus infinity)."""
    DOWN = "down"
    """The smaller (toward minus infinity)."""
    TO_ODD = "to-odd"
    """The one whose code is odd (Boldo and Melquiond, 2008); the larger in magnitude where
    neither is."""
    STOCHASTIC = "stochastic"
    """The larger in magnitude if the discarded part, cut to k bits, plus a random number of k
    bits carries: what hardware does that adds random bits below the last one and cuts."""


class Overflow(enum.Enum):
    """What becomes of a rounded value beyond the largest finite one.

    A number overflows if it would exceed the largest finite value when rounded with an unbounded
    exponent (IEEE 754-2019, section 7.4).
    """

    SATURATE = "saturate"
    """The largest finite value of the same sign, for infinities too (OCP's saturating mode)."""
    NONFINITE = "nonfinite"
    """Infinity where the format has one, else NaN (OCP's non-saturating mode)."""
    INFINITY = "infinity"
    """Infinity; only for formats that have one."""
    NAN = "nan"
    """NaN; only for formats that have one. Infinities stay where the format has them."""
    WRAP = "wrap"
    """Modulo 2**bits: integers and fixed point only. No float wraps, here as in fpy2: codes of a
    float are no residues, so a wrapped sum would say nothing of the exact one."""
    RAISE = "raise"
    """An error."""


_Choice = TypeVar("_Choice", Rounding, Overflow)


def choice(kind: type[_Choice], value: "_Choice | str") -> _Choice:
    """Rule of a name, or the rule itself.

    Raises
    ------
    HwmodelError
        There is no such rule.
    """
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(member.value for member in kind)
        raise HwmodelError(
            f"unknown {kind.__name__.lower()} {value!r}: expected one of {names}"
        ) from None


@dataclass(frozen=True, eq=False)
class Request:
    """How an array is rounded: the rule, what overflows become, and the random numbers.

    Parameters
    ----------
    overflow : Overflow or str
        The rule or its name.
    rounding : Rounding or str
        The rule or its name.
    random : array_like of int, optional
        For stochastic rounding: a number of `random_bits` bits for each value, broadcast to them.
    random_bits : int, optional
        Width of the random numbers.

    Raises
    ------
    HwmodelError
        An unknown rule; random numbers without stochastic rounding, the other way round, or out
        of range.
    """

    overflow: Overflow
    rounding: Rounding
    random: npt.NDArray[np.int64] | None = None
    random_bits: int = 0

    @classmethod
    def of(
        cls,
        overflow: Overflow | str,
        rounding: Rounding | str,
        random: npt.ArrayLike | None = None,
        random_bits: int | None = None,
    ) -> "Request":
        """Check what a caller asks for."""
        rule, beyond = choice(Rounding, rounding), choice(Overflow, overflow)
        if rule is not Rounding.STOCHASTIC:
            if random is not None or random_bits is not None:
                raise HwmodelError(
                    f"random numbers are for stochastic rounding, but {rule.value} was asked for"
                )
            return cls(beyond, rule)
        if random is None or random_bits is None:
            raise HwmodelError(
                "stochastic rounding takes its random numbers from you: pass random=integers of"
                " random_bits bits (for example rng.integers(0, 1 << 8, x.shape), random_bits=8)"
            )
        random_bits = as_integer(random_bits, "the width of random numbers, random_bits,")
        if not 1 <= random_bits <= MAX_RANDOM_BITS:
            raise HwmodelError(
                f"random numbers have 1 to {MAX_RANDOM_BITS} bits, but random_bits={random_bits}"
            )
        numbers: npt.NDArray[Any] = as_array(random, "random numbers")
        if numbers.dtype.kind not in "ui":
            raise HwmodelError(f"random numbers are integers, but these are {numbers.dtype}")
        # Of all bits at once: a negative number has the highest.
        if numbers.size and int(np.bitwise_or.reduce(numbers, axis=None)) >> random_bits:
            raise HwmodelError(
                f"random numbers of {random_bits} bits lie in 0..{(1 << random_bits) - 1}, but"
                f" {int(numbers.min())}..{int(numbers.max())} came"
            )
        return cls(beyond, rule, numbers.astype(np.int64, copy=False), random_bits)

    def part_of(self, numbers: npt.NDArray[np.int64]) -> Callable[[slice], npt.NDArray[np.int64]]:
        """What takes the random numbers of some values from those of `random_for`."""
        return (lambda part: numbers) if self.random is None else numbers.__getitem__

    def random_for(self, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """The random numbers as a flat array, one for each value; one zero where none are used."""
        if self.random is None:
            return np.zeros(1, np.int64)
        try:
            return np.ascontiguousarray(np.broadcast_to(self.random, shape)).reshape(-1)
        except ValueError:
            raise HwmodelError(
                f"random numbers of shape {self.random.shape} do not broadcast to the values'"
                f" shape {shape}"
            ) from None


def rounds_up(
    fraction: Fraction,
    odd: bool,
    negative: bool,
    rounding: Rounding,
    random: int = 0,
    random_bits: int = 0,
) -> bool:
    """Whether a magnitude between two neighbours becomes the larger one.

    Parameters
    ----------
    fraction : Fraction
        Where it lies: 0 at the lower neighbour, below 1 at the upper one.
    odd : bool
        Whether the lower neighbour's code is odd.
    negative : bool
        Sign of the number.
    rounding : Rounding
        The rule.
    random, random_bits : int
        Random number and its width, for stochastic rounding.
    """
    half = Fraction(1, 2)
    if rounding is Rounding.NEAREST_EVEN:
        return fraction > half or (fraction == half and odd)
    if rounding is Rounding.NEAREST_AWAY:
        return fraction >= half
    if rounding is Rounding.UP:
        return fraction > 0 and not negative
    if rounding is Rounding.DOWN:
        return fraction > 0 and negative
    if rounding is Rounding.TO_ODD:
        return fraction > 0 and not odd
    if rounding is Rounding.STOCHASTIC:
        return int(fraction * (1 << random_bits)) + random >= 1 << random_bits
    return False
