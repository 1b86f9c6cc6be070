"""Directed accumulations of one register: to its ends and over them, and sums that are rounded.

A walk adds products and knows the sum that they have led to, so each next product is chosen for
what it makes of that sum: a tie, what is next to a tie, a carry, an overflow. Registers whose ends
(or whose first rounded sums) are more than a budget of products away are left without.
"""

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Overflow
from hwmodel.sim.steering import IndexArray, Products, rounded_sum, unit_in_last_place
from hwmodel.sim.walks import WIDEST
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["LONGEST_WALK", "Walk", "edge_walks"]

LONGEST_WALK = 2100
"""Most products on the way to an end; INT8 takes 2048 to where FP32 is rounded to multiples of 4"""
_CHEAP = 64  # of products to a sum that is wanted, but is not the only one of its kind
_OCTAVES = 10  # sizes of the products that cross an end of a fixed-point register
# Of tiny sums below a tie: next to the last bit, and where float32 and float64 lose them.
_TINY = (2, 24, 25, 53)


class Walk:
    """Products added one after the other, and their sum as the register holds it.

    Parameters
    ----------
    spec : UnitSpec
        A unit with one register. The sum is followed in float64, an exact one's only to its
        precision.
    products : Products
        The products.
    """

    def __init__(self, spec: UnitSpec, products: Products) -> None:
        self.spec = spec
        self.products = products
        self.value = 0.0
        self.path: list[int] = []

    def sum_with(self, index: int) -> float:
        """What the register would hold after another product."""
        total = float(rounded_sum(self.spec, np.array(self.value), self.products.values[index]))
        if isinstance(self.spec.register, FloatAccumulator):
            return total
        low, high = _ends(self.spec)
        if self.spec.overflow is Overflow.SATURATE:
            return min(max(total, low), high)
        step = 2.0**self.spec.fixed_point.lsb_exponent
        return (total - low) % (high - low + step) + low

    def add(self, *indices: int | np.int64) -> None:
        """Add products."""
        for index in indices:
            self.value = self.sum_with(int(index))
            self.path.append(int(index))

    def add_near(self, *wanted: float) -> None:
        """Add the products that are next to these numbers."""
        self.add(*self.products.nearest(wanted))

    def go(self, target: float, limit: int) -> None:
        """Add up to `limit` products, each the one that leads nearest to a sum."""
        for _ in range(limit):
            missing = target - self.value
            if not np.isfinite(missing):
                return
            index = int(self.products.nearest(missing))
            # Next to an end of the range the nearest product may overflow where a smaller fits.
            smaller = int(np.clip(index - np.sign(missing), 0, len(self.products.values) - 1))
            for choice in (index, smaller):
                if abs(target - self.sum_with(choice)) < abs(missing):
                    self.add(choice)
                    break
            else:
                return

    def indices(self) -> IndexArray:
        """Indices of all that was added."""
        return np.array(self.path, np.int64)


