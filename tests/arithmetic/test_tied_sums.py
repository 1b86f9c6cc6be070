"""Sums rounded by their patterns, against `simulate`: halfway and on the grid most of all."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from hwmodel.arithmetic import carriers, matmul, simulate, tied_sums
from hwmodel.units import parse_unit

UNITS = [
    *("mac-fp16-fp16-fp16", "mac-bf16-bf16-bf16", "mac-fp16-fp16-bf16", "mac-fp16-fp16-e5m2"),
    *(
        "mac-fp16-fp16-e5m3ieeesat",
        "mac-fp16-bf16-bf16",
        "mac-fp16-fp16-e6m12ieee",
        "mac-bf16-bf16-e8m5ieee",
    ),
]


@pytest.fixture
def rows(monkeypatch):
    """How many rows were given up, call by call; never for many sums that are halfway."""
    given_up = []
    add = tied_sums.add_products

    def counted(*arguments):
        void = add(*arguments)
        given_up.append((len(void), int(void.sum())))
        return void

    monkeypatch.setattr(tied_sums, "add_products", counted)
    monkeypatch.setattr(tied_sums, "_RARE", 0)
    return given_up


def check(spec, a, b):
    got = matmul(a, b, spec)
    np.testing.assert_array_equal(got, simulate(spec, a[:, None, :], b.T[None])[..., -1])
    return got


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("size", [2.0**-9, 1.0, 4.0])
@pytest.mark.parametrize("shape", [(7, 150, 40), (3, 129, 1), (2, 5, 65), (1, 40, 520)])
def test_coarse_factors_whose_sums_are_often_halfway(name, size, shape, rows):
    spec = parse_unit(name)
    rng = np.random.default_rng(17)
    height, depth, width = shape
    a, b = (
        rng.integers(-40, 41, part) * 2.0 ** rng.integers(-5, 3, part) * size / 64
        for part in ((height, depth), (depth, width))
    )
    check(spec, spec.a.encode(a), spec.b.encode(b))
    assert rows == [(height, 0)]


@pytest.mark.parametrize("name", UNITS)
def test_fine_factors_of_all_sizes(name, rows):
    spec = parse_unit(name)
    rng = np.random.default_rng(19)
    sizes = 2.0 ** rng.integers(-12, 1, (60, 1))
    a, b = rng.standard_normal((60, 140)) * sizes, rng.standard_normal((140, 33))
    check(spec, spec.a.encode(a), spec.b.encode(b))
    (rows,) = rows
    assert rows[1] < rows[0]


def near_powers(count):
    """Factors of 11 bits whose products are next to a power of two, but not on it."""
    pairs = [
        (abs(product - 2**21), first, second)
        for first in range(1025, 2048, 2)
        for second in (2**21 // first, 2**21 // first + 1)
        if second < 2048 and (product := first * second) != 2**21
    ]
    return np.array(sorted(pairs)[:count])[:, 1:].T


@pytest.mark.parametrize("place", [-10, -17, -24])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_trace_that_float32_rounds_away_breaks_the_tie(place, sign, rows):
    # Half of the last place and a trace, added to odd and even multiples of it: normal sums, and
    # subnormal ones, of whose traces float32 would not even hold the products.
    spec = parse_unit("mac-fp16-fp16-fp16")
    first, second = near_powers(48)
    half = 2.0 ** (place - 1)
    a = np.stack([np.full(48, 2.0**-7), first * 2.0**-22], axis=1)
    start = sign * (1030 + np.arange(48)) * 2.0**place * 2.0**7
    b = np.stack([start, second * half * 2.0])
    b[1, 24:] *= -1.0
    got = check(spec, spec.a.encode(a), spec.b.encode(b))
    assert rows == [(48, 0)]
    # All went to the side of the trace: by the magnitude of the sum, up as often as down.
    sums = np.diag(spec.decode_accumulator(got)) / 2.0**place
    exact = np.diag(a @ b) / 2.0**place  # of integers: float64 holds it
    np.testing.assert_array_equal(sums, np.rint(exact))
    assert (np.abs(exact - np.trunc(exact) - np.sign(exact) / 2) < 2.0**-12).sum() > 24


def test_many_sums_that_are_halfway_are_left_to_float64(rows, monkeypatch):
    monkeypatch.setattr(tied_sums, "_RARE", 8)
    spec = parse_unit("mac-fp16-fp16-fp16")
    rng = np.random.default_rng(23)
    a, b = rng.integers(1, 6, (9, 60)) * 64.0, rng.integers(1, 6, (60, 40)) * 1.0
    a[:, 0], b[0] = 63.0, 65.0
    check(spec, spec.a.encode(a), spec.b.encode(b))
    assert rows == [(9, 9)]


def test_a_row_that_comes_near_the_largest_value_is_given_up_alone(rows):
    spec = parse_unit("mac-fp16-fp16-fp16")
    rng = np.random.default_rng(29)
    a, b = rng.standard_normal((9, 300)), rng.standard_normal((300, 40))
    a[4] *= 512.0
    check(spec, spec.a.encode(a), spec.b.encode(b))
    assert rows == [(9, 1)]


def test_products_below_what_float32_holds_are_given_up(rows):
    # How fine BF16's factors are, nothing but they themselves tells.
    spec = parse_unit("mac-bf16-bf16-bf16")
    rng = np.random.default_rng(31)
    a, b = rng.standard_normal((9, 50)), rng.standard_normal((50, 12)) * 2.0**-60
    a[2:4] *= 2.0**-80
    check(spec, spec.a.encode(a), spec.b.encode(b))
    assert rows == [(9, 2)]


@pytest.mark.parametrize("bias", [-250, -100, 60, 200])
def test_accumulators_that_lie_beyond_float32_are_scaled(bias, rows):
    unit = parse_unit("mac-fp16-fp16-fp16")
    shift = (bias - 15) // 2
    operand = replace(unit.a, bias=unit.a.bias + shift)
    accumulator = replace(unit.accumulator, format=replace(unit.accumulator.format, bias=bias))
    spec = replace(unit, a=operand, b=operand, accumulator=accumulator)
    rng = np.random.default_rng(37)
    a, b = (rng.standard_normal(shape) * 2.0**-shift for shape in ((6, 70), (70, 9)))
    values = spec.decode_accumulator(check(spec, spec.a.encode(a), spec.b.encode(b)))
    assert np.isfinite(values).all()
    assert rows == [(6, 0)]


def test_which_units_are_added_by_patterns():
    # Where float32 itself is sure it needs no second look, and without a mantissa nothing is even.
    known = {
        name: any(
            isinstance(one.constants, tied_sums.Patterns)
            for one in carriers.carriers_for(parse_unit(name))
        )
        for name in itertools.chain(UNITS, ["mac-e4m3-e4m3-fp16", "mac-int16-int16-fp16"])
    }
    assert known == dict.fromkeys(UNITS, True) | {
        "mac-e4m3-e4m3-fp16": False,
        "mac-int16-int16-fp16": False,
    }


DIRECTIONS = ["", "-nearestaway", "-towardzero", "-up", "-down", "-toodd"]


def bounded_only(monkeypatch):
    """Leave the unit to the last carrier, which settles overflow."""
    last = carriers.carriers_for
    monkeypatch.setattr(
        carriers, "carriers_for", lambda spec, products=None: last(spec, products)[-1:]
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "unit",
    [
        *("fp16-fp16-fp16", "bf16-bf16-bf16", "fp16-fp16-e6m5ieee", "e4m3-e4m3-fp16"),
        *("int8-int8-e5m4ieee", "fp16-fp16-e4m3", "fp16-fp16-e5m2sat", "e5m2-e5m2-e3m3fnuz"),
    ],
)
def test_every_rounding_of_coarse_and_fine_sums_with_overflow(unit, direction, monkeypatch):
    # Coarse sums are often on the grid or halfway, fine ones next to it, and some are too large.
    bounded_only(monkeypatch)
    spec = parse_unit(f"mac-{unit}{direction}")
    rng = np.random.default_rng(41)
    reach = spec.accumulator.format.max_value
    for scale in (2.0**-8, 1.0, np.sqrt(reach / 20.0)):
        a = rng.integers(-9, 10, (7, 90)) * 2.0 ** rng.integers(-3, 3, (7, 90)) / 8
        b = rng.standard_normal((90, 40))
        b[:, ::2] = rng.integers(-9, 10, (90, 20)) / 8
        a[0], b[:, 0] = 4.0, 4.0  # a sum that runs over
        x, y = spec.a.encode(a * scale), spec.b.encode(b * scale)
        got = check(spec, x, y)
        values = spec.decode_accumulator(got)
        if scale > 1 and not spec.a.name.startswith("int"):
            assert not np.abs(values[0, 0]) < reach


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_traces_that_float64_rounds_away_decide(direction, sign, rows):
    # A product 2^-60 beside a sum on the grid, or halfway: what remains of it is its sign.
    spec = parse_unit(f"mac-bf16-bf16-e8m5ieee{direction}")
    trace = 2.0**-30
    nearest = direction in ("", "-nearestaway")
    a = np.array([[1.0, 1.0, trace], [1.0, 0.0, trace], [1.0, 1.0, -trace], [1.0, 0.0, -trace]])
    b = np.stack([1.0 + np.arange(32) / 32.0, np.full(32, 2.0**-6), np.full(32, trace)])
    b[1] *= 1.0 if nearest else 2.0  # halfway, or on the grid
    got = check(spec, spec.a.encode(a * sign), spec.b.encode(b))
    assert rows[-1] == (4, 0)
    # Without the trace the rules differ.
    a[:, 2] = 0.0
    assert (got != check(spec, spec.a.encode(a * sign), spec.b.encode(b))).any() != nearest


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_zeros_have_the_signs_of_the_rule(direction):
    spec = parse_unit(f"mac-fp16-fp16-fp16{direction}")
    x = spec.a.encode([[0.0, 0.0], [1.0, 1.0], [-0.0, 0.0], [2.0**-14, 0.0], [-(2.0**-14), 0.0]])
    y = spec.b.encode([[0.0, 1.0, -1.0, 2.0**-24], [0.0, -1.0, 1.0, -(2.0**-24)]])
    check(spec, x, y)


def test_infinite_factors_are_left_to_others(rows):
    spec = parse_unit("mac-fp16-fp16-fp16-towardzero")
    a = np.ones((4, 20))
    a[1, 3], a[2, 5] = np.inf, np.nan
    check(spec, spec.a.encode(a, "nonfinite"), spec.b.encode(np.ones((20, 3))))
    assert [given_up for _, given_up in rows] == [2, 2]
