"""Multi-term adders that align and cut off their addends: the fast route of `combined`.

Sums of aligned and cut significands are integers. They are formed in float64, which holds them
as long as `kept` and the number of terms leave room (those of narrow operands in int32,
`aligned_tiles`), else in two: the higher and the lower bits of the addends. Where exponents leave
float64 the definition itself is used.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic.aligned_rounding import (
    NO_EXPONENT,
    STORED,
    Rule,
    exponent_in,
    round_all,
    rounded,
)
from hwmodel.arithmetic.aligned_tiles import (
    ABSENT,
    add_group,
    align,
    at_once,
    find_exponents,
    find_scales,
    fits,
)
from hwmodel.arithmetic.by_definition import has_usual_grid
from hwmodel.arithmetic.combined import add_aligned_scalar, dot_scalar
from hwmodel.arithmetic.steps import add_to_odd
from hwmodel.arithmetic.tables import looked_up
from hwmodel.compiled import inner, jit
from hwmodel.formats import FloatFormat, Format, Rounding
from hwmodel.formats.base import MAX_TABLE_BITS, code_dtype
from hwmodel.formats.kernels import OVERFLOWS, ROUNDINGS, code_of, power_of_two, value_of
from hwmodel.formats.vector import layout_of
from hwmodel.parallel import in_pieces
from hwmodel.units import AlignedAccumulator, UnitSpec

__all__ = ["aligned_product", "aligned_values", "simulate_aligned"]

# What cuts a wide addend in two, of 32 and more bits.
_UPPER, _LOWER = 2.0**32, 2.0**-32
# Columns summed side by side: what belongs to them stays in the first-level cache.
_COLUMNS = 128


def simulate_aligned(
    spec: UnitSpec,
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    clear: npt.NDArray[np.bool_],
) -> npt.NDArray[Any]:
    """Accumulator codes after every step of streams, for a unit with an aligned accumulator.

    In the midst of a group the unit shows what its sum would be if the group ended there.

    Parameters
    ----------
    spec, a, b, valid, clear
        As for `hwmodel.arithmetic.simulate`, all of one shape (..., T).
    """
    assert isinstance(spec.accumulator, AlignedAccumulator)
    codes = np.zeros(a.shape, code_dtype(spec.accumulator_bits))
    steps = a.shape[-1]
    if not codes.size:
        return codes
    rows = codes.reshape(-1, steps)
    signals = [np.ascontiguousarray(s).reshape(-1, steps) for s in (a, b, valid, clear)]
    if not _fits(spec):
        for place, row in enumerate(rows):
            _slow_stream(spec, [signal[place] for signal in signals], row)
        return codes
    x, ex = _operand(spec.a, signals[0])
    y, ey = _operand(spec.b, signals[1])
    with np.errstate(invalid="ignore"):  # infinity times zero
        product = x * y
    _streams(_rule(spec), product, ex + ey, signals[2], signals[3], rows)
    return codes


def aligned_product(spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Matrix product of the codes x, shape (M, K), and y, (K, N), in an aligned accumulator."""
    codes = np.zeros((x.shape[0], y.shape[1]), code_dtype(spec.accumulator_bits))
    if not _fits(spec):
        for i, j in np.ndindex(*codes.shape):
            codes[i, j] = dot_scalar(spec, x[i].tolist(), y[:, j].tolist())
        return codes
    a, ea = _operand(spec.a, x)
    b, eb = _operand(spec.b, y)
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    rule = _rule(spec)
    kernel = _finite_products if finite and not rule.wide else _any_products

    def work(rows: slice) -> int:
        kernel(rule, a[rows], ea[rows], b, eb, codes[rows])
        return 0

    in_pieces(work, len(a), worth=max(1, (1 << 16) // max(1, b.size)))
    return codes


def aligned_values(
    spec: UnitSpec, x: npt.NDArray[Any], y: npt.NDArray[Any]
) -> npt.NDArray[np.float64] | None:
    """Values of the same product where float32 and int32 do, else None."""
    if not _fits(spec) or not _is_narrow(spec) or _is_wide(spec.accumulator):
        return None
    a, ea = _narrow_operand(spec.a, x)
    b, eb = _narrow_operand(spec.b, y)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    rule, sums = _rule(spec), np.empty((len(a), b.shape[1]))
    down = True if rule.down else None

    def work(rows: slice) -> int:
        for left in range(0, b.shape[1], _COLUMNS):
            part = slice(left, left + _COLUMNS)
            others = np.ascontiguousarray(b[:, part]), np.ascontiguousarray(eb[:, part])
            _narrow_products(rule, a[rows], ea[rows], *others, sums[rows, part], down)
        return 0

    in_pieces(work, len(a), worth=max(1, (1 << 20) // max(1, b.size)))
    return sums


def _narrow_operand(
    fmt: Format, codes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int16]]:
    """The same as `_operand` for formats of few bits, in types of fewer."""
    values, exponents = _tables(fmt)
    return looked_up(values, codes), looked_up(exponents, codes)


@functools.lru_cache(maxsize=64)
def _tables(fmt: Format) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int16]]:
    values, exponents = _operand(fmt, np.arange(fmt.code_count))
    return values.astype(np.float32), np.maximum(exponents, ABSENT).astype(np.int16)


def _rule(spec: UnitSpec) -> Rule:
    accumulator = spec.accumulator
    assert isinstance(accumulator, AlignedAccumulator)
    assert spec.overflow is not None
    fmt = accumulator.format
    shift = STORED - fmt.mantissa_bits
    room = shift > 1 and fmt.lsb_exponent + STORED < 1000 and has_usual_grid(fmt)
    return Rule(
        layout_of(fmt),
        accumulator.terms,
        accumulator.kept,
        at_once(accumulator.kept),
        _is_wide(accumulator),
        accumulator.cut is Rounding.DOWN,
        ROUNDINGS[spec.rounding],
        OVERFLOWS[spec.overflow],
        spec.rounding is Rounding.NEAREST_EVEN,
        (shift << STORED) | 1 << (STORED - 1),
        1.5 * 2.0 ** (fmt.lsb_exponent + STORED) if room else 0.0,
        float(fmt.max_value) if room else -1.0,
    )


def _fits(spec: UnitSpec) -> bool:
    """Whether float64 holds every product, and its bits, whatever it is aligned to."""
    accumulator = spec.accumulator
    assert isinstance(accumulator, AlignedAccumulator)
    assert isinstance(spec.a, FloatFormat)
    assert isinstance(spec.b, FloatFormat)
    fmt = accumulator.format
    top = max(spec.a.max_exponent + spec.b.max_exponent, fmt.max_exponent)
    bottom = min(spec.a.lsb_exponent + spec.b.lsb_exponent, fmt.lsb_exponent)
    return bottom > -1000 and top < 1000 and bottom - top > -1000


def _is_narrow(spec: UnitSpec) -> bool:
    """Whether float32 and int32 do."""
    accumulator = spec.accumulator
    assert isinstance(accumulator, AlignedAccumulator)
    assert isinstance(spec.a, FloatFormat)
    assert isinstance(spec.b, FloatFormat)
    return max(spec.a.bits, spec.b.bits) <= MAX_TABLE_BITS and fits(
        accumulator.kept,
        spec.a.mantissa_bits + spec.b.mantissa_bits + 2,
        spec.a.lsb_exponent + spec.b.lsb_exponent,
        spec.a.min_exponent + spec.b.min_exponent,
        spec.a.max_exponent + spec.b.max_exponent + 2,
    )


def _is_wide(accumulator: object) -> bool:
    """Whether sums have more bits than float64."""
    assert isinstance(accumulator, AlignedAccumulator)
    # An addend has a bit above the first one; the sum of terms and accumulator has more.
    return accumulator.kept + 1 + (accumulator.terms + 1).bit_length() > STORED + 1


def _operand(
    fmt: Any, codes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Values of codes, and their exponents (not normalised; none for zeros)."""
    values = np.ascontiguousarray(fmt.decode(codes))
    _, exponents = np.frexp(np.where(np.isfinite(values), values, 0.0))
    exponents = np.maximum(exponents - 1, fmt.min_exponent)
    return values, np.where(values == 0.0, NO_EXPONENT, exponents).astype(np.int32)


def _slow_stream(spec: UnitSpec, signals: list[npt.NDArray[Any]], codes: npt.NDArray[Any]) -> None:
    a, b, valid, clear = signals
    assert isinstance(spec.accumulator, AlignedAccumulator)
    before, code = 0, 0
    group: list[tuple[int, int]] = []
    for t in range(codes.size):
        if clear[t]:
            before, code, group = 0, 0, []
        if valid[t]:
            group.append((int(a[t]), int(b[t])))
            code = add_aligned_scalar(spec, before, [x for x, _ in group], [y for _, y in group])
            if len(group) == spec.accumulator.terms:
                before, group = code, []
        codes[t] = code


@inner
def _group(rule: Rule, acc: Any, products: Any, exponents: Any) -> Any:
    """Code after one group of products."""
    special = 0.0
    if not np.isfinite(acc):
        special = acc
    top = exponent_in(rule, acc) if np.isfinite(acc) else NO_EXPONENT
    for k in range(products.size):
        if not np.isfinite(products[k]):
            special += products[k]
        top = max(top, exponents[k])
    if special != 0.0:  # an infinity or NaN
        code, _ = code_of(rule.layout, special, rule.rounding, rule.overflow, 0, 0)
        return rule.layout.nan_code if np.isnan(value_of(rule.layout, code)) else code
    if top < NO_EXPONENT // 2:
        return 0
    last = top - rule.kept + 1
    scale = power_of_two(-last)
    total, high = 0.0, 0.0
    for k in range(-1, products.size):
        addend = (acc if k < 0 else products[k]) * scale
        addend = np.floor(addend) if rule.down else np.trunc(addend)
        if rule.wide:
            upper = np.floor(addend * _LOWER) * _UPPER
            high += upper
            addend -= upper
        total += addend
    return rounded(rule, add_to_odd(high, total) if rule.wide else total, last)


@jit
def _streams(rule: Rule, product: Any, exponents: Any, valid: Any, clear: Any, codes: Any) -> None:
    terms = np.empty(rule.terms)
    places = np.empty(rule.terms, np.int64)
    for stream in range(product.shape[0]):
        acc, code, count = 0.0, 0, 0
        for t in range(product.shape[1]):
            if clear[stream, t]:
                acc, code, count = 0.0, 0, 0
            if valid[stream, t]:
                terms[count] = product[stream, t]
                places[count] = exponents[stream, t]
                count += 1
                code = _group(rule, acc, terms[:count], places[:count])
                if count == rule.terms:
                    acc = value_of(rule.layout, code)
                    count = 0
            codes[stream, t] = code


@jit
def _any_products(rule: Rule, a: Any, ea: Any, b: Any, eb: Any, codes: Any) -> None:
    """Matrix product with NaN or infinities among the operands: element by element."""
    terms = np.empty(rule.terms)
    places = np.empty(rule.terms, np.int64)
    length = a.shape[1]
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            acc, code = 0.0, 0
            for first in range(0, length, rule.terms):
                count = min(rule.terms, length - first)
                for k in range(count):
                    terms[k] = a[i, first + k] * b[first + k, j]
                    places[k] = ea[i, first + k] + eb[first + k, j]
                code = _group(rule, acc, terms[:count], places[:count])
                acc = value_of(rule.layout, code)
            codes[i, j] = code


@jit
def _finite_products(rule: Rule, a: Any, ea: Any, b: Any, eb: Any, codes: Any) -> None:
    """Matrix product of finite operands, the columns side by side."""
    length = a.shape[1]
    for left in range(0, b.shape[1], _COLUMNS):
        right = min(left + _COLUMNS, b.shape[1])
        count = right - left
        acc = np.empty(count)
        total = np.empty(count)
        scale = np.empty(count)
        value = np.empty(count)
        top = np.empty(count, np.int32)
        for i in range(a.shape[0]):
            acc[:] = 0.0
            code = codes[i, left:right]
            for first in range(0, length, rule.terms):
                last = min(first + rule.terms, length)
                for j in range(count):
                    top[j] = exponent_in(rule, acc[j]) if np.isfinite(acc[j]) else NO_EXPONENT
                for k in range(first, last):
                    exponents = eb[k, left:right]
                    for j in range(count):
                        top[j] = max(top[j], np.int32(ea[i, k] + exponents[j]))
                for j in range(count):
                    place = rule.kept - 1 - top[j]
                    scale[j] = power_of_two(place) if top[j] > NO_EXPONENT // 2 else 0.0
                    # An accumulator that ran over stays as it is.
                    start = acc[j] * scale[j] if np.isfinite(acc[j]) else 0.0
                    total[j] = np.floor(start) if rule.down else np.trunc(start)
                for k in range(first, last):
                    x = a[i, k]
                    row = b[k, left:right]
                    if rule.down:
                        for j in range(count):
                            total[j] += np.floor(x * row[j] * scale[j])
                    else:
                        for j in range(count):
                            total[j] += np.trunc(x * row[j] * scale[j])
                round_all(rule, total, top, acc, value)
            for j in range(count):
                code[j] = code_of(rule.layout, acc[j], rule.rounding, rule.overflow, 0, 0)[0]
                if np.isnan(acc[j]):
                    code[j] = rule.layout.nan_code


@jit
def _narrow_products(rule: Rule, a: Any, ea: Any, b: Any, eb: Any, sums: Any, down: Any) -> None:
    """Values of the product of finite operands in float32 and int32, of few columns."""
    length, count = b.shape
    acc, total, value = np.empty(count), np.empty(count), np.empty(count)
    scale, part = np.empty(count, np.float32), np.empty(count, np.int32)
    top, place = np.empty(count, np.int16), np.empty(count, np.int32)
    for i in range(a.shape[0]):
        acc[:] = 0.0
        for first in range(0, length, rule.terms):
            last = min(first + rule.terms, length)
            find_exponents(acc, rule.layout.min_exponent, top)
            align(ea[i, first:last], eb[first:last], top)
            find_scales(acc, top, rule.kept, down, scale, total)
            add_group(a[i, first:last], b[first:last], scale, down, rule.batch, part, total)
            for j in range(count):
                place[j] = top[j] if top[j] > ABSENT // 2 else NO_EXPONENT
            round_all(rule, total, place, acc, value)
        for j in range(count):
            sums[i, j] = acc[j]
