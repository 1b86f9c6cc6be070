"""Directed stimulus: the places where accumulations go wrong.

Rounding ties and their neighbours, carries out of the significand, cancellation, alignment at
every exponent difference, subnormals, signed zeros, overflow, infinities and NaNs by every route.
Each is a few steps from a cleared accumulator; `walks` goes further.
"""

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat
from hwmodel.sim.steering import (
    CodePair,
    Products,
    corner_codes,
    steered,
    unit_in_last_place,
)
from hwmodel.sim.streams import Stimulus, streams
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = ["corner_sections"]

_OVERFLOW_STEPS = 8
_EXPONENTS_ABOVE = 3  # targets reach that many octaves beyond the largest product
_MOST_ALIGNED = 1 << 16  # pairs of a sum and a product: more than any stimulus takes of them


def corner_sections(spec: UnitSpec, rng: np.random.Generator) -> list[Stimulus]:
    """Directed sections of a unit, in the order in which they run."""
    products = Products.of(spec, rng)
    sections = [_specials(spec, products)]
    if isinstance(spec.register, FloatAccumulator):
        fmt = spec.register.format
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
    if isinstance(spec.register, FloatAccumulator):
        # Beyond the largest finite value, where a few products get there.
        count = int(spec.register.format.max_value // largest) + 1
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


def _carries(spec: UnitSpec, products: Products) -> Stimulus:
    """Carries and borrows that run through the whole of a fixed-point accumulator."""
    lowest = spec.fixed_point.lsb_exponent
    step = 2.0**lowest
    highest = np.log2(products.largest) + _EXPONENTS_ABOVE
    powers = 2.0 ** np.arange(lowest, min(highest, 1023.0))  # as far as float64 goes
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
        ulp = unit_in_last_place(fmt, value)
        wanted = [ulp, -ulp, ulp / 4, -ulp / 4, 1.5 * ulp, -value, ulp - value, -ulp - value]
        probes = np.append(products.about(ulp / 2), products.nearest(wanted))
        for probe in np.unique(probes):
            operands.append(products.operands(np.append(path, probe)))
    return streams("rounding", operands)


def _alignment(
    spec: UnitSpec, fmt: FloatFormat, products: Products, rng: np.random.Generator
) -> Stimulus:
    """A sum of every exponent meets a product of every exponent, of the same sign and the other."""
    exponents = _reachable_exponents(fmt, products)
    scale = 2.0**exponents * (1 + rng.random(len(exponents)))
    targets = np.unique(fmt.quantize(np.concatenate([scale, -scale])))
    sizes = products.octaves(rng)
    most = max(2, _MOST_ALIGNED // len(sizes))
    if len(targets) > most:
        targets = np.sort(rng.choice(targets, most, replace=False))
    paths, reached = steered(spec, products, targets)
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
