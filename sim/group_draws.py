"""Products for groups: of sizes and signs that suit the groups of a chunked or aligned unit."""

import numpy as np

from hwmodel.sim.steering import IndexArray, Products
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = [
    "LONG",
    "NARROW",
    "WIDE",
    "WIDEST",
    "ceiling_of",
    "drawn",
    "group_length",
    "grown",
    "of_one_sign",
]

LONG = 128
"""From this length on a group is worth fewer streams."""
NARROW, WIDE, WIDEST = 4.0, 20.0, 32.0
"""Octaves over which the sizes of products are spread."""


def group_length(spec: UnitSpec) -> int:
    """Products in a chunk or in a group of an aligned adder; 1 of a plain accumulator."""
    accumulator = spec.accumulator
    if isinstance(accumulator, ChunkedAccumulator):
        return accumulator.length
    return accumulator.terms if isinstance(accumulator, AlignedAccumulator) else 1


def ceiling_of(spec: UnitSpec, products: Products, length: int, groups: int) -> float:
    """Largest magnitude of products of which so many groups have a finite sum."""
    ceiling = products.largest
    if isinstance(spec.register, FloatAccumulator):
        ceiling = min(ceiling, spec.register.format.max_value / (2 * length * groups))
    if isinstance(spec.accumulator, ChunkedAccumulator):
        register = spec.inner_unit.register
        if isinstance(register, FloatAccumulator):
            ceiling = min(ceiling, register.format.max_value / length)
        else:
            field = spec.inner_unit.fixed_point
            ceiling = min(ceiling, 2.0 ** (field.width - 1 + field.lsb_exponent) / length)
    return max(ceiling, products.smallest)


def drawn(
    products: Products, ceiling: float, octaves: float, count: int, rng: np.random.Generator
) -> IndexArray:
    """Products of sizes spread over octaves below a ceiling, of both signs where there are two."""
    sizes = ceiling * 2.0 ** (-octaves * rng.random(count))
    signs = rng.choice([1.0, -1.0], size=count) if products.values.min() < 0 else 1.0
    return products.nearest(sizes * signs)


def of_one_sign(
    products: Products, ceiling: float, count: int, rng: np.random.Generator, sign: int
) -> IndexArray:
    """Products of one sign, a little below a ceiling."""
    return products.nearest(sign * ceiling * (1 - rng.random(count) / 8))


def grown(products: Products, ceiling: float, count: int, rng: np.random.Generator) -> IndexArray:
    """Large products of one sign, for a sum that grows as far as it may, and small ones."""
    large = of_one_sign(products, ceiling, count, rng, 1)
    small = drawn(products, ceiling, WIDE, count, rng)
    return np.where(rng.random(count) < 0.7, large, small)