def edge_walks(
    spec: UnitSpec, products: Products, rng: np.random.Generator, budget: int = LONGEST_WALK
) -> list[IndexArray]:
    """Walks of a unit with one register, each from a cleared accumulator.

    Parameters
    ----------
    spec : UnitSpec
        The unit; its accumulator is an integer, exact or a float.
    products : Products
        Its products.
    rng : Generator
        Source of what is drawn.
    budget : int
        Most products on the way to where something happens.
    """
    signs = (1, -1) if products.values.min() < 0 else (1,)
    if not isinstance(spec.register, FloatAccumulator):
        if spec.fixed_point.width > WIDEST:
            return []
        found = [_over_the_end(spec, products, sign, budget) for sign in signs]
        return [walk for walk in found if len(walk)]
    fmt = spec.register.format
    walks = []
    for sign in signs:
        # The way down is not as long as the way up, for where it is long it shows no more.
        walks.append(_rounded(spec, fmt, products, rng, sign, budget if sign > 0 else budget // 2))
        walks.append(_overflow(spec, fmt, products, sign))
    walks += _beyond_ties(spec, fmt, products, rng)
    return [walk for walk in walks if len(walk)]


def _ends(spec: UnitSpec) -> tuple[float, float]:
    field = spec.fixed_point
    step, half = 2.0**field.lsb_exponent, 2.0 ** (field.width - 1)
    return -half * step, (half - 1) * step


def _largest(products: Products, sign: int) -> float:
    """Magnitude of the largest product of a sign."""
    return float((products.values * sign).max())


def _over_the_end(spec: UnitSpec, products: Products, sign: int, budget: int) -> IndexArray:
    """To an end of a fixed-point register, and over it and back by products of many sizes."""
    end = _ends(spec)[sign > 0]
    if abs(end) > _largest(products, sign) * budget:
        return np.zeros(0, np.int64)
    walk = Walk(spec, products)
    walk.go(end, budget + _CHEAP)
    sizes = np.abs(products.values[products.octaves()])
    chosen = np.unique(sizes[np.linspace(0, len(sizes) - 1, _OCTAVES).astype(int)])
    for size in chosen:
        outward = int(products.nearest(sign * size))
        # Twice over it, so that a saturated sum stays, and back from there.
        walk.add(outward, outward)
        walk.add_near(-sign * size, -sign * size)
        if abs(walk.value - end) <= _largest(products, sign) * _CHEAP:
            walk.go(end, _CHEAP)
    return walk.indices()


def _rounded(
    spec: UnitSpec,
    fmt: FloatFormat,
    products: Products,
    rng: np.random.Generator,
    sign: int,
    budget: int,
) -> IndexArray:
    """Up through octaves in which products are rounded off: ties and their neighbours in each."""
    walk = Walk(spec, products)
    levels = _levels(fmt, products, sign, budget)
    smallest_normal = 2.0**fmt.min_exponent
    if products.smallest < smallest_normal:
        last = products.smallest if products.smallest > fmt.min_subnormal else fmt.min_subnormal
        _ties(walk, fmt, sign)
        walk.go(sign * (smallest_normal - last), _CHEAP)
        walk.add_near(sign * last, -sign * last, sign * last / 2)
    for level in levels:
        start = 2.0**level
        unit = unit_in_last_place(fmt, start)
        odd = 2 * int(rng.integers(1 << max(fmt.mantissa_bits - 6, 0))) + 1
        walk.go(sign * (start + unit * odd), budget + _CHEAP)
        _ties(walk, fmt, sign)
        if level + 1 in levels or start / _largest(products, sign) <= _CHEAP:
            walk.go(sign * (2 * start - unit), budget + _CHEAP)
            walk.add_near(sign * unit / 2)  # a tie that carries into the next octave
            walk.add_near(-sign * unit / 2, sign * unit)  # and one just below a power of two
    return walk.indices()


def _levels(fmt: FloatFormat, products: Products, sign: int, budget: int) -> list[int]:
    """Exponents of sums that lose bits of products, the first ones and a few more."""
    largest = _largest(products, sign)
    reach = min(fmt.max_value, largest * budget)
    high = int(np.frexp(reach)[1]) - 1
    first = int(np.frexp(products.smallest)[1]) - 1 + fmt.mantissa_bits + 1
    first = max(first, fmt.min_exponent)
    largest_exponent = int(np.frexp(largest)[1]) - 1
    cheap = min(high, int(np.frexp(largest * _CHEAP)[1]) - 1)
    wanted = {first, first + 1, first + 2}
    wanted |= {(first + largest_exponent) // 2, largest_exponent, largest_exponent + 1, cheap}
    return sorted(e for e in wanted if first <= e <= high)


def _ties(walk: Walk, fmt: FloatFormat, sign: int) -> None:
    """Ties, their neighbours and parts of a unit in the last place, from odd and even sums."""
    for _ in range(2):
        if not np.isfinite(walk.value):
            return
        unit = sign * unit_in_last_place(fmt, walk.value)
        walk.add_near(unit / 2)  # an odd sum becomes even, an even one stays
        walk.add_near(unit, unit / 2)
        walk.add_near(-unit / 2, unit, -unit / 2)
        middle = int(walk.products.nearest(unit / 2))
        beside = np.clip([middle + 1, middle - 1], 0, len(walk.products.values) - 1)
        walk.add(*beside)
        middle = int(walk.products.nearest(-unit / 2))
        beside = np.clip([middle + 1, middle - 1], 0, len(walk.products.values) - 1)
        walk.add(*beside)
        walk.add_near(unit, 0.75 * unit, unit / 4, 1.5 * unit)


def _overflow(spec: UnitSpec, fmt: FloatFormat, products: Products, sign: int) -> IndexArray:
    """To the largest finite sum, to either side of where rounding overflows, over it and back."""
    walk = Walk(spec, products)
    if fmt.max_value > _largest(products, sign) * _CHEAP:
        return walk.indices()
    unit = unit_in_last_place(fmt, fmt.max_value)
    middle = int(products.nearest(sign * unit / 2))
    inside = int(np.clip(middle - sign, 0, len(products.values) - 1))
    for last in (inside, middle):
        walk.go(sign * fmt.max_value, 2 * _CHEAP)
        walk.add(inside, last)
    walk.add_near(sign * products.largest, -sign * unit, sign * unit, -sign * products.largest)
    return walk.indices()


def _beyond_ties(
    spec: UnitSpec, fmt: FloatFormat, products: Products, rng: np.random.Generator
) -> list[IndexArray]:
    """Products that are ties of the register's format by themselves, added to next to nothing.

    What is next to nothing decides. A design that rounds the sum to float32, say, and then to the
    format, has lost it.
    """
    values: npt.NDArray[np.float64] = products.values
    inside = (np.abs(values) < fmt.max_value / 2) & (values != 0)
    exponent = np.maximum(np.frexp(values)[1] - 1, fmt.min_exponent) - fmt.mantissa_bits
    ties = np.flatnonzero(inside & (np.abs(np.ldexp(values, -exponent)) % 1 == 0.5))
    if not len(ties):
        return []
    walks = []
    for tie in rng.choice(ties, size=min(6, len(ties)), replace=False):
        unit = unit_in_last_place(fmt, values[tie])
        for below in _TINY:
            for sign in (1, -1):
                walk = Walk(spec, products)
                walk.add_near(sign * max(unit * 2.0**-below, fmt.min_subnormal))
                if 0 < abs(walk.value) < unit / 2:
                    walk.add(tie)
                    walks.append(walk.indices())
    return walks
