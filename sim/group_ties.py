"""Groups added to a sum that loses bits of them: ties, what is next to ties, and differences."""

import numpy as np

from hwmodel.arithmetic import simulate, step_scalar
from hwmodel.arithmetic.combined import add_aligned_scalar, add_chunk_scalar, dot_scalar
from hwmodel.formats import FloatFormat
from hwmodel.sim.edges import LONGEST_WALK
from hwmodel.sim.group_draws import LONG, NARROW, ceiling_of, drawn, group_length, of_one_sign
from hwmodel.sim.steering import IndexArray, Products, unit_in_last_place
from hwmodel.units import AlignedAccumulator, ChunkedAccumulator, FloatAccumulator, UnitSpec

__all__ = ["tied_groups"]

_LONGEST_LOAD = 4608  # products of a first sum that loses bits, if it takes so many


class _Groups:
    """The sum of a unit by its definition, product by product, from a given code on."""

    def __init__(self, spec: UnitSpec, products: Products, code: int) -> None:
        self.spec = spec
        self.products = products
        self.code = code
        self.group: list[int] = []
        self.operands: tuple[list[int], list[int]] = ([], [])
        self.inner = 0

    @property
    def outer(self) -> float:
        """Value of the sum of the groups before."""
        return float(self.spec.decode_accumulator([self.code])[0])

    @property
    def partial(self) -> float:
        """Sum of the group so far; that of an aligned adder as if it were not cut."""
        if self._inner_is_plain:
            return float(self.spec.inner_unit.decode_accumulator([self.inner])[0])
        return float(self.products.values[self.group].sum())

    @property
    def _inner_is_plain(self) -> bool:
        accumulator = self.spec.accumulator
        return isinstance(accumulator, ChunkedAccumulator) and not isinstance(
            accumulator.inner, AlignedAccumulator
        )

    def add(self, index: int) -> None:
        """Add a product."""
        self.group.append(index)
        a, b = self.operands
        a.append(int(self.products.a[index]))
        b.append(int(self.products.b[index]))
        if self._inner_is_plain:
            self.inner = step_scalar(self.spec.inner_unit, self.inner, a[-1], b[-1])
        if len(self.group) < group_length(self.spec):
            return
        if isinstance(self.spec.accumulator, AlignedAccumulator):
            self.code = add_aligned_scalar(self.spec, self.code, a, b)
        else:
            if not self._inner_is_plain:
                self.inner = dot_scalar(self.spec.inner_unit, a, b)
            self.code = add_chunk_scalar(self.spec, self.code, self.inner)
        self.group, self.operands, self.inner = [], ([], []), 0


def tied_groups(
    spec: UnitSpec, products: Products, length: int, rng: np.random.Generator
) -> list[IndexArray]:
    """Sums of groups that lose bits, then groups that are ties of it, and what is next to them."""
    if not isinstance(spec.register, FloatAccumulator):
        return []
    fmt = spec.register.format
    signs = (1, -1) if products.values.min() < 0 and length < LONG else (1,)
    paths = []
    for sign in signs:
        for load in _loads(spec, fmt, products, length, rng, sign):
            code = _sums(spec, products, load.reshape(-1, length))[-1]
            sums = _Groups(spec, products, code)
            if not np.isfinite(sums.outer):
                continue
            paths.append(np.append(load, _probes(sums, fmt, length, rng)))
    return paths


def _loads(
    spec: UnitSpec,
    fmt: FloatFormat,
    products: Products,
    length: int,
    rng: np.random.Generator,
    sign: int,
) -> list[IndexArray]:
    """Whole groups whose sum is just large enough to lose bits, and well beyond that."""
    most = max(1, _LONGEST_LOAD // length)
    ceiling = ceiling_of(spec, products, length, 2 if most == 1 else 4)
    steps = of_one_sign(products, ceiling, most * length, rng, sign)
    # An odd one among them now and then, lest all sums are multiples of a large power of two.
    steps[3 :: 4 * length] = products.nearest(sign * products.smallest * 3)
    sums = np.abs(spec.decode_accumulator(_sums(spec, products, steps.reshape(most, length))))
    finite = np.where(sums < fmt.max_value / 2, sums, 0.0)
    units = np.array([unit_in_last_place(fmt, x) for x in finite])
    wanted = [np.flatnonzero(units >= times * products.smallest) for times in (2, 4)]
    ends = sorted({int(found[0]) + 1 for found in wanted if len(found)} or {1})
    if length >= LONG:
        ends = ends[-1:]
    if ends[-1] * length > LONGEST_WALK:  # one that long is enough
        ends = ends[:1] if sign > 0 else [1]
    return [steps[: groups * length] for groups in ends]


def _sums(spec: UnitSpec, products: Products, groups: IndexArray) -> list[int]:
    """Codes of the accumulator after each of some whole groups, one a row."""
    if isinstance(spec.accumulator, AlignedAccumulator):
        codes = simulate(spec, *products.operands(groups.reshape(-1)))
        return [int(code) for code in codes[groups.shape[1] - 1 :: groups.shape[1]]]
    # Chunks are independent of each other, so they are summed side by side.
    chunks = simulate(spec.inner_unit, *products.operands(groups))[:, -1]
    found = [0]
    for chunk in chunks:
        found.append(add_chunk_scalar(spec, found[-1], int(chunk)))
    return found[1:]


def _probes(sums: _Groups, fmt: FloatFormat, length: int, rng: np.random.Generator) -> IndexArray:
    """Groups after a load: by halves of a unit in its last place, then at random about it."""
    products = sums.products
    steps = [(unit, times) for unit in (0, 1) for times in (0.5, 1.5, -0.5, -1.5, 1.0, 0.75, 0.25)]
    path: list[int] = []
    groups = max(2, min(24, 48 // length))
    for _ in range(groups):
        order = rng.permutation(len(steps)).tolist()
        for place in range(length):
            if not np.isfinite(sums.outer) or not np.isfinite(sums.partial):
                return np.array(path, np.int64)
            units = _units(sums.spec, fmt, sums.outer)
            unit, times = steps[order[place % len(order)]]
            last = place == length - 1
            if last:  # each other group ends at a tie
                unit, times = 0, (0.5, 1.5, -0.5, -1.5)[int(rng.integers(4))]
            middle = int(products.nearest(times * units[unit] - sums.partial))
            beside = int(rng.integers(-1, 2)) * (place % 2 if not last else int(rng.integers(2)))
            index = int(np.clip(middle + beside, 0, len(products.values) - 1))
            sums.add(index)
            path.append(index)
    # Differences of a unit or so show where groups end.
    unit = _units(sums.spec, fmt, sums.outer)[0]
    many = length + 8 if length >= LONG else length * max(2, min(8, 32 // length)) + 1
    rest = drawn(products, 2 * unit, NARROW, many, rng)
    return np.append(np.array(path, np.int64), rest)


def _units(spec: UnitSpec, fmt: FloatFormat, value: float) -> tuple[float, float]:
    """Weights of the last bit of a sum and, of an aligned adder, of the last bit that it keeps."""
    unit = unit_in_last_place(fmt, value)
    if not isinstance(spec.accumulator, AlignedAccumulator):
        return unit, unit
    return unit, unit * 2.0 ** (fmt.mantissa_bits - spec.accumulator.kept + 1)
