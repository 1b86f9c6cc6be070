"""What a unit is verified with: all operand pairs, corners, and random streams, from one seed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Format
from hwmodel.sim.corners import corner_sections
from hwmodel.sim.edges import LONGEST_WALK, edge_walks
from hwmodel.sim.grouped import group_sections
from hwmodel.sim.steering import Products, corner_codes
from hwmodel.sim.streams import Section, Stimulus, joined, streams
from hwmodel.sim.walks import boundary_walk, climb
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, UnitSpec

__all__ = [
    "FULL",
    "QUICK",
    "Effort",
    "conformance_stimulus",
    "unit_stimulus",
    "verification_stimulus",
]

_BLOCK = 32  # cycles of random operands of one kind


@dataclass(frozen=True)
class Effort:
    """How much of each kind of stimulus.

    Parameters
    ----------
    pairs : int
        Operand pairs, each on a cleared accumulator: all of them where there are no more.
    corners : int
        Directed cycles, about; whole streams are drawn where there are more.
    climb : int
        Most steps of an accumulation that outgrows every product.
    walk : int
        Longest way to the boundary of a fixed-point accumulator.
    """

    pairs: int
    corners: int
    climb: int
    walk: int


FULL = Effort(pairs=1 << 16, corners=60_000, climb=32_767, walk=150_000)
QUICK = Effort(pairs=4096, corners=4000, climb=511, walk=1000)


def verification_stimulus(
    spec: UnitSpec, seed: int, random_steps: int = 20_000, effort: Effort = FULL
) -> Stimulus:
    """Stimulus for co-simulation, the same for the same arguments.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    seed : int
        Seed of all that is drawn.
    random_steps : int
        Cycles of random streams with clears, stalls and resets.
    effort : Effort
        Amount of the rest.
    """
    # One generator a kind: more of one kind leaves the others as they are.
    for_pairs, for_corners, for_climb, for_walk, for_random = np.random.default_rng(seed).spawn(5)
    parts = [_reset(spec), operand_pairs(spec, effort.pairs, for_pairs)]
    corners = joined(corner_sections(spec, for_corners))
    parts.append(corners.sampled(effort.corners, for_corners))
    parts.append(climb(spec, for_climb, effort.climb))
    walk = boundary_walk(spec, for_walk, effort.walk)
    if walk is not None:
        parts.append(walk)
    parts.append(random_streams(spec, random_steps, for_random))
    return joined(parts)


def conformance_stimulus(spec: UnitSpec, cycles: int, seed: int) -> Stimulus:
    """`cycles` cycles for a user's own simulator: some of everything.

    Of what the accumulator needs (see `unit_stimulus`) a quarter at most, in whole streams.
    """
    chosen: list[Stimulus] = []
    room = cycles // 4
    for part in _directed(spec, np.random.default_rng([seed, 1]), budget=cycles // 8):
        if len(part) <= room:
            chosen.append(part)
            room -= len(part)
    return joined([_general(spec, cycles - cycles // 4 + room, seed), *chosen])


def unit_stimulus(spec: UnitSpec, cycles: int, seed: int) -> Stimulus:
    """`cycles` cycles of everything, then what the unit's accumulator needs to be tried with.

    The second part has the length that it takes, whatever `cycles` is: to the ends of an integer
    and over them, ties of a float, whole chunks and groups (see `edges` and `grouped`). It is
    empty for an accumulator whose ends no stream of reasonable length reaches.
    """
    rng = np.random.default_rng([seed, 1])
    return joined([_general(spec, cycles, seed), *_directed(spec, rng)])


def _general(spec: UnitSpec, cycles: int, seed: int) -> Stimulus:
    """Operand pairs, corners, a climb and random streams."""
    for_pairs, for_corners, for_climb, for_random = np.random.default_rng(seed).spawn(4)
    parts = [_reset(spec), operand_pairs(spec, cycles // 4, for_pairs)]
    parts.append(joined(corner_sections(spec, for_corners)).sampled(cycles // 3, for_corners))
    climbing = climb(spec, for_climb, cycles // 16)
    if len(climbing) <= cycles // 4:
        parts.append(climbing)
    rest = max(cycles - sum(len(part) for part in parts), 0)
    parts.append(random_streams(spec, rest, for_random))
    return joined(parts).taken(np.arange(cycles), "conformance")


def _directed(
    spec: UnitSpec, rng: np.random.Generator, budget: int = LONGEST_WALK
) -> list[Stimulus]:
    products = Products.of(spec, rng)
    if isinstance(spec.accumulator, ChunkedAccumulator | AlignedAccumulator):
        return group_sections(spec, products, rng)
    walks = edge_walks(spec, products, rng, budget)
    return [streams("edges", [products.operands(walk)]) for walk in walks]


def operand_pairs(spec: UnitSpec, count: int, rng: np.random.Generator) -> Stimulus:
    """Every pair of operand codes in random order, each added to a cleared accumulator.

    Where there are more than `count`: pairs of corner codes first, then pairs drawn at random.
    """
    bits = spec.a.bits + spec.b.bits
    if 1 << bits <= count:
        pairs = rng.permutation(1 << bits).astype(np.uint64)
    else:
        corners = np.add.outer(
            corner_codes(spec.a).astype(np.uint64) << np.uint64(spec.b.bits), corner_codes(spec.b)
        )
        drawn = rng.integers(1 << bits, size=count, dtype=np.uint64)
        pairs = np.concatenate([rng.permutation(corners.reshape(-1)), drawn])[:count]
    always = np.ones(len(pairs), bool)
    return Stimulus(
        (pairs >> np.uint64(spec.b.bits)).astype(np.uint32),
        (pairs & np.uint64((1 << spec.b.bits) - 1)).astype(np.uint32),
        always,
        always,
        ~always,
        (Section("operand pairs", 0, len(pairs)),),
    )


def random_streams(spec: UnitSpec, cycles: int, rng: np.random.Generator) -> Stimulus:
    """Random operands with clears, stalls and resets.

    The kind of operands changes every few cycles: any codes, finite ones, Gaussian values, corner
    codes, and pairs that cancel the one before. So does the rate of clears; one cycle in eight is
    a stall, one in 256 a reset.
    """
    blocks = -(-cycles // _BLOCK)
    kind = rng.integers(5, size=blocks)
    rows = []
    for fmt in (spec.a, spec.b):
        shape = (blocks, _BLOCK)
        finite = np.flatnonzero(np.isfinite(fmt.values())).astype(np.uint32)
        gaussian = rng.standard_normal(shape) * (fmt.max_value / 4)
        if not (fmt.min_value < 0):
            gaussian = np.abs(gaussian)
        kinds = [
            rng.integers(fmt.code_count, size=shape, dtype=np.uint32),
            rng.choice(finite, size=shape),
            fmt.encode(gaussian).astype(np.uint32),
            rng.choice(corner_codes(fmt), size=shape),
            _cancelling(fmt, rng.choice(finite, size=shape), negate=fmt is spec.b),
        ]
        rows.append(np.choose(kind[:, None], kinds).reshape(-1)[:cycles])
    rate = rng.choice([0.0, 0.02, 0.2], size=blocks).repeat(_BLOCK)[:cycles]
    clear = rng.random(cycles) < rate
    clear[:1] = True
    return Stimulus(
        rows[0],
        rows[1],
        rng.random(cycles) >= 1 / 8,
        clear,
        rng.random(cycles) < 1 / 256,
        (Section("random streams", 0, cycles),),
    )


def _cancelling(fmt: Format, codes: npt.NDArray[np.uint32], negate: bool) -> npt.NDArray[np.uint32]:
    """Each code twice in a row, the second time negated if `negate` and the format can."""
    twice = codes[:, ::2].repeat(2, axis=1)
    if negate and isinstance(fmt, FloatFormat) and fmt.signed:
        twice[:, 1::2] ^= np.uint32(fmt.magnitude_mask + 1)
    elif negate and fmt.min_value < 0:
        twice[:, 1::2] = -twice[:, 1::2] & np.uint32(fmt.code_count - 1)
    return twice


def _reset(spec: UnitSpec) -> Stimulus:
    """Reset at power-up, then products without a clear, and a reset in the middle of them."""
    largest = np.argmax(spec.a.values() == spec.a.max_value)
    other = np.argmax(spec.b.values() == spec.b.max_value)
    rst = np.zeros(16, bool)
    rst[[0, 1, 8]] = True
    a = np.where(np.arange(16) % 4 == 3, 1, largest).astype(np.uint32)
    b = np.where(np.arange(16) % 4 == 3, 1, other).astype(np.uint32)
    always = np.ones(16, bool)
    return Stimulus(a, b, always, ~always, rst, (Section("reset", 0, 16),))
