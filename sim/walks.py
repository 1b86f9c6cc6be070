"""Long accumulations: far beyond the largest product, and over an accumulator's boundary.

Sums reach every octave there is for them, where rounding and alignment depend on bits that a few
products cannot bring about.
"""

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Overflow
from hwmodel.sim.steering import Products, rounded_sum, unit_in_last_place
from hwmodel.sim.streams import Stimulus, streams
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["WIDEST", "boundary_walk", "climb"]

IndexArray = npt.NDArray[np.int64]

WIDEST = 1000
"""Bits of a register of which float64 still counts the steps."""
_LAST_STEPS = 512  # products that a walk may take from near the boundary to the very boundary
_LEAST_CLIMB = 511  # 1 + 2 + ... + 256: nine octaves beyond the largest product
_LOST_BITS = 5  # below a sum's last bit: the guard bit and what the sticky bit stands for
_DRAWN = 24  # products drawn at random in every octave of a climb


def climb(spec: UnitSpec, rng: np.random.Generator, steps: int) -> Stimulus:
    """Up by the largest product, back by the smallest one, and down by it from zero.

    In every octave on the way: products about half a unit in the sum's last place (or its step),
    one of every size, and some at random.

    Parameters
    ----------
    spec : UnitSpec
        The unit.
    rng : Generator
        Source of what is drawn.
    steps : int
        The largest product is repeated that often, or as often as makes a floating-point sum lose
        the product's last bits well beyond the guard bit, whichever is less.
    """
    products = Products.of(spec, rng)
    needed = _LEAST_CLIMB
    if isinstance(spec.register, FloatAccumulator):
        lost = spec.a.lsb_exponent + spec.b.lsb_exponent + _LOST_BITS
        sum_that_loses = 2.0 ** (spec.register.format.mantissa_bits + lost)
        needed = max(needed, int(sum_that_loses / products.largest))
    steps = min(steps, needed)
    top, bottom = int(np.argmax(products.values)), int(np.argmin(products.values))
    up, sum_above = _climbed(spec, products, rng, top, steps)
    paths = [up]
    if products.values.min() < 0:
        back, _ = _climbed(spec, products, rng, bottom, steps, sum_above)
        down, _ = _climbed(spec, products, rng, bottom, min(steps, _LEAST_CLIMB))
        paths = [np.concatenate([up, back]), down]
    return streams("growth", [products.operands(path) for path in paths])


def _climbed(
    spec: UnitSpec,
    products: Products,
    rng: np.random.Generator,
    largest: int,
    steps: int,
    start: float = 0.0,
) -> tuple[IndexArray, float]:
    """Repeat one product 1, 2, 4, ... times, `steps` at most, each followed by probes."""
    path: list[IndexArray] = []
    total = np.array(start)
    count = 1
    while count <= steps and np.isfinite(total):
        climbing = np.full(count, largest)
        for index in climbing:
            total = rounded_sum(spec, total, products.values[index])
        probes = _probes(spec, products, rng, float(total))
        for index in probes:
            total = rounded_sum(spec, total, products.values[index])
        path += [climbing, probes]
        steps -= count
        count *= 2
    return np.concatenate(path) if path else np.zeros(0, np.int64), float(total)


def _probes(
    spec: UnitSpec, products: Products, rng: np.random.Generator, total: float
) -> IndexArray:
    if isinstance(spec.register, FloatAccumulator):
        fmt: FloatFormat = spec.register.format
        step = unit_in_last_place(fmt, total) if np.isfinite(total) else fmt.min_subnormal
    else:
        step = 2.0**spec.fixed_point.lsb_exponent
    drawn = rng.integers(len(products.values), size=_DRAWN)
    return np.concatenate([products.about(step / 2), products.octaves(rng), drawn])


def boundary_walk(spec: UnitSpec, rng: np.random.Generator, limit: int) -> Stimulus | None:
    """To the boundary of a fixed-point accumulator, and over it and back by products of all sizes.

    None for a floating-point accumulator, and where the boundary is more than `limit` of the
    largest products away, or beyond float64.
    """
    if isinstance(spec.register, FloatAccumulator) or spec.fixed_point.width > WIDEST:
        return None
    products = Products.of(spec, rng)
    walks = [_walk(spec, products, upward=True)]
    # A wrapping accumulator enters the other boundary from the far side.
    if spec.overflow is Overflow.SATURATE and products.values.min() < 0:
        walks.append(_walk(spec, products, upward=False))
    found = [products.operands(path) for path in walks if len(path) <= limit + 2 * _LAST_STEPS]
    return streams("wrap or saturation", found) if found else None


def _walk(spec: UnitSpec, products: Products, upward: bool) -> npt.NDArray[np.int64]:
    field = spec.fixed_point
    steps = np.ldexp(products.values, -field.lsb_exponent)
    largest = int(np.argmax(steps) if upward else np.argmin(steps))
    bound = (1 << (field.width - 1)) - 1 if upward else -(1 << (field.width - 1))
    count, missing = divmod(bound, int(steps[largest]))
    path = [largest] * count
    for _ in range(_LAST_STEPS):  # the rest, to the very boundary
        index = int(products.nearest(float(missing) * 2.0**field.lsb_exponent))
        if not missing or int(steps[index]) == 0:
            break
        path.append(index)
        missing -= int(steps[index])
    return np.concatenate([np.array(path, np.int64), _crossings(products, upward)])


def _crossings(products: Products, upward: bool) -> npt.NDArray[np.int64]:
    """Products of all sizes, outward first, each followed by its opposite."""
    forth = [index for index in products.octaves() if (products.values[index] > 0) == upward]
    return np.array(
        [int(i) for index in forth for i in (index, products.nearest(-products.values[index]))],
        np.int64,
    )
