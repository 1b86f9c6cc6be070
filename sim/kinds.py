"""What each cycle of a unit's stimulus brings about: ties, carries, overflow, ends of chunks.

Found from the cycles and the golden model's codes, not from what a stream was made for, so a kind
says what is so. Sums are followed in integers, on a grid on which every number involved is whole.
"""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Format, Rounding
from hwmodel.sim.group_draws import group_length
from hwmodel.sim.streams import Stimulus, expected_accumulator
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["UNIT_KINDS", "unit_kinds"]

UNIT_KINDS = {
    "reset": "rst is set: the accumulator becomes zero and no product is added",
    "stall": "valid is not set: the accumulator keeps its value",
    "special": "NaN or infinity: an operand, or the sum before",
    "overflow": "the exact sum is beyond the accumulator's range",
    "inner overflow": "a finite sum of a chunk is beyond the inner accumulator's range",
    "double rounding": "no midpoint, but one if rounded to 24 or 53 bits first",
    "midpoint": "the exact sum is halfway between neighbours of the accumulator's format",
    "carry": "rounding carries into the next power of two",
    "near midpoint": "within 1/16 of the neighbours' distance of a midpoint, but none",
    "extreme": "the sum is the largest or smallest number of the accumulator",
    "subnormal": "the sum is smaller than the smallest normal number, but not zero",
    "chunk end": "the product that fills a chunk: the inner accumulator is emptied after it",
    "chunk start": "the first product after a whole chunk",
    "group end": "the product that fills a group of the aligned adder",
    "group start": "the first product after a whole group",
    "cut off": "bits of an addend are lost when it is aligned",
    "cancellation": "the sum of addends other than zero is zero",
    "inexact": "the sum is rounded",
    "clear": "the accumulator is set to zero, then a product is added if valid is set",
    "step": "a product is added",
}
"""Kinds of a unit's vectors, those that say most first, and what each means."""

_NEAR = 16
_CARRIERS = (24, 53)  # significands of float32 and float64
_Grid = int | None
"""A number in units of the grid; None stands for NaN and infinities."""


def unit_kinds(
    spec: UnitSpec, stimulus: Stimulus, codes: npt.NDArray[Any]
) -> list[tuple[str, ...]]:
    """All kinds that each cycle is of, in the order of `UNIT_KINDS`.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    stimulus : Stimulus
        Its cycles.
    codes : ndarray
        What `expected_accumulator` says of them.
    """
    tracker = _Tracker(spec)
    inner = _inner_codes(spec, stimulus)
    order = {kind: place for place, kind in enumerate(UNIT_KINDS)}
    found: list[tuple[str, ...]] = []
    for t in range(len(stimulus)):
        if stimulus.rst[t]:
            tracker.clear()
            found.append(("reset",))
            continue
        kinds = {"clear"} if stimulus.clear[t] else set()
        if kinds:
            tracker.clear()
        if stimulus.valid[t]:
            operands = int(stimulus.a[t]), int(stimulus.b[t])
            kinds |= tracker.step(operands, int(codes[t]), int(inner[t]))
        found.append(tuple(sorted(kinds, key=order.__getitem__)) or _plain(stimulus, t))
    return found


def _plain(stimulus: Stimulus, cycle: int) -> tuple[str, ...]:
    return ("step",) if stimulus.valid[cycle] else ("stall",)


def _inner_codes(spec: UnitSpec, stimulus: Stimulus) -> npt.NDArray[Any]:
    """Codes of the inner accumulator of a chunked one; zeros for any other."""
    if not isinstance(spec.accumulator, ChunkedAccumulator):
        return np.zeros(len(stimulus), np.uint8)
    begins = np.zeros(len(stimulus), bool)
    count = 0
    for t in range(len(stimulus)):
        if stimulus.clear[t] or stimulus.rst[t]:
            count = 0
        if stimulus.valid[t] and not stimulus.rst[t]:
            begins[t] = count == 0
            count = (count + 1) % spec.accumulator.length
    return expected_accumulator(spec.inner_unit, replace(stimulus, clear=stimulus.clear | begins))


class _Numbers:
    """Numbers of codes on a grid of multiples of a power of two."""

    def __init__(self, exponent: int) -> None:
        self.exponent = exponent
        self._known: dict[tuple[int, int], _Grid] = {}

    def of(self, fmt: Format, code: int) -> _Grid:
        """Number of a code."""
        key = id(fmt), code
        if key not in self._known:
            value = float(fmt.decode(np.array([code]))[0])
            self._known[key] = (
                int(Fraction(value) / Fraction(2) ** self.exponent)
                if math.isfinite(value)
                else None
            )
        return self._known[key]

    def of_register(self, spec: UnitSpec, code: int) -> _Grid:
        """Number of an accumulator's code."""
        if isinstance(spec.register, FloatAccumulator):
            return self.of(spec.register.format, code)
        field = spec.fixed_point
        if code >> field.width:
            return None
        integer = code - (code >> (field.width - 1) << field.width)
        return integer << (field.lsb_exponent - self.exponent)


