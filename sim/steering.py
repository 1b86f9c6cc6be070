"""Bringing an accumulator to a wanted value through its own inputs.

A unit is only ever observed from outside: what no sequence of operands can bring about need not
be right. So corners of the accumulator are reached by products, the largest fitting one first.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwmodel.formats import FloatFormat, Format
from hwmodel.units import FloatAccumulator, UnitSpec

__all__ = [
    "CodePair",
    "IndexArray",
    "Products",
    "corner_codes",
    "rounded_sum",
    "steered",
    "unit_in_last_place",
]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
CodePair: TypeAlias = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
"""Codes of a and b, one pair a step."""

_ALL_CODES_BITS = 8  # formats up to this width take part with every code
_DRAWN_CODES = 256  # of wider ones: corners and this many drawn at random


@dataclass(frozen=True, eq=False)
class Products:
    """The finite products of two formats, in rising order, each with operands that make it.

    Parameters
    ----------
    values : ndarray of float64, shape (P,)
        Distinct values, exact: operands have at most 16 bits.
    a, b : ndarray of uint32, shape (P,)
        Codes of the operands.
    """

    values: FloatArray
    a: npt.NDArray[np.uint32]
    b: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, spec: UnitSpec, rng: np.random.Generator) -> "Products":
        """Products of the operands of `spec`; `rng` chooses between operands of equal product."""
        codes_a, codes_b = _finite_codes(spec.a, rng), _finite_codes(spec.b, rng)
        a, b = (codes.reshape(-1) for codes in np.meshgrid(codes_a, codes_b))
        order = rng.permutation(len(a))
        a, b = a[order], b[order]
        values, first = np.unique(spec.a.decode(a) * spec.b.decode(b) + 0.0, return_index=True)
        return cls(values, a[first], b[first])

    @property
    def largest(self) -> float:
        """Largest magnitude of a product."""
        return float(np.abs(self.values).max())

    @property
    def smallest(self) -> float:
        """Smallest magnitude of a product other than zero."""
        return float(np.abs(self.values[self.values != 0]).min())

    def nearest(self, wanted: npt.ArrayLike) -> IndexArray:
        """Index of the product next to each wanted value."""
        x = np.asarray(wanted, np.float64)
        right = np.clip(np.searchsorted(self.values, x), 1, len(self.values) - 1)
        left = right - 1
        closer = np.abs(x - self.values[left]) <= np.abs(self.values[right] - x)
        return np.where(closer, left, right)

    def about(self, size: float) -> IndexArray:
        """Indices of the products next to `size` and to ``-size``, and of their neighbours."""
        middle = self.nearest([size, -size])
        around = np.concatenate([middle - 1, middle, middle + 1])
        return np.unique(np.clip(around, 0, len(self.values) - 1))

    def octaves(self, rng: np.random.Generator | None = None) -> IndexArray:
        """Indices of one product for each exponent and sign, in rising order of magnitude.

        It is the octave's smallest, or one drawn by `rng`.
        """
        nonzero = np.flatnonzero(self.values)
        magnitude = np.abs(self.values[nonzero])
        exponent, sign = np.frexp(magnitude)[1], np.signbit(self.values[nonzero])
        within = magnitude if rng is None else rng.random(len(nonzero))
        order = np.lexsort((within, sign, exponent))
        keys = np.stack([exponent[order], sign[order]], axis=1)
        first = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
        return nonzero[order[first]]

    def operands(self, indices: IndexArray) -> CodePair:
        """Operand codes a and b of the products of the given indices."""
        return self.a[indices], self.b[indices]


def steered(
    spec: UnitSpec, products: Products, targets: npt.ArrayLike, limit: int = 24
) -> tuple[list[IndexArray], FloatArray]:
    """Products that bring a cleared accumulator to each target, or as near as `limit` steps get.

    Every step takes the product next to what is missing, as long as it brings the sum nearer.

    Returns
    -------
    paths : list of ndarray
        Indices into `products`, one array a target.
    reached : ndarray of float64
        The sums arrived at (an exact accumulator's only to float64's precision).
    """
    wanted = np.asarray(targets, np.float64)
    reached = np.zeros(wanted.shape)
    path = np.full((len(wanted), limit), -1, np.int64)
    for step in range(limit):
        missing = wanted - reached
        index = products.nearest(missing)
        # Beside the largest finite sum the next product may overflow where a smaller one fits.
        smaller = np.clip(index - np.sign(missing).astype(int), 0, len(products.values) - 1)
        for choice in (index, smaller):
            after = rounded_sum(spec, reached, products.values[choice])
            nearer = (path[:, step] < 0) & (np.abs(wanted - after) < np.abs(missing))
            path[nearer, step] = choice[nearer]
            reached = np.where(nearer, after, reached)
        if (path[:, step] < 0).all():
            break
    return [row[row >= 0] for row in path], reached


def rounded_sum(spec: UnitSpec, x: FloatArray, y: FloatArray) -> FloatArray:
    """Sums as an accumulator holds them; an exact one's only to float64's precision."""
    if not isinstance(spec.register, FloatAccumulator):
        return x + y
    assert spec.overflow is not None
    return np.asarray(spec.register.format.quantize(x + y, spec.overflow, spec.rounding))


def unit_in_last_place(fmt: FloatFormat, value: float) -> float:
    """Weight of the last bit of a finite value's significand in a format."""
    exponent = max(int(np.frexp(value)[1]) - 1, fmt.min_exponent) if value else fmt.min_exponent
    return float(2.0 ** (exponent - fmt.mantissa_bits))


def corner_codes(fmt: Format) -> npt.NDArray[np.uint32]:
    """Codes at which formats change their rules: zeros, extremes, subnormals, special values."""
    if not isinstance(fmt, FloatFormat):
        top = 1 << (fmt.bits - 1)
        wanted = [0, 1, 2, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1, 0x5555, 0xAAAA]
        return np.unique(np.array([code % fmt.code_count for code in wanted], np.uint32))
    hidden = 1 << fmt.mantissa_bits
    wanted = [0, 1, hidden - 1, hidden, hidden + 1, fmt.max_code - 1, fmt.max_code]
    wanted.append(max(fmt.bias, 0) << fmt.mantissa_bits)  # the code of 1.0, where there is one
    wanted += [fmt.max_code + 1, fmt.max_code + 2, fmt.magnitude_mask]  # infinity, NaNs
    codes = np.unique([code for code in wanted if code <= fmt.magnitude_mask])
    if fmt.signed:
        codes = np.concatenate([codes, codes | fmt.magnitude_mask + 1])
    return codes.astype(np.uint32)


def _finite_codes(fmt: Format, rng: np.random.Generator) -> npt.NDArray[np.uint32]:
    if fmt.bits <= _ALL_CODES_BITS:
        codes = np.arange(fmt.code_count, dtype=np.uint32)
    else:
        drawn = rng.integers(fmt.code_count, size=_DRAWN_CODES, dtype=np.uint32)
        powers = np.uint32(1) << np.arange(fmt.bits, dtype=np.uint32)
        if isinstance(fmt, FloatFormat):  # every power of two
            powers = np.arange(0, fmt.code_count, 1 << fmt.mantissa_bits, dtype=np.uint32)
        codes = np.unique(np.concatenate([corner_codes(fmt), powers, drawn]))
    return codes[np.isfinite(fmt.decode(codes))]
