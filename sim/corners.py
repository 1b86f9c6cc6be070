"""Directed stimulus: the places where accumulations go wrong.

Rounding ties and their neighbours, carries out of the significand, cancellation, alignment at
every exponent difference, subnormals, signed zeros, overflow, infinities and NaNs by every route,
and the boundary at which a fixed-point accumulator wraps or saturates.
"""

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Overflow
from hwmodel.sim.steering import CodePair, Products, corner_codes, steered
from hwmodel.sim.streams import Stimulus, streams
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["boundary_walk", "corner_sections"]

_OVERFLOW_STEPS = 8
_GROWTH_STEPS = 512  # of the largest product: enough to outgrow every product by far
_EXPONENTS_ABOVE = 3  # targets reach that many octaves beyond the largest product
_LAST_STEPS = 512  # products that a walk may take from near the boundary to the very boundary


def corner_sections(spec: UnitSpec, rng: np.random.Generator) -> list[Stimulus]:
    """All directed sections of a unit but the boundary walk, in the order in which they run."""
    products = Products.of(spec, rng)
    sections = [_specials(spec, products), _growth(spec, products)]
    if isinstance(spec.accumulator, FloatAccumulator):
        fmt = spec.accumulator.format
        sections += [_rounding(spec, fmt, products, rng), _alignment(spec, fmt, products, rng)]
    else:
        sections.append(_carries(spec, products))
    return sections


def _specials(spec: UnitSpec, products: Products) -> Stimulus:
    """Every pair of corner operands on accumulators of every kind."""
    a, b = (codes.reshape(-1) for codes in np.meshgrid(corner_codes(spec.a), corner_codes(spec.b)))
    states = _states(spec, products)
    operands = [
        (np.append(state_a, a[i]), np.append(state_b, b[i]))
        for state_a, state_b in states
        for i in range(len(a))
    ]
    return streams("special values", operands)


