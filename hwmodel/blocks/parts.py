"""What block formats are made of: elements, scales and sizes, and which of them go together."""

import math

import numpy as np

from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat, Format, IntFormat, PowerFormat, ScaledFormat
from hwmodel.formats.carrier import as_integer

__all__ = [
    "DOUBLE_BITS",
    "SINGLE_BITS",
    "as_count",
    "check_element",
    "check_exact",
    "check_size",
    "fits_float32",
    "precision",
    "unit_of",
]

DOUBLE_BITS = 53
SINGLE_BITS = 24


def precision(fmt: Format) -> int:
    """Most significant bits that a finite value of a format has, leading to trailing one."""
    if isinstance(fmt, ScaledFormat):
        return precision(fmt.base)
    if isinstance(fmt, PowerFormat):
        return 1
    if isinstance(fmt, IntFormat):
        return fmt.bits - fmt.signed
    assert isinstance(fmt, FloatFormat)
    return fmt.mantissa_bits + (fmt.exponent_bits > 0)


def unit_of(element: Format) -> float:
    """Value of the grid's one: the scale that an element's format has of its own."""
    return element.scale if isinstance(element, ScaledFormat) else 1.0


def as_count(x: object, what: str) -> int:
    """A Python integer of what a caller passes as a number of things, true and false refused.

    Raises
    ------
    HwmodelError
        It is none.
    """
    number = as_integer(x, what)
    if isinstance(x, bool | np.bool_):  # which Python counts among the integers
        raise HwmodelError(f"{what} is an integer, but {x!r} came")
    return number


def check_size(size: int) -> None:
    """Refuse a size that no block has.

    Raises
    ------
    HwmodelError
        It is less than 1 or more than 2^20.
    """
    if not 1 <= size <= 1 << 20:
        raise HwmodelError(f"a block has 1 to 2^20 elements, but {size} came; MXFP4's have 32")


def check_element(element: object) -> None:
    """Refuse what is no format of elements.

    Raises
    ------
    HwmodelError
        It is no format, none of integers or floating-point numbers, or has no sign.
    """
    if not isinstance(element, Format):
        raise HwmodelError(
            f"elements of a block have a number format such as hwmodel.format('int8'), but"
            f" {element!r} came"
        )
    if element.min_value >= 0:
        raise HwmodelError(
            f"elements of a block are signed, but {element} is not; choose a signed format"
        )
    if not isinstance(element, IntFormat | FloatFormat | ScaledFormat):
        raise HwmodelError(
            f"elements of a block are integers or floating-point numbers, but {element}"
            " came; for example int8 or e2m1"
        )


def check_exact(
    element: Format, scale: PowerFormat | FloatFormat, *, tensor: bool = False, down: int = 0
) -> None:
    """Quotients and products in float64 round as exact ones do, if there are bits to spare.

    Let m be a midpoint between two elements, of p + 1 bits, and s a scale of q bits. If
    p + 1 + q is at most 53, then x and m*s are multiples of the last place of x, so that a
    quotient x/s that is not m is at least half a last place away from it: rounded to float64
    it stays on its side. So does the quotient of a largest magnitude and the largest element,
    which becomes a scale.

    Parameters
    ----------
    element, scale : Format
        The formats of the two.
    tensor : bool
        Whether scales are in units of an FP32 number.
    down : int
        Places by which a scale may be shifted down.

    Raises
    ------
    HwmodelError
        There are not enough bits.
    """
    bits = precision(element) + 1 + precision(scale) + (SINGLE_BITS if tensor else 0)
    least = element.lsb_exponent + scale.lsb_exponent - down
    largest = math.log2(element.max_value) + math.log2(scale.max_value)
    if tensor:
        least, largest = least - 149, largest + 128
    if bits > DOUBLE_BITS or least < -1000 or largest > 1000:
        raise HwmodelError(
            f"elements of {element} with scales of {scale} are not exact in float64,"
            " in which values are carried; choose a narrower format of one of them"
        )


def fits_float32(element: Format, scale: PowerFormat | FloatFormat, down: int = 0) -> bool:
    """Whether what `check_exact` says of float64 holds of float32, too."""
    unit = math.log2(unit_of(element))
    grid = element.base if isinstance(element, ScaledFormat) else element
    least = scale.lsb_exponent - down
    return (
        precision(element) + 1 + precision(scale) <= SINGLE_BITS
        and grid.lsb_exponent > -100
        and element.lsb_exponent + least >= -149
        and least + unit >= -149
        and math.log2(scale.max_value) + unit < 128
    )
