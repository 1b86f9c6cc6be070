"""Constants for compiled code: the elements of a block, and the rule that finds its scale.

They go there as one array of integers and one of floats, which compiled code takes in far quicker
than tuples, and get their names there.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwmodel.compiled import inlined
from hwmodel.formats import FloatFormat, Format, IntFormat

__all__ = ["Grid", "Rule", "grid_for"]
__all__ += ["Kind", "Work", "named", "named_wide", "power_rule", "work_for"]


class Grid(NamedTuple):
    """Numbers of a format for compiled code, as integers of the carrying type's size.

    Attributes
    ----------
    field : int32 or int64
        Mask of the carrier's exponent field.
    lowest : int32 or int64
        Exponent field, in place, of the smallest normal number.
    lift : int32 or int64
        What is added to an exponent field to make the power of two that rounds.
    shift : int32 or int64
        Bits of the carrier's mantissa that the format lacks.
    most, least : int32 or int64
        Bits of the largest magnitudes, positive and negative.
    negative_zero : int32 or int64
        1 where there is a negative zero, else 0.
    integer : int32 or int64
        1 for integers, whose codes are in two's complement, else 0.
    mask : int32 or int64
        Mask of all bits of a code.
    """

    field: Any
    lowest: Any
    lift: Any
    shift: Any
    most: Any
    least: Any
    negative_zero: Any
    integer: Any
    mask: Any


class Rule(NamedTuple):
    """How scales that are powers of two are found and used.

    Attributes
    ----------
    top_mantissa : int32
        Mantissa bits of the largest element. A larger mantissa takes the next power.
    offset : int32
        What added to an exponent field makes the code of the scale.
    max_code : int32
        The largest code.
    lift : int32
        What added to a code makes the exponent field of a step, the value of the grid's one.
    low_code, high_code : int32
        Codes with which float32 can do the work.
    end_code : int32
        The largest code with which float32 holds all products.
    """

    top_mantissa: Any
    offset: Any
    max_code: Any
    lift: Any
    low_code: Any
    high_code: Any
    end_code: Any


@functools.lru_cache(maxsize=1024)
def grid_for(fmt: Format, double: bool) -> Grid | None:
    """Constants of a format carried in float32 (or float64), None where the adder cannot round."""
    if isinstance(fmt, FloatFormat):
        exponent, bits = fmt.min_exponent, fmt.mantissa_bits
        # Without mantissa bits the exponent's last bit makes a code even.
        if not fmt.subnormals or bits == 0:
            return None
        top, zero = fmt.max_exponent, fmt.has_negative_zero
    elif isinstance(fmt, IntFormat):
        exponent = bits = top = fmt.bits
        zero = False
    else:
        return None
    real, whole, stored, bias = (
        (np.float64, np.int64, 52, 1023) if double else (np.float32, np.int32, 23, 127)
    )
    if exponent < 1 - bias or bits >= stored or top + stored - bits > bias:
        return None
    if fmt.bits > (32 if double else 31):
        return None

    def pattern(value: float) -> int:
        return int(real(value).view(whole))

    return Grid(
        field=(2 * bias + 1) << stored,
        lowest=(exponent + bias) << stored,
        lift=(stored - bits) << stored,
        shift=stored - bits,
        most=pattern(fmt.max_value),
        least=pattern(abs(fmt.min_value)),
        negative_zero=int(zero),
        integer=int(isinstance(fmt, IntFormat)),
        mask=fmt.code_count - 1,
    )


def power_rule(
    element: Format, unit: int, top: float, ceil: bool, bias: int, max_code: int, pairs: bool
) -> Rule | None:
    """A rule that makes powers of two, None where compiled code does not know it.

    Parameters
    ----------
    element : Format
        The elements without a unit of their own.
    unit : int
        Exponent of the unit.
    top : float
        The number whose exponent is taken from that of the largest magnitude.
    ceil : bool
        Whether the scale is rounded up.
    bias, max_code : int
        Of the scale's format.
    pairs : bool
        Whether pairs may have half the scale.
    """
    grid = grid_for(element, double=False)
    with np.errstate(over="ignore"):  # then it is not the same number
        single = np.float32(top)
    if grid is None or float(single) != top or not top >= 2.0**-126:
        return None
    bits = int(single.view(np.int32))
    # Exponents that keep the shifted grid, and the powers that round, among float32's normals.
    least = max(1 - (grid.lowest >> 23), 1 - 127) + pairs
    most = min(254 - (max(grid.most, grid.lowest) + grid.lift >> 23), 254 - 127)
    end = 127 - math.frexp(max(element.max_value, -element.min_value, 1.0))[1] + 1
    return Rule(
        top_mantissa=bits & 0x7FFFFF if ceil else 0x7FFFFF,
        offset=bias - (bits >> 23),
        max_code=max_code,
        lift=127 - bias + unit,
        low_code=least + bias - unit,
        high_code=most + bias - unit,
        end_code=end + bias - unit,
    )


class Kind(NamedTuple):
    """What compiled code is to do, each True or None: what is None is not compiled.

    Attributes
    ----------
    powers, quotients, known, given : bool or None
        Scales are powers of two by a rule, or any others; the blocks' largest magnitudes are known
        before; scales are found elsewhere.
    exact, close : bool or None
        Quotients in float32 round as exact ones do, or those close to a tie may not.
    shifted_integers, shifted_pairs, shifted_floats, scaled_integers, scaled_floats : bool or None
        Which loop of `hwmodel.blocks.shifted` or `hwmodel.blocks.scaled`.
    no_negative_zero : bool or None
        Floats whose zero has no sign.
    """

    powers: Any
    quotients: Any
    known: Any
    given: Any
    exact: Any
    close: Any
    shifted_integers: Any
    shifted_pairs: Any
    shifted_floats: Any
    scaled_integers: Any
    scaled_floats: Any
    no_negative_zero: Any


class Work(NamedTuple):
    """All that compiled code needs to know of a block format.

    Attributes
    ----------
    constants : array of int32
        What `named` takes.
    wide, scale : array of int64
        What `named_wide` takes, of the elements and of scales.
    limits : tuple of float
        The elements' unit, the smallest and the largest step for which float32 does, and the
        largest whose products it holds.
    kind : Kind
        Which code.
    """

    constants: npt.NDArray[np.int32]
    wide: npt.NDArray[np.int64]
    scale: npt.NDArray[np.int64]
    limits: tuple[float, ...]
    kind: Kind


def work_for(
    element: Format,
    unit: float,
    scale: Format,
    rule: Rule | None,
    tensor: bool = False,
    pairs: bool = False,
    exact: bool = True,
) -> Work | None:
    """Constants of a block format, None where compiled code fails.

    Parameters
    ----------
    element : Format
        The elements without a unit of their own.
    unit : float
        Their unit.
    scale : Format
        The scale's format.
    rule : Rule or None
        The rule that makes powers of two; else scales are quotients.
    tensor : bool
        Whether there is a scale of the whole array.
    pairs : bool
        Whether pairs may have half the scale.
    exact : bool
        Whether float32 holds quotients and products as exactly as they are needed.
    """
    single, double = grid_for(element, double=False), grid_for(element, double=True)
    grid = None if rule is not None else grid_for(scale, double=True)
    given = rule is None and grid is None
    if single is None or double is None or not element.lsb_exponent > -60:
        return None
    if math.frexp(unit)[0] != 0.5:
        return None
    integer = isinstance(element, IntFormat)
    if not (exact or rule) and single.shift - 2 * (not integer) < 5:
        return None  # too often near a tie
    # Products are normal numbers, and so are those of the parts of a step that takes two float32.
    least = max(-126 - min(element.lsb_exponent, 0), -126 if exact else -60)
    largest = max(element.max_value, -element.min_value, 1.0)
    end = float(np.nextafter(float(np.finfo(np.float32).max) / largest, 0.0))
    chosen = rule if rule is not None else Rule(*[0] * len(Rule._fields))
    flags = (
        *(rule is not None, rule is None, tensor or given, given, exact, not exact),
        *(rule is not None and integer, rule is not None and pairs),
        rule is not None and not (integer or pairs),
        *(rule is None and integer, rule is None and not integer),
        not (integer or single.negative_zero),
    )
    return Work(
        np.array([*single, *chosen], np.int32),
        np.array(double, np.int64),
        np.array(grid or double, np.int64),
        (unit, 2.0**least, 2.0**100, end),
        Kind(*(True if flag else None for flag in flags)),
    )


@inlined
def named(numbers: Any) -> Any:
    """The grid of the elements as float32, and the rule, by name."""
    grid = Grid(
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        numbers[6],
        numbers[7],
        numbers[8],
    )
    rule = Rule(
        numbers[9],
        numbers[10],
        numbers[11],
        numbers[12],
        numbers[13],
        numbers[14],
        numbers[15],
    )
    return grid, rule


@inlined
def named_wide(numbers: Any) -> Grid:
    """A grid as float64 by name."""
    return Grid(
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        numbers[6],
        numbers[7],
        numbers[8],
    )
