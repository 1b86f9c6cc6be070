"""The quick route of all other roundings, stochastic too: float32 in, compiled.

A number is cut toward zero, by the float32 adder as in `adding` or, where the format has float32's
exponents and perhaps more, by a shift of its bits. What was lost then says whether it becomes the
next larger one, or with the random number beside it. From which magnitude on a number overflows,
and to what, is found by asking `scalar`; where chance has a say, the result itself tells.

Arguments that are None or True choose what a loop has, as in `adding`.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import bits_of, float_of, inlined, jit
from hwmodel.formats.plan import BIAS, INFINITY, MAGNITUDE, MANTISSA, NAN, Plan, adds, plan_for
from hwmodel.formats.rounding import Overflow, Rounding

if TYPE_CHECKING:
    from hwmodel.formats.floating import FloatFormat

__all__ = ["Direction", "direction_for", "encode", "quantize"]

_SHIFT, _OFFSET, _WIDE, _SIGN, _MINUS, _TOP, _LOWEST, _LIFT, _MAX_BITS, _NAN_CODE, *_OVER = (
    Plan._fields.index(name)
    for name in (
        *("shift", "offset", "wide", "sign_bit", "negative_zero", "top", "lowest", "lift"),
        *("max_bits", "nan_code", "max_code", "over_code", "over_bits"),
    )
)
_MAX_CODE, _OVER_CODE, _OVER_BITS = _OVER
_FLOAT = np.float32(0.0)  # for its type
_INT = np.int32
_NOTHING = np.zeros(1, np.int64)


class Direction(NamedTuple):
    """What compiled code needs to know of a format and its rules.

    Attributes
    ----------
    numbers : ndarray of int32
        Those of the `Plan` for rounding to nearest even.
    limits : ndarray of int32
        Of positive and of negative numbers: the largest magnitude that does not overflow, what
        becomes of those that do and what of an infinity, in codes and in float32's bits.
    which : int32
        Sign, 0 or -1, of the numbers that go away from zero, where it is those of one sign.
    normal : bool
        Whether float32's subnormals are not for this route.
    flags : tuple of bool or None
        Whether the adder cuts; whether codes are counted from another exponent than float32's,
        without numbers between zero and the smallest normal one; rounding to that side, to odd, to
        nearest (away), by chance; whether numbers overflow; whether there are no signs, no minus
        zero.
    """

    numbers: npt.NDArray[np.int32]
    limits: npt.NDArray[np.int32]
    which: np.int32
    normal: bool
    flags: tuple[bool | None, ...]


@functools.lru_cache(maxsize=1024)
def direction_for(fmt: "FloatFormat", overflow: Overflow, rounding: Rounding) -> Direction | None:
    """Constants for a format and rules, or None where the general route is needed."""
    numbers = plan_for(fmt, overflow)
    if numbers is None or rounding is Rounding.NEAREST_EVEN:
        return None
    powers = fmt.mantissa_bits == 0  # half a unit of the last place is no number
    by_adding = adds(numbers) and not powers
    if by_adding and fmt.lsb_exponent < -120:
        return None
    # Where float32's subnormals are not the format's.
    normal = bool(numbers[_WIDE]) or fmt.min_exponent == -BIAS < fmt.max_exponent
    moved = normal or powers
    if not by_adding and not moved and (numbers[_OFFSET] != 0 or fmt.exponent_bits == 0):
        return None
    saturate = overflow is Overflow.SATURATE
    limits = [_limits(fmt, overflow, rounding, sign) for sign in (1.0, -1.0)]
    flags = (
        by_adding,
        moved,
        rounding in (Rounding.UP, Rounding.DOWN),
        rounding is Rounding.TO_ODD,
        rounding is Rounding.NEAREST_AWAY,
        rounding is Rounding.STOCHASTIC,
        not saturate,
        not fmt.signed,
        fmt.signed and not fmt.has_negative_zero,
    )
    return Direction(
        numbers,
        np.array(limits, np.int64).astype(np.int32),
        np.int32(-1 if rounding is Rounding.DOWN else 0),
        normal,
        tuple(True if flag else None for flag in flags),
    )


def _limits(
    fmt: "FloatFormat", overflow: Overflow, rounding: Rounding, sign: float
) -> tuple[int, ...]:
    """A row of `Direction.limits`, from the definition."""
    from hwmodel.formats.scalar import decode_scalar, encode_scalar

    def code(magnitude: int) -> int:
        value = float(np.int32(magnitude).view(np.float32))
        return encode_scalar(fmt, sign * value, overflow, rounding)

    def bits(code: int) -> int:
        if fmt.max_exponent > BIAS:  # no infinity comes this way, and nothing else overflows
            return INFINITY
        with np.errstate(over="ignore"):
            value = np.float32(decode_scalar(fmt, code))
        return NAN if np.isnan(value) else int(value.view(np.int32))

    over, infinite = code(INFINITY - 1), code(INFINITY)
    low, high = 0, INFINITY - 1  # the first does not overflow, the second does
    if code(0) == over or fmt.max_exponent > BIAS:  # none overflows
        low = high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if code(middle) == over else (middle, high)
    return low, over, infinite, bits(over), bits(infinite)


def encode(
    direction: Direction,
    x: npt.NDArray[np.float32],
    codes: npt.NDArray[Any],
    random: npt.NDArray[np.int64] = _NOTHING,
    random_bits: int = 0,
) -> bool:
    """Write the codes of `x`; returns whether a NaN was met.

    Rounding by chance takes a random number of so many bits, at most 30, for each.
    """
    bits = x.view(np.int32)
    numbers, limits, which, _, flags = direction
    largest = _encode(numbers, limits, which, bits, codes, random, random_bits, *flags)
    if largest >= INFINITY:
        _mend(bits, codes, limits[:, 2], numbers[_NAN_CODE])
    return bool(largest > INFINITY)


def quantize(
    direction: Direction,
    x: npt.NDArray[np.float32],
    result: npt.NDArray[np.float32],
    random: npt.NDArray[np.int64] = _NOTHING,
    random_bits: int = 0,
) -> bool:
    """Write the rounded values of `x`; returns whether a NaN was met."""
    bits, values = x.view(np.int32), result.view(np.int32)
    numbers, limits, which, _, flags = direction
    largest = _quantize(numbers, limits, which, bits, values, random, random_bits, *flags)
    if largest >= INFINITY:
        _mend(bits, values, limits[:, 4], np.int32(NAN))
    return bool(largest > INFINITY)


@inlined
def _stepped(
    cut: Any, lost: Any, upper: Any, sign: Any, which: Any, sided: Any, odd: Any, away: Any
) -> Any:
    """A number in units of its last place, from what was cut: it and the rule say which one.

    `lost` is 1 where anything was, `upper` where it was half a unit or more, `sign` 0 or -1.
    """
    if sided is not None:
        cut = _INT(cut + (lost if sign == which else _INT(0)))
    if odd is not None:
        cut = _INT(cut | lost)
    if away is not None:
        cut = _INT(cut + upper)
    return cut


@inlined
def _parts(
    number: Any,
    field: Any,
    lift: Any,
    shift: Any,
    lowest: Any,
    bits: Any,
    adds: Any,
    away: Any,
    chance: Any,
) -> Any:
    """Of a magnitude what is below its units, these, what is lost, and if that is half or more.

    By chance: instead of the last, so many first bits of what is lost.
    """
    base, upper = _INT(0), _INT(0)
    if adds is not None:
        adder = _INT(field + lift)
        power = float_of(adder, _FLOAT)
        total = float_of(number, _FLOAT) + power
        near = total - power
        over = _INT(near > float_of(number, _FLOAT))
        lost = _INT(near != float_of(number, _FLOAT))
        units = _INT(_INT(bits_of(total) - adder) - over)
        base = _INT(_INT(field - lowest) >> shift)
        if away is not None:
            half = float_of(_INT(adder - _INT((MANTISSA + 1) << MANTISSA)), _FLOAT)
            upper = _INT(over | _INT(float_of(number, _FLOAT) - near == half))
        if chance is not None:
            last = _INT(adder - _INT(MANTISSA << MANTISSA))
            # The inverse of the last place, whose pattern it completes to that of 2^127.
            inverse = float_of(_INT(_INT(254 << MANTISSA) - last), _FLOAT)
            rest = float_of(number, _FLOAT) - near
            rest = rest + float_of(last, _FLOAT) if over else rest
            upper = _INT(rest * inverse * np.float32(_INT(1) << bits))
    if adds is None:
        units = _INT(number >> shift)
        rest = _INT(number & _INT(_INT(_INT(1) << shift) - _INT(1)))
        lost = _INT(rest != _INT(0))
        upper = _INT(_INT(rest >> _INT(shift - _INT(1))) & _INT(1))
        if chance is not None:
            more, fewer = max(_INT(bits - shift), _INT(0)), max(_INT(shift - bits), _INT(0))
            upper = _INT(_INT(rest << more) >> fewer)
    return base, units, lost, upper


@jit
def _encode(
    plan: Any,
    limits: Any,
    which: Any,
    bits: Any,
    codes: Any,
    random: Any,
    random_bits: int,
    adds: Any,
    moved: Any,
    sided: Any,
    odd: Any,
    away: Any,
    chance: Any,
    over: Any,
    unsigned: Any,
    plus: Any,
) -> Any:
    """Write codes, anything for what `_mend` settles; returns the largest magnitude's bits."""
    shift, lowest, lift = _INT(plan[_SHIFT] & _INT(31)), plan[_LOWEST], plan[_LIFT]
    top = plan[_TOP] if adds is not None else plan[_MAX_BITS]
    if over is not None and adds is None:
        top = _INT(MAGNITUDE)
    sign_bit, offset = plan[_SIGN], plan[_OFFSET]
    limit, below = limits[0, 0], limits[1, 0]
    code_over, code_below = limits[0, 1], limits[1, 1]
    largest, kept = _INT(0), _INT(random_bits)
    for i in range(bits.size):
        magnitude = _INT(bits[i] & _INT(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        sign = _INT(bits[i] >> _INT(31))
        number = magnitude if magnitude < top else top
        if unsigned is not None:
            number = _INT(0) if sign else number
        field = _INT(number & _INT(INFINITY))
        field = field if field > lowest else lowest
        base, units, lost, upper = _parts(
            number, field, lift, shift, lowest, kept, adds, away, chance
        )
        if chance is not None:
            units = _INT(units + _INT(_INT(upper + _INT(random[i])) >> kept))
        if moved is not None:
            units = _INT(0) if number == _INT(0) else _INT(units - offset)
        code = _INT(base + _stepped(units, lost, upper, sign, which, sided, odd, away))
        if chance is not None and over is not None:
            code = plan[_OVER_CODE] if code > plan[_MAX_CODE] else code
        if unsigned is None:
            minus = _INT(sign & sign_bit)
            if plus is not None:
                minus = _INT(0) if code == _INT(0) else minus
            code = _INT(code | minus)
        if over is not None and chance is None:
            code = code_over if magnitude > limit and sign == _INT(0) else code
            code = code_below if magnitude > below and sign != _INT(0) else code
        codes[i] = code
    return largest


@jit
def _quantize(
    plan: Any,
    limits: Any,
    which: Any,
    bits: Any,
    result: Any,
    random: Any,
    random_bits: int,
    adds: Any,
    moved: Any,
    sided: Any,
    odd: Any,
    away: Any,
    chance: Any,
    over: Any,
    unsigned: Any,
    plus: Any,
) -> Any:
    """Write values, in float32's bits; else as `_encode`."""
    shift, lowest, lift = _INT(plan[_SHIFT] & _INT(31)), plan[_LOWEST], plan[_LIFT]
    top = plan[_TOP] if adds is not None else plan[_MAX_BITS]
    if over is not None and adds is None:
        top = _INT(MAGNITUDE)
    limit, below, offset = limits[0, 0], limits[1, 0], plan[_OFFSET]
    bits_over, bits_below = limits[0, 3], limits[1, 3]
    largest, kept = _INT(0), _INT(random_bits)
    for i in range(bits.size):
        magnitude = _INT(bits[i] & _INT(MAGNITUDE))
        largest = magnitude if magnitude > largest else largest
        sign = _INT(bits[i] >> _INT(31))
        number = magnitude if magnitude < top else top
        if unsigned is not None:
            number = _INT(0) if sign else number
        field = _INT(number & _INT(INFINITY))
        field = field if field > lowest else lowest
        _, units, lost, upper = _parts(number, field, lift, shift, lowest, kept, adds, away, chance)
        if chance is not None:
            units = _INT(units + _INT(_INT(upper + _INT(random[i])) >> kept))
        if odd is not None and moved is not None:  # without a mantissa the code's last bit counts
            units = _INT(_INT(_INT(units - offset) | lost) + offset)
        else:
            units = _stepped(units, lost, upper, sign, which, sided, odd, away)
        value = _INT(units << shift)
        if adds is not None:
            adder = _INT(field + lift)
            value = bits_of(float_of(_INT(adder + units), _FLOAT) - float_of(adder, _FLOAT))
        if chance is not None and over is not None:
            value = plan[_OVER_BITS] if value > plan[_MAX_BITS] else value
        if unsigned is None:
            value = _INT(value | _INT(bits[i] & _INT(~MAGNITUDE)))
            if plus is not None:  # minus zero and zero are zero
                value = bits_of(float_of(value, _FLOAT) + _FLOAT)
        if over is not None and chance is None:
            value = bits_over if magnitude > limit and sign == _INT(0) else value
            value = bits_below if magnitude > below and sign != _INT(0) else value
        result[i] = value
    return largest


@jit
def _mend(bits: Any, result: Any, infinite: Any, nan: Any) -> None:
    """Write what infinities and NaNs become."""
    for i in range(bits.size):
        magnitude = _INT(bits[i] & _INT(MAGNITUDE))
        if magnitude == _INT(INFINITY):
            result[i] = infinite[1 if bits[i] < _INT(0) else 0]
        elif magnitude > _INT(INFINITY):
            result[i] = nan
