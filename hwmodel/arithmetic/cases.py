"""Operands that an operation is checked with: where results go wrong, then random ones.

Directed cases are found backwards: a result is wanted (a midpoint of two neighbours in the output,
say), all operands but the last are chosen, and the last is solved for in exact arithmetic. Where
its format does not hold the solution, its neighbours there come as near as these operands can.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hwmodel.arithmetic.operations import Exact, Operation, exact_value
from hwmodel.arithmetic.targets import bounds, midpoints, targets
from hwmodel.errors import HwmodelError, NotBuiltYetError
from hwmodel.formats import FloatFormat, Format, IntFormat, Overflow, PowerFormat, Rounding
from hwmodel.formats.scalar import encode_scalar

__all__ = ["KINDS", "Case", "interesting_codes", "operation_cases"]

KINDS = {
    "special": "an operand is NaN or infinite",
    "zero": "an operand or the exact result is zero",
    "corner": "other combinations of one, the smallest and the largest numbers of each operand",
    "overflow boundary": "about the largest number, and where rounding begins to overflow",
    "subnormal edge": "about the smallest normal and the smallest subnormal number",
    "carry": "rounding may carry into the next power of two",
    "exact": "a number of the output",
    "exact neighbour": "as near to a number of the output as the operands come",
    "midpoint": "halfway between neighbours of the output",
    "midpoint neighbour": "as near to a midpoint as the operands come",
    "double rounding": "another result if rounded to two more bits first",
    "random": "codes drawn at random, every other time so that the result is in range",
}
"""Kinds of case and what each means."""

MAX_ASKED_BITS = 16
"""Output formats up to this width have a case for each midpoint if that is asked for."""

_FACTORS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
_TRIES = 4  # random first factors that are tried where no divisor leads to the wanted product


@dataclass(frozen=True)
class Case:
    """Operand codes, the code that the operation gives, and what the case is for.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    inputs : tuple of int
        Operand codes.
    expected : int
        Code of the result.
    """

    kind: str
    inputs: tuple[int, ...]
    expected: int


def operation_cases(
    operation: Operation, count: int, seed: int, every_midpoint: bool = False
) -> list[Case]:
    """Directed cases of an operation and `count` random ones, the same for the same arguments.

    With `every_midpoint` an output of up to 16 bits has a case for each midpoint of neighbours,
    where otherwise only one of 10 bits has; those come besides the others.

    Operands for which the output has no code (NaN where it has none) are left out. A kind that
    the formats do not allow, such as overflow into a format wider than the operands, is absent.

    Raises
    ------
    HwmodelError
        Every midpoint is asked for, and the output is wider than 16 bits.
    NotBuiltYetError
        The operation rounds stochastically: a case has no random number.
    """
    if operation.rounding is Rounding.STOCHASTIC:
        raise NotBuiltYetError(
            f"vectors of operations that round stochastically ({operation.name}) are not built yet;"
            " choose another rounding (its compute() takes random numbers)"
        )
    if every_midpoint and operation.output.bits > MAX_ASKED_BITS:
        raise HwmodelError(
            f"every midpoint is brought for outputs of up to {MAX_ASKED_BITS} bits, but"
            f" {operation.output.name} has {operation.output.bits}; leave that wish out"
        )
    # random.Random, whose streams do not depend on a library's version, and one a purpose: more
    # random cases leave the directed ones as they are.
    directed, drawn = random.Random(f"directed {seed}"), random.Random(f"random {seed}")
    seen: dict[tuple[str, tuple[int, ...]], None] = {}
    for kind, codes in _directed(operation, directed, every_midpoint):
        if (kind, codes) not in seen and operation.accepts(*codes):
            seen[kind, codes] = None
    order = {kind: position for position, kind in enumerate(KINDS)}
    found = sorted(seen, key=lambda case: order[case[0]])
    found += [("random", codes) for codes in _random(operation, count, drawn)]
    return [Case(kind, codes, operation.apply(*codes)) for kind, codes in found]


def interesting_codes(fmt: Format) -> list[int]:
    """Codes where formats end or change: zeros, ones, smallest, largest, infinities, NaNs."""
    if isinstance(fmt, PowerFormat):
        return sorted({0, 1, fmt.bias, fmt.max_code - 1, fmt.max_code, fmt.nan_code})
    if isinstance(fmt, IntFormat):
        low, high = int(fmt.min_value), int(fmt.max_value)
        return sorted({x % fmt.code_count for x in (0, 1, 2, -1, -2, low, low + 1, high, high - 1)})
    assert isinstance(fmt, FloatFormat)
    normal = 1 << fmt.mantissa_bits
    one = encode_scalar(fmt, 1.0)
    magnitudes = {0, 1, normal - 1, normal, one, one + 1, fmt.max_code - 1, fmt.max_code}
    if fmt.has_infinity:
        magnitudes.add(fmt.infinity_code)
    # The codes above the largest finite one are infinities and NaNs: first, canonical and last.
    magnitudes |= {fmt.max_code + 1, fmt.max_code + 2, fmt.magnitude_mask}
    if fmt.has_nan:
        magnitudes.add(fmt.nan_code & fmt.magnitude_mask)
    kept = sorted(code for code in magnitudes if 0 <= code <= fmt.magnitude_mask)
    return kept + [code | fmt.magnitude_mask + 1 for code in kept if fmt.signed]


def _directed(
    operation: Operation, rng: random.Random, every_midpoint: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for codes in itertools.product(*(interesting_codes(fmt) for fmt in operation.inputs)):
        yield _corner_kind(operation, codes), codes
    wanted = targets(operation.output, rng)
    if every_midpoint:
        wanted = itertools.chain(wanted, midpoints(operation.output))
    for kind, lower, upper, target in wanted:
        for codes in _solutions(operation, target, lower, rng):
            result = operation.exact(*codes)
            if isinstance(result, Fraction) and _is_trap(operation, result, upper - lower):
                yield "double rounding", codes
            hit = result == target
            if kind in ("exact", "midpoint"):
                yield kind if hit else f"{kind} neighbour", codes
            else:
                yield kind, codes


def _corner_kind(operation: Operation, codes: tuple[int, ...]) -> str:
    values = [exact_value(fmt, code) for fmt, code in zip(operation.inputs, codes, strict=True)]
    if any(isinstance(value, float) and value != 0 for value in values):  # NaN differs from 0, too
        return "special"
    return "zero" if 0 in values or operation.exact(*codes) == 0 else "corner"


def _is_trap(operation: Operation, result: Fraction, step: Fraction) -> bool:
    """Whether rounding to nearest at a quarter of a step first changes the code."""
    before = round(result / (step / 4)) * (step / 4)  # Python rounds ties to even
    if before in (result, 0):
        return False
    rules = (operation.overflow, operation.rounding)
    twice = encode_scalar(operation.output, before, *rules)
    return twice != encode_scalar(operation.output, result, *rules)


def _solutions(
    operation: Operation, target: Fraction, lower: Fraction, rng: random.Random
) -> Iterator[tuple[int, ...]]:
    """Operands whose exact result is `target`, or as near below and above it as can be."""
    *_, last = operation.inputs
    nearest: tuple[Fraction, tuple[int, ...], Fraction] | None = None
    wanted = 2 if operation.kind == "fma" else 1  # of a sum with its product large, and with it 0
    for first in _first_operands(operation, target, lower, rng):
        needed = _needed(operation, first, target)
        if needed is None or not _within(last, needed):
            continue
        code = encode_scalar(last, needed)
        if Fraction(exact_value(last, code)) == needed:
            for near in _about(last, needed):
                yield (*first, near)
            wanted -= 1
            if not wanted:
                return
            continue
        result = operation.exact(*first, code)
        distance = abs(Fraction(result) - target)
        if nearest is None or distance < nearest[0]:
            nearest = (distance, first, needed)
    if nearest is not None:
        for near in _about(last, nearest[2]):
            yield (*nearest[1], near)


def _needed(operation: Operation, first: tuple[int, ...], target: Fraction) -> Fraction | None:
    """Value of the last operand that leads to `target`; None where there is none."""
    values: list[Exact] = [
        exact_value(fmt, code) for fmt, code in zip(operation.inputs, first, strict=False)
    ]
    numbers = [Fraction(value) for value in values]
    if operation.kind == "mul":
        return target / numbers[0] if numbers[0] else None
    if operation.kind == "add":
        return target - numbers[0]
    if operation.kind == "fma":
        return target - numbers[0] * numbers[1]
    return target


def _first_operands(
    operation: Operation, target: Fraction, lower: Fraction, rng: random.Random
) -> Iterator[tuple[int, ...]]:
    """Choices of all operands but the last, the most promising first."""
    first = operation.inputs[0]
    if operation.kind == "convert":
        yield ()
    elif operation.kind == "mul":
        if _is_product(first, operation.inputs[1], target, exactly=False):
            for factor in _factors(first, target, rng):
                yield (factor,)
    elif operation.kind == "add":
        for value in (lower, target, target / 2, lower * 2, Fraction(0)):
            if _within(first, value):
                yield (encode_scalar(first, value, rounding=Rounding.TOWARD_ZERO),)
    else:
        second = operation.inputs[1]
        for wanted in (target, lower):  # c is next to nothing; c is the part that is rounded off
            if not _is_product(first, second, wanted, exactly=True):
                continue
            for factor in _factors(first, wanted, rng):
                rest = wanted / Fraction(exact_value(first, factor))
                if _within(second, rest):
                    other = encode_scalar(second, rest, rounding=Rounding.TOWARD_ZERO)
                    if Fraction(exact_value(second, other)) == rest:
                        yield (factor, other)
                        break
        if not _is_product(first, second, target, exactly=False):
            # c alone reaches it, with the smallest that a product brings besides.
            yield encode_scalar(first, 0.0), encode_scalar(second, 1.0)
            return
        for factor in itertools.islice(_factors(first, target, rng), _TRIES):
            rest = target / Fraction(exact_value(first, factor))
            if _within(second, rest):
                yield (factor, encode_scalar(second, rest, rounding=Rounding.TOWARD_ZERO))


def _factors(fmt: Format, product: Fraction, rng: random.Random) -> Iterator[int]:
    """Codes of `fmt` that may be a factor of `product`, divisors first."""
    if product == 0:
        return
    size = product.numerator.bit_length() - product.denominator.bit_length()
    odd = abs(product.numerator)
    odd >>= (odd & -odd).bit_length() - 1
    for divisor in _FACTORS:
        if odd % divisor:
            continue
        # A factor of about one, one that shares the exponent fairly, one that takes all of it.
        for exponent in dict.fromkeys((0, size // 2, size - divisor.bit_length())):
            value = divisor * Fraction(2) ** exponent
            if _within(fmt, value):
                code = encode_scalar(fmt, value)
                if Fraction(exact_value(fmt, code)) == value:
                    yield code
    for _ in range(_TRIES):
        value = Fraction(2) ** rng.choice((0, size // 2)) * (1 + Fraction(rng.random()))
        if _within(fmt, value):
            code = encode_scalar(fmt, value)
            if exact_value(fmt, code) != 0:
                yield code


def _is_product(x: Format, y: Format, target: Fraction, exactly: bool) -> bool:
    """Whether two operands may have that product, by its size and (exactly) its length; quick."""
    largest = bounds(x)[1] * bounds(y)[1]
    if not 0 < abs(target) <= largest:
        return False
    odd = abs(target.numerator)
    odd >>= (odd & -odd).bit_length() - 1
    return not exactly or odd.bit_length() <= _significant_bits(x) + _significant_bits(y)


def _significant_bits(fmt: Format) -> int:
    if isinstance(fmt, FloatFormat):
        return fmt.mantissa_bits + 1
    return 1 if isinstance(fmt, PowerFormat) else fmt.bits


def _within(fmt: Format, value: Fraction) -> bool:
    low, high = bounds(fmt)
    return low <= value <= high


def _about(fmt: Format, value: Fraction) -> list[int]:
    """Codes of the nearest numbers below and above a number, and of itself where it has one."""
    little = Fraction(2) ** (fmt.lsb_exponent - 1)  # less than any two numbers are apart
    near = encode_scalar(fmt, value)
    if Fraction(exact_value(fmt, near)) != value:
        little = Fraction(0)
    below = encode_scalar(fmt, value - little, Overflow.SATURATE, Rounding.DOWN)
    above = encode_scalar(fmt, value + little, Overflow.SATURATE, Rounding.UP)
    return list(dict.fromkeys((below, near, above)))


def _random(operation: Operation, count: int, rng: random.Random) -> Iterator[tuple[int, ...]]:
    """Random operands: any codes, and every other time such that the result is in range."""
    while count:
        codes = tuple(rng.randrange(fmt.code_count) for fmt in operation.inputs)
        if count % 2:
            codes = _in_range(operation, codes, rng)
        if operation.accepts(*codes):
            yield codes
            count -= 1


def _in_range(operation: Operation, codes: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    """The same first operands; the last is solved for a random result, where that is possible."""
    *_, last = operation.inputs
    near = exact_value(operation.output, rng.randrange(operation.output.code_count))
    values = [exact_value(f, c) for f, c in zip(operation.inputs, codes, strict=True)]
    if any(isinstance(value, float) and value != 0 for value in (near, *values[:-1])):
        return codes
    target = Fraction(near) * (1 + Fraction(rng.random()) / 4)
    needed = _needed(operation, codes[:-1], target)
    if needed is None or not _within(last, needed):
        return codes
    return (*codes[:-1], encode_scalar(last, needed))
