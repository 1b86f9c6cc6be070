"""The definition of block formats, one block at a time, in exact rational arithmetic.

Written to be read: tests compare the arrays' code with it, bit for bit.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from hwmodel.blocks.base import BaseBlockFormat
from hwmodel.blocks.ratios import PowerRatioFormat
from hwmodel.blocks.record import BlockFormat, ScaleRule
from hwmodel.blocks.two_level import TwoLevelFormat
from hwmodel.formats import FloatFormat, PowerFormat, parse_format
from hwmodel.formats.scalar import decode_scalar, encode_scalar, exponent_of

__all__ = ["decode_block", "encode_block", "tensor_scale_of"]

_E8M0 = PowerFormat(8)


def tensor_scale_of(fmt: BaseBlockFormat, values: Sequence[float]) -> float | None:
    """FP32 scale of a whole array, or None where the format has none."""
    if not (isinstance(fmt, BlockFormat) and fmt.has_tensor_scale):
        return None
    fp32 = parse_format("fp32")
    largest = _largest([x for x in values if math.isfinite(x)])
    exact = largest / (Fraction(fmt.scale.max_value) * Fraction(fmt.element.max_value))
    smallest = Fraction(2) ** -149
    return decode_scalar(fp32, encode_scalar(fp32, max(exact, smallest)))


def encode_block(
    fmt: BaseBlockFormat, values: Sequence[float], tensor_scale: float | None = None
) -> tuple[int, list[int]]:
    """Code of the scale and codes of the elements of one block.

    Several numbers that make a scale's code stand one above the other, as in packed bytes.

    Parameters
    ----------
    fmt : BaseBlockFormat
        The format.
    values : sequence of float
        The block; fewer values than it has elements are followed by zeros.
    tensor_scale : float, optional
        Scale of the whole array, for formats that have one.
    """
    padded = [*values, *[0.0] * (fmt.size - len(values))]
    if isinstance(fmt, TwoLevelFormat):
        scale_code = _two_level_code(fmt, padded)
    elif isinstance(fmt, PowerRatioFormat):
        scale_code = _ratios_code(fmt, padded)
    else:
        assert isinstance(fmt, BlockFormat)
        scale_code = _scale_code(fmt, padded, tensor_scale)
    scales = _scales(fmt, scale_code, tensor_scale)
    codes = []
    for x, scale in zip(padded, scales, strict=True):
        if scale is None or scale == 0:
            codes.append(0)
        else:  # a Fraction has no negative zero
            codes.append(encode_scalar(fmt.element, Fraction(x) / scale if x else x))
    return scale_code, codes


def decode_block(
    fmt: BaseBlockFormat,
    scale_code: int,
    element_codes: Sequence[int],
    tensor_scale: float | None = None,
) -> list[float]:
    """Values of one block: exact in float64, NaN where the scale is NaN."""
    values = []
    for code, scale in zip(element_codes, _scales(fmt, scale_code, tensor_scale), strict=True):
        element = decode_scalar(fmt.element, code)
        if scale is None:
            values.append(math.nan)
        elif math.isfinite(element) and element != 0:
            values.append(float(Fraction(element) * scale))
        else:
            values.append(element * float(scale))
    return values


def _largest(values: Sequence[float]) -> Fraction:
    return max((abs(Fraction(x)) for x in values), default=Fraction(0))


def _power_code(fmt: PowerFormat, exponent: int) -> int:
    return min(max(exponent + fmt.bias, 0), fmt.max_code)


def _scale_code(fmt: BlockFormat, values: Sequence[float], tensor_scale: float | None) -> int:
    if not all(math.isfinite(x) for x in values):
        return fmt.scale.nan_code
    largest, top = _largest(values), Fraction(fmt.element.max_value)
    if fmt.rule is ScaleRule.ABSMAX:
        assert isinstance(fmt.scale, PowerFormat | FloatFormat)
        return encode_scalar(fmt.scale, largest / (top * Fraction(tensor_scale or 1)))
    assert isinstance(fmt.scale, PowerFormat)
    if largest == 0:
        return 0
    if fmt.rule is ScaleRule.FLOOR:
        return _power_code(fmt.scale, exponent_of(largest) - exponent_of(top))
    return _power_code(fmt.scale, _exponent_above(largest / top))


def _exponent_above(x: Fraction) -> int:
    """Logarithm of a positive number, rounded up."""
    exponent = exponent_of(x)
    return exponent + (x > Fraction(2) ** exponent)


def _ratios_code(fmt: PowerRatioFormat, values: Sequence[float]) -> int:
    """Code of S_max; above it, in 4 bits each, exponents of S_max / S_i rounded up."""
    if not all(math.isfinite(x) for x in values):
        return fmt.scale.nan_code
    starts = range(0, fmt.size, fmt.group_size)
    top = Fraction(fmt.element.max_value)
    scales = [_largest(values[start : start + fmt.group_size]) / top for start in starts]
    largest = max(scales)
    code = encode_scalar(fmt.scale, largest)
    for number, scale in enumerate(scales):
        exponent = min(_exponent_above(largest / scale), fmt.max_exponent) if scale else 0
        code |= exponent << _exponent_place(fmt, number)
    return code


def _exponent_place(fmt: PowerRatioFormat, number: int) -> int:
    whole_bytes = -(-fmt.scale.bits // 8) * 8
    return whole_bytes + number * fmt.exponent_bits


def _two_level_code(fmt: TwoLevelFormat, values: Sequence[float]) -> int:
    if not all(math.isfinite(x) for x in values):
        return _E8M0.nan_code
    largest = _largest(values)
    code = _power_code(_E8M0, exponent_of(largest)) if largest else 0
    limit = Fraction(2) ** (code - _E8M0.bias)
    for number in range(fmt.size // fmt.group):
        part = _largest(values[number * fmt.group : (number + 1) * fmt.group])
        if 0 < part < limit:
            code |= 1 << (8 + number)
    return code


def _scales(
    fmt: BaseBlockFormat, scale_code: int, tensor_scale: float | None
) -> list[Fraction | None]:
    """Scale of each element of a block; None stands for NaN."""
    if isinstance(fmt, TwoLevelFormat):
        if scale_code & 255 == _E8M0.nan_code:
            return [None] * fmt.size
        base = Fraction(2) ** ((scale_code & 255) - _E8M0.bias)
        halves = [scale_code >> (8 + place // fmt.group) & 1 for place in range(fmt.size)]
        return [base / 2 if half else base for half in halves]
    if isinstance(fmt, PowerRatioFormat):
        value = decode_scalar(fmt.scale, scale_code & (1 << _exponent_place(fmt, 0)) - 1)
        if not math.isfinite(value):
            return [None] * fmt.size
        exponents = [
            scale_code >> _exponent_place(fmt, place // fmt.group_size) & fmt.max_exponent
            for place in range(fmt.size)
        ]
        return [Fraction(value) / 2**exponent for exponent in exponents]
    assert isinstance(fmt, BlockFormat)
    value = decode_scalar(fmt.scale, scale_code)
    if not math.isfinite(value):
        return [None] * fmt.size
    return [Fraction(value) * Fraction(tensor_scale or 1)] * fmt.size