class _Tracker:
    """Sums of a unit, cycle by cycle."""

    def __init__(self, spec: UnitSpec) -> None:
        self.spec = spec
        self.length = group_length(spec)
        steps = [spec.a.lsb_exponent + spec.b.lsb_exponent]
        chunked = isinstance(spec.accumulator, ChunkedAccumulator)
        for unit in (spec, spec.inner_unit) if chunked else (spec,):
            if isinstance(unit.register, FloatAccumulator):
                steps.append(unit.register.format.lsb_exponent)
            else:
                steps.append(unit.fixed_point.lsb_exponent)
        self.numbers = _Numbers(min(steps))
        self.operands = _Numbers(spec.a.lsb_exponent), _Numbers(spec.b.lsb_exponent)
        self.shift = steps[0] - self.numbers.exponent
        self.clear()

    def clear(self) -> None:
        """Set all to zero."""
        self.before = 0  # code of the sum that the product is added to
        self.inner = 0
        self.count = 0
        self.filled = False  # the last product filled a group
        self.group = _Group()

    def step(self, operands: tuple[int, int], code: int, inner: int) -> set[str]:
        """Kinds of a product that leads to a code (and to that of the inner accumulator)."""
        x = self.operands[0].of(self.spec.a, operands[0])
        y = self.operands[1].of(self.spec.b, operands[1])
        product = None if x is None or y is None else x * y << self.shift
        kinds = self._group_kinds()
        before = self.numbers.of_register(self.spec, self.before)
        accumulator = self.spec.accumulator
        total: _Grid = None
        if isinstance(accumulator, ChunkedAccumulator):
            kinds |= self._inner_kinds(product, inner)
            partial = self.numbers.of_register(self.spec.inner_unit, inner)
            total = None if before is None or partial is None else before + partial
            nonzero = bool(before)
        elif isinstance(accumulator, AlignedAccumulator):
            top = self._exponent(operands, product)
            self.group.add(product, top)
            total, cut = self._aligned(accumulator, before)
            kinds |= {"cut off"} if cut else set()
            nonzero = bool(before) or any(self.group.products)
        else:
            total = None if before is None or product is None else before + product
            nonzero = bool(before)
        if total is None:
            kinds.add("special")
        elif total == 0:
            kinds |= {"cancellation"} if nonzero else set()
        else:
            kinds |= self._sum_kinds(total, code)
        self._next(code, inner)
        return kinds

    def _group_kinds(self) -> set[str]:
        if self.length == 1:
            return set()
        name = "chunk" if isinstance(self.spec.accumulator, ChunkedAccumulator) else "group"
        kinds = {f"{name} start"} if self.filled else set()
        return kinds | ({f"{name} end"} if self.count == self.length - 1 else set())

    def _next(self, code: int, inner: int) -> None:
        self.count = (self.count + 1) % self.length
        self.filled = self.count == 0
        self.inner = inner
        if self.filled:
            self.before, self.inner, self.group = code, 0, _Group()

    def _inner_kinds(self, product: _Grid, inner: int) -> set[str]:
        """Whether the inner sum, finite before, has left its range."""
        unit = self.spec.inner_unit
        before = self.numbers.of_register(unit, self.inner)
        after = self.numbers.of_register(unit, inner)
        if before is None or product is None:
            return set()
        if isinstance(unit.accumulator, AlignedAccumulator):
            return {"inner overflow"} if after is None else set()
        return {"inner overflow"} if _is_beyond(unit, self.numbers, before + product) else set()

    def _exponent(self, operands: tuple[int, int], product: _Grid) -> int | None:
        """Exponent of a product in an aligned adder; None of zero."""
        if not product:
            return None
        formats = (self.spec.a, self.spec.b)
        result = 0
        for numbers, fmt, code in zip(self.operands, formats, operands, strict=True):
            number = numbers.of(fmt, code)
            assert number is not None
            assert isinstance(fmt, FloatFormat)
            high = abs(number).bit_length() - 1 + fmt.lsb_exponent
            result += max(high, fmt.min_exponent)
        return result

    def _aligned(self, accumulator: AlignedAccumulator, before: _Grid) -> tuple[_Grid, bool]:
        """Sum of the group so far and the one before, cut as it is aligned; whether bits were."""
        group = self.group
        if before is None or group.special:
            return None, False
        top = group.top
        if before:
            high = abs(before).bit_length() - 1 + self.numbers.exponent
            high = max(high, accumulator.format.min_exponent)
            top = high if top is None else max(top, high)
        if top is None:
            return 0, False
        shift = max(top - accumulator.kept + 1 - self.numbers.exponent, 0)
        down = accumulator.cut is Rounding.DOWN
        products, exact = group.cut(shift, down)
        total = products + _cut(before, shift, down)
        return total, total != exact + before

    def _sum_kinds(self, total: int, code: int) -> set[str]:
        """Kinds of an exact sum other than zero."""
        spec, numbers = self.spec, self.numbers
        kinds = {"overflow"} if _is_beyond(spec, numbers, total) else set()
        result = numbers.of_register(spec, code)
        largest, is_float = _largest(spec, numbers), isinstance(spec.register, FloatAccumulator)
        if result is not None and (result == largest or result < (0 if is_float else -largest)):
            kinds |= {"extreme"} if abs(result) >= largest else set()
        if not isinstance(spec.register, FloatAccumulator):
            return kinds
        fmt = spec.register.format
        size = abs(total)
        top = size.bit_length() - 1
        normal = fmt.min_exponent - numbers.exponent
        kinds |= {"subnormal"} if top < normal else set()
        shift = max(top, normal) - fmt.mantissa_bits
        rest = size & ((1 << max(shift, 0)) - 1)
        if shift <= 0 or not rest:
            return kinds
        half = 1 << (shift - 1)
        if size > largest + half:  # beyond where rounding begins to overflow are no neighbours
            return kinds
        kinds.add("inexact")
        if rest == half:
            kinds.add("midpoint")
        elif abs(rest - half) * _NEAR <= half * 2:
            kinds.add("near midpoint")
            if any(_becomes_tie(size, shift, top + 1 - bits) for bits in _CARRIERS):
                kinds.add("double rounding")
        if result is not None and abs(result) == 1 << (top + 1):
            kinds.add("carry")
        return kinds


