"""Directed streams of accumulators that take products in groups: chunked and aligned ones.

What such a unit shows is the sum as if the group ended there, so the addition of a group is seen
at every step, but where groups end is seen only by what is rounded, cut off or lost there. The
streams have groups in a row with finite sums, on sums from before that are large enough to lose
bits of what is added; and clears, resets and stalls within groups and where they end.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hwmodel.arithmetic import simulate
from hwmodel.formats import Rounding
from hwmodel.sim.edges import LONGEST_WALK, edge_walks
from hwmodel.sim.group_draws import (
    LONG,
    NARROW,
    WIDE,
    WIDEST,
    ceiling_of,
    drawn,
    group_length,
    grown,
)
from hwmodel.sim.group_ties import tied_groups
from hwmodel.sim.steering import IndexArray, Products
from hwmodel.sim.streams import Stimulus, joined, streams
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["group_sections"]

_VERY_LONG = 320  # of such groups there is one stream of each kind
_LONGEST = 1024  # of longer ones only some kinds
_NEVER_ENDS = 4096  # products that no stream has
_STALLS = 1 / 16  # of the cycles


def group_sections(spec: UnitSpec, products: Products, rng: np.random.Generator) -> list[Stimulus]:
    """Directed sections of a unit with a chunked or an aligned accumulator.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    products : Products
        Its products.
    rng : Generator
        Source of what is drawn.
    """
    length = group_length(spec)
    sections = []
    if isinstance(spec.accumulator, ChunkedAccumulator):
        sections += _inner(spec, products, length, rng)
    if length > _NEVER_ENDS:
        part = drawn(products, ceiling_of(spec, products, length, 1), WIDE, _LONGEST, rng)
        return [*sections, _section("part of a group", products, [part])]
    found: dict[str, list[IndexArray]] = {}
    if length <= _LONGEST:
        found["whole groups"] = _mixed_streams(spec, products, length, rng)
        found["largest groups"] = _extremes(spec, products, length)
    found["ties of groups"] = tied_groups(spec, products, length, rng)
    if isinstance(spec.accumulator, ChunkedAccumulator):
        found["ends"] = _outer_ends(spec, products, length)
    sections += [
        _with_stalls(_section(name, products, paths), products, length, rng)
        for name, paths in found.items()
        if paths
    ]
    return [*sections, _interrupted(spec, products, length, rng)]


def _section(name: str, products: Products, paths: list[IndexArray]) -> Stimulus:
    return streams(name, [products.operands(path) for path in paths if len(path)])


def _inner(
    spec: UnitSpec, products: Products, length: int, rng: np.random.Generator
) -> list[Stimulus]:
    """What the inner accumulator is to be tried with, within one chunk where it is plain."""
    inner = spec.inner_unit
    if isinstance(inner.accumulator, AlignedAccumulator):
        return group_sections(inner, products, rng)
    walks = edge_walks(inner, products, rng, min(length, LONGEST_WALK))
    # Where chunks are short, walks end in the next chunk, or in the one after it.
    walks = [walk[: 4 * length + 64] for walk in walks]
    return [_section("inner sums", products, walks)] if walks else []


def _mixed_streams(
    spec: UnitSpec, products: Products, length: int, rng: np.random.Generator
) -> list[IndexArray]:
    """Groups of products of all sizes, of large ones, of middling ones, and of the smallest."""
    groups = max(2, min(8, LONG // length))
    high = ceiling_of(spec, products, length, groups)
    low = min(high, products.smallest * 64)
    paths = []
    for ceiling in (high, low, float(np.sqrt(high * low))):
        parts = [
            drawn(products, ceiling, (NARROW, WIDE)[group % 2], length, rng)
            for group in range(groups)
        ]
        paths.append(np.concatenate([*parts, parts[0][:2]]))
        if length >= LONG:
            break
    if length >= _VERY_LONG:
        return paths
    if products.values.min() < 0:
        # Groups that cancel the one before them show the last bits of what was inside.
        for path in _rounded_inside(spec, products, length, high, rng):
            paths.append(np.append(products.nearest(-products.values[path]), path))
    paths.append(grown(products, high, length * 2 + 2, rng))
    return paths


def _rounded_inside(
    spec: UnitSpec, products: Products, length: int, ceiling: float, rng: np.random.Generator
) -> list[IndexArray]:
    """Groups whose inner sum depends on how it is rounded, where it does at all."""
    count = 1 if length >= LONG else 64 + 2048 // length
    tried = drawn(products, ceiling, 2 * NARROW, count * length, rng).reshape(count, length)
    accumulator = spec.accumulator
    if not isinstance(accumulator, ChunkedAccumulator) or not isinstance(
        spec.inner_unit.register, FloatAccumulator
    ):
        return [tried[0]]
    inner = spec.inner_unit
    sums = simulate(inner, *products.operands(tried))[:, -1]
    found = {0: None}
    for rounding in (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.TOWARD_ZERO):
        other = simulate(replace(inner, rounding=rounding), *products.operands(tried))[:, -1]
        found |= dict.fromkeys(np.flatnonzero(sums != other)[:2].tolist())
    return [tried[index] for index in found]


def _extremes(spec: UnitSpec, products: Products, length: int) -> list[IndexArray]:
    """Groups of nothing but the largest product; up until an inner sum overflows, and back."""
    top, bottom = len(products.values) - 1, 0
    sizes = [top, bottom] if products.values.min() < 0 else [top]
    paths = [np.full(length + 2, index) for index in sizes]
    if not isinstance(spec.accumulator, ChunkedAccumulator) or len(sizes) == 1:
        return paths
    if length >= LONG:
        paths, sizes = paths[: length < _VERY_LONG], sizes[::-1]
    inner = spec.inner_unit
    if isinstance(inner.register, FloatAccumulator):
        end = inner.register.format.max_value
    else:
        end = 2.0 ** (inner.fixed_point.width - 1 + inner.fixed_point.lsb_exponent)
    for index, back in (sizes, sizes[::-1])[: 1 if length >= LONG else 2]:
        over = int(end / abs(products.values[index])) + 2
        if over < length:
            paths.append(np.append(np.full(over, index), np.full(length + 2 - over, back)))
    return paths


def _outer_ends(spec: UnitSpec, products: Products, length: int) -> list[IndexArray]:
    """Over both ends of an integer that chunks are added into, where they can be reached."""
    if isinstance(spec.register, FloatAccumulator):
        return []
    paths = []
    end = 2.0 ** (spec.fixed_point.width - 1)
    inner = spec.inner_unit.fixed_point
    zero = int(products.nearest(0.0))
    for index in (len(products.values) - 1, 0):
        size = float(products.values[index])
        if size == 0:
            continue
        # As many as the inner accumulator holds, the rest zeros.
        many = max(1, min(length, int((2.0 ** (inner.width - 1) - 1) / abs(size))))
        chunk = np.append(np.full(many, index), np.full(length - many, zero))
        chunks = int(end / (many * abs(size))) + 2
        if chunks * length <= LONGEST_WALK:
            back = np.full(2 * length, len(products.values) - 1 - index)
            paths.append(np.append(np.tile(chunk, chunks), back))
    return paths


def _with_stalls(
    part: Stimulus, products: Products, length: int, rng: np.random.Generator
) -> Stimulus:
    """The same, now and then with a cycle without `valid`, often just before and after an end."""
    starts = np.maximum.accumulate(np.where(part.clear | part.rst, np.arange(len(part)), 0))
    count = np.cumsum(part.valid)
    within = (count - count[starts] + part.valid[starts]) % length
    chance = np.where((within == 0) | (within == length - 1), max(_STALLS, 0.5 / length), _STALLS)
    stalled = rng.random(len(part)) < chance
    stalled[-1] = False
    first = _first_ends(part, length)
    stalled[first] = True
    cycles = np.repeat(np.arange(len(part)), 1 + stalled)
    again = np.append(False, cycles[1:] == cycles[:-1])
    result = part.taken(cycles.astype(np.int64), part.sections[0].name)
    # Operands of a stall are no less than any others.
    a, b = products.operands(rng.integers(len(products.values), size=len(cycles)))
    return Stimulus(
        np.where(again, a, result.a),
        np.where(again, b, result.b),
        result.valid & ~again,
        result.clear & ~again,
        result.rst & ~again,
        result.sections,
    )


def _first_ends(part: Stimulus, length: int) -> npt.NDArray[np.int64]:
    """Cycles before, at and after the first end of a group."""
    ends = np.flatnonzero(np.cumsum(part.valid) == length)[:1]
    around = np.concatenate([ends - 1, ends])
    return around[(around >= 0) & (around < len(part) - 1)]


def _interrupted(
    spec: UnitSpec, products: Products, length: int, rng: np.random.Generator
) -> Stimulus:
    """Clears and resets within a group, just before its end, at it and just after it."""
    sizes = [length // 2 + 1]
    if length < _VERY_LONG:
        sizes = [length - 1, length + 1, *sizes]
    paths = []
    for size in dict.fromkeys(size for size in sizes if size):
        begun = drawn(products, ceiling_of(spec, products, length, 2), NARROW, size, rng)
        paths += [begun, _telling(spec, products, length, size % length, rng)]
    cleared = _section("clears within groups", products, paths)
    # A reset brings no product, so where a clear does, another one stands before the first.
    again = _section(
        "resets within groups",
        products,
        [
            path if number % 2 or not number else np.append(path[:1], path)
            for number, path in enumerate(paths if length < LONG else paths[-2:])
        ],
    )
    rst = again.clear & (np.arange(len(again)) > 0)
    shown = Stimulus(again.a, again.b, again.valid, again.clear & ~rst, rst, again.sections)
    return joined([cleared, shown])


def _telling(
    spec: UnitSpec, products: Products, length: int, offset: int, rng: np.random.Generator
) -> IndexArray:
    """Products that show whether they are counted from their first one on or from `offset`."""
    high = ceiling_of(spec, products, length, 2)
    low = min(high, products.smallest * 64)
    size = length + int(np.clip(length // 2, 4, 32))
    tried = [
        drawn(products, ceiling, octaves, size, rng)
        for ceiling in (high, low, float(np.sqrt(high * low)))
        for octaves in (NARROW, WIDE, WIDEST)
        for _ in range(max(4, 256 // length))
    ]
    tried += [grown(products, high, size, rng) for _ in range(4)]
    # What overflows within a whole group, but not within less.
    tried += [np.full(size, end) for end in (len(products.values) - 1, 0)]
    paths = np.array(tried)
    zeros = np.full((len(paths), offset), products.nearest(0.0))
    right = simulate(spec, *products.operands(paths))
    wrong = simulate(spec, *products.operands(np.concatenate([zeros, paths], axis=1)))
    differing = (right != wrong[:, offset:]).sum(axis=1)
    return paths[int(np.argmax(differing))]