def _states(spec: UnitSpec, products: Products) -> list[CodePair]:
    """Operands that make the accumulator zero, -0, finite, extreme, infinite, NaN or marked."""
    smallest, largest = products.smallest, products.largest
    paths = [np.zeros(0, np.int64)]
    paths += [products.nearest([x]) for x in (smallest, -smallest, largest, -largest)]
    paths.append(products.nearest([largest / 3, -largest / 3]))  # to zero, as far as that goes
    if isinstance(spec.accumulator, FloatAccumulator):
        # Beyond the largest finite value, where a few products get there.
        count = int(spec.accumulator.format.max_value // largest) + 1
        if count <= _OVERFLOW_STEPS:
            paths += [np.repeat(products.nearest(x), count) for x in (largest, -largest)]
    states = [products.operands(path) for path in paths]
    for x, y, swapped in ((spec.a, spec.b, False), (spec.b, spec.a, True)):
        if not (isinstance(x, FloatFormat) and x.has_nonfinite):
            continue
        one = np.array([int(y.encode([1.0])[0])], np.uint32)
        special = [x.nan_code] + ([x.infinity_code] if x.has_infinity else [])
        if x.signed and x.has_infinity:
            special.append(x.infinity_code | x.magnitude_mask + 1)
        for code in special:
            pair = (np.array([code], np.uint32), one)
            states.append((pair[1], pair[0]) if swapped else pair)
    return states


def _growth(spec: UnitSpec, products: Products) -> Stimulus:
    """Far beyond the largest product, back, and to the other side, meeting all sizes on the way."""
    # One product an octave, small ones first, each with either sign where there is one.
    sizes = _octaves(products)
    up = np.repeat(products.nearest(products.values.max()), _GROWTH_STEPS)
    down = np.repeat(products.nearest(products.values.min()), 2 * _GROWTH_STEPS)
    paths = [
        np.concatenate([up, sizes, down, sizes]),
        np.concatenate([down[:_GROWTH_STEPS], sizes[::-1], up, up, sizes[::-1]]),
    ]
    return streams("growth", [products.operands(path) for path in paths])


def _carries(spec: UnitSpec, products: Products) -> Stimulus:
    """Carries and borrows that run through the whole of a fixed-point accumulator."""
    step = 2.0**spec.fixed_point.lsb_exponent
    top = products.largest * 2.0**_EXPONENTS_ABOVE
    powers = step * 2.0 ** np.arange(0, np.log2(top / step))
    targets = np.unique(np.concatenate([powers, powers - step]))
    if products.values.min() < 0:
        targets = np.concatenate([targets, -targets[::-1]])
    paths, reached = steered(spec, products, targets)
    low, high = products.values.min(), products.values.max()
    operands = []
    for path, value in zip(paths, reached, strict=True):
        wanted = [step, -step, 0.0, -value, -value - step, -value + step, low, high]
        for probe in np.unique(products.nearest(wanted)):
            operands.append(products.operands(np.append(path, probe)))
    return streams("carries", operands)


def _rounding(
    spec: UnitSpec, fmt: FloatFormat, products: Products, rng: np.random.Generator
) -> Stimulus:
    """Ties, what is next to them, carries into the next octave, cancellation, over- and underflow.

    Significands are 1.00...0, 1.00...1, 1.11...1 and one at random, in every octave that can be
    reached; the products added to them are a half, a quarter and one unit in the last place, their
    neighbours among the products, and what cancels the sum entirely or but for a unit.
    """
    exponents = _reachable_exponents(fmt, products)
    # One octave more: its lower neighbour is the largest number of the last one.
    powers = fmt.encode(2.0 ** np.append(exponents, exponents[-1] + 1)).astype(np.int64)
    drawn = powers + rng.integers(1 << fmt.mantissa_bits, size=len(powers))
    codes = np.concatenate([powers, powers + 1, powers - 1, drawn])
    targets = fmt.decode(np.clip(codes, 0, fmt.max_code))
    if products.values.min() < 0:
        targets = np.where(rng.integers(2, size=len(targets)) == 1, -targets, targets)
    targets = np.unique(np.append(targets, 0.0))
    paths, reached = steered(spec, products, targets)
    operands = []
    for path, value in zip(paths, reached, strict=True):
        exponent = max(np.frexp(value)[1] - 1, fmt.min_exponent) if value else fmt.min_exponent
        ulp = 2.0 ** (exponent - fmt.mantissa_bits)
        half = products.nearest([ulp / 2, -ulp / 2])
        wanted = [ulp, -ulp, ulp / 4, -ulp / 4, 1.5 * ulp, -value, ulp - value, -ulp - value]
        probes = np.concatenate([half - 1, half, half + 1, products.nearest(wanted)])
        for probe in np.unique(np.clip(probes, 0, len(products.values) - 1)):
            operands.append(products.operands(np.append(path, probe)))
    return streams("rounding", operands)


def _alignment(
    spec: UnitSpec, fmt: FloatFormat, products: Products, rng: np.random.Generator
) -> Stimulus:
    """A sum of every exponent meets a product of every exponent, of the same sign and the other."""
    exponents = _reachable_exponents(fmt, products)
    scale = 2.0**exponents * (1 + rng.random(len(exponents)))
    targets = np.unique(fmt.quantize(np.concatenate([scale, -scale])))
    paths, reached = steered(spec, products, targets)
    sizes = _octaves(products, rng)
    octave = np.frexp(products.values[sizes])[1]
    operands = []
    for path, value in zip(paths, reached, strict=True):
        # Smaller products hardly move the sum, so they can follow one another; each larger one
        # needs a sum of its own.
        small = octave < np.frexp(value)[1]
        operands.append(products.operands(np.concatenate([path, sizes[small]])))
        for index in sizes[~small]:
            operands.append(products.operands(np.append(path, index)))
    return streams("alignment", [pair for pair in operands if len(pair[0])])


def _reachable_exponents(fmt: FloatFormat, products: Products) -> npt.NDArray[np.float64]:
    """Exponents of sums that a few products make, subnormal ones included."""
    low = max(fmt.lsb_exponent, int(np.frexp(products.smallest)[1]) - 1)
    high = min(fmt.max_exponent, int(np.frexp(products.largest)[1]) - 1 + _EXPONENTS_ABOVE)
    return np.arange(low, high + 1, dtype=np.float64)


def _octaves(products: Products, rng: np.random.Generator | None = None) -> npt.NDArray[np.int64]:
    """Indices of one product for each exponent and sign, in rising order of magnitude.

    It is the octave's smallest, or one drawn by `rng`.
    """
    nonzero = np.flatnonzero(products.values)
    exponent = np.frexp(products.values[nonzero])[1]
    sign = np.signbit(products.values[nonzero])
    order = np.lexsort((np.abs(products.values[nonzero]), sign, exponent))
    if rng is not None:
        drawn = rng.random(len(nonzero))
        order = np.lexsort((drawn, sign, exponent))
    keys = np.stack([exponent[order], sign[order]], axis=1)
    first = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
    return nonzero[order[first]]


def boundary_walk(spec: UnitSpec, rng: np.random.Generator, limit: int) -> Stimulus | None:
    """To the boundary of a fixed-point accumulator, and over it and back by products of all sizes.

    None for a floating-point accumulator, and where the boundary is more than `limit` of the
    largest products away.
    """
    if isinstance(spec.accumulator, FloatAccumulator):
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
    forth = [index for index in _octaves(products) if (products.values[index] > 0) == upward]
    return np.array(
        [int(i) for index in forth for i in (index, products.nearest(-products.values[index]))],
        np.int64,
    )