class _Group:
    """Products of a group, and their sum as it was cut last."""

    def __init__(self) -> None:
        self.products: list[int] = []
        self.special = False
        self.top: int | None = None
        self._exact = 0
        self._rule: tuple[int, bool] | None = None
        self._sum = 0
        self._summed = 0

    def add(self, product: _Grid, exponent: int | None) -> None:
        """Add a product."""
        if product is None:
            self.special = True
            return
        self.products.append(product)
        self._exact += product
        if exponent is not None:
            self.top = exponent if self.top is None else max(self.top, exponent)

    def cut(self, shift: int, down: bool) -> tuple[int, int]:
        """Sum of the products without their last `shift` bits, and with them."""
        if self._rule != (shift, down):
            self._rule, self._sum, self._summed = (shift, down), 0, 0
        for product in self.products[self._summed :]:
            self._sum += _cut(product, shift, down)
        self._summed = len(self.products)
        return self._sum, self._exact


def _cut(number: int, shift: int, down: bool) -> int:
    if number >= 0 or down:
        return number >> shift << shift
    return -(-number >> shift << shift)


def _largest(spec: UnitSpec, numbers: _Numbers) -> int:
    """Largest number of a register, on the grid."""
    if isinstance(spec.register, FloatAccumulator):
        largest = numbers.of(spec.register.format, spec.register.format.max_code)
        assert largest is not None
        return largest
    field = spec.fixed_point
    return ((1 << (field.width - 1)) - 1) << (field.lsb_exponent - numbers.exponent)


def _is_beyond(spec: UnitSpec, numbers: _Numbers, total: int) -> bool:
    """Whether an exact sum is beyond the numbers of a register."""
    largest = _largest(spec, numbers)
    if isinstance(spec.register, FloatAccumulator):
        return abs(total) > largest
    step = 1 << (spec.fixed_point.lsb_exponent - numbers.exponent)
    return not -largest - step <= total <= largest


def _becomes_tie(size: int, shift: int, first: int) -> bool:
    """Whether a number, rounded to multiples of 2**first, is halfway between those of 2**shift."""
    if not 0 < first < shift:
        return False
    quotient, rest = divmod(size, 1 << first)
    half = 1 << (first - 1)
    quotient += rest > half or (rest == half and quotient % 2 == 1)
    return (quotient << first) & ((1 << shift) - 1) == 1 << (shift - 1)
