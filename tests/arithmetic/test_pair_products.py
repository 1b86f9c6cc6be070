"""Products of integers by pairs of 16-bit numbers against Python's integers."""

import numpy as np
import pytest

import hwmodel
from hwmodel.arithmetic import exact_products, pair_plans, pair_products, wide_sums
from hwmodel.arithmetic.big_integers import joined
from hwmodel.arithmetic.wide_sums import Totals

needs_pairs = pytest.mark.skipif(
    not pair_products.is_there(), reason="this machine has no products of pairs (AVX2)"
)


def digit_of(numbers, count, bits, which):
    """A digit of integers, from the definition."""
    result = np.zeros(numbers.size, np.int16)
    for place, number in enumerate(numbers.tolist()):
        for _ in range(which):
            low = (number + (1 << bits >> 1)) % (1 << bits) - (1 << bits >> 1)
            number = (number - low) >> bits
        if which < count - 1:
            number = (number + (1 << bits >> 1)) % (1 << bits) - (1 << bits >> 1)
        assert -(1 << 15) <= number < 1 << 15
        result[place] = number
    return result


def product(a, b, bits_a, bits_b, kind):
    plan = pair_plans.plan_for(bits_a, bits_b)
    assert plan is not None
    # `arranged` moves numbers of any unsigned type of up to 32 bits; here, their indices.
    left = pair_products.arranged(np.arange(1, a.size + 1, dtype=np.uint32).reshape(a.shape), True)
    right = pair_products.arranged(
        np.arange(1, b.size + 1, dtype=np.uint32).reshape(b.shape), False
    )
    x, y = (np.append(0, numbers.reshape(-1))[order] for numbers, order in ((a, left), (b, right)))
    return pair_products.totals(
        plan,
        lambda bits, which: digit_of(x, plan.left, bits, which),
        lambda bits, which: digit_of(y, plan.right, bits, which),
        (*a.shape, b.shape[1]),
        kind,
    )


@needs_pairs
@pytest.mark.parametrize("bits_b", [1, 7, 12, 15, 16, 20, 29])
@pytest.mark.parametrize("bits_a", [1, 8, 11, 14, 15, 18, 31])
def test_sums_are_exact_up_to_the_largest_magnitudes(bits_a, bits_b):
    rng = np.random.default_rng(bits_a * 100 + bits_b)
    a = rng.integers(-(1 << bits_a) + 1, 1 << bits_a, (5, 1100), np.int64)
    b = rng.integers(-(1 << bits_b) + 1, 1 << bits_b, (1100, 3), np.int64)
    # Each of these would pass 32 bits, were a sum too long: all of one sign, or of two.
    a[0], a[1], a[2] = (1 << bits_a) - 1, 1 - (1 << bits_a), 1 << bits_a >> 1
    b[:, 0], b[:, 1] = (1 << bits_b) - 1, 1 << bits_b >> 1
    exact = a.astype(object) @ b.astype(object)
    for kind in (np.dtype(np.int32), np.dtype(np.int64)):
        found = product(a, b, bits_a, bits_b, kind)
        assert (found.high, found.split) == (None, 0)
        size = 8 * kind.itemsize
        wrapped = (exact + (1 << (size - 1))) % (1 << size) - (1 << (size - 1))
        assert found.low.dtype == kind
        assert found.low.tolist() == wrapped.tolist()
    found = product(a, b, bits_a, bits_b, None)
    if found.high is None:
        assert found.low.tolist() == exact.tolist()
    else:
        both = (found.high.astype(object) << found.split) + found.low.astype(object)
        assert both.tolist() == exact.tolist()


def test_plans_keep_sums_within_32_bits_and_take_few_products():
    for bits_a in range(60):
        for bits_b in range(60):
            plan = pair_plans.plan_for(bits_a, bits_b)
            if plan is None:
                assert max(bits_a, bits_b) > 42
                continue
            crosswise = any(len(term.left) > 1 for term in plan.terms)
            for count, bits, width in zip(
                (plan.left, plan.right), (bits_a, bits_b), plan.bits, strict=True
            ):
                assert count == 1 or count * width > bits
            if not crosswise:
                assert len(plan.terms) == plan.left * plan.right
    assert [len(pair_plans.plan_for(bits, bits).terms) for bits in (7, 11, 18, 33)] == [
        1,
        1,
        3,
        6,
    ]


def codes_for(fmt, rng, shape, kind):
    if kind == "near one":
        return fmt.encode(rng.standard_normal(shape))
    codes = rng.integers(0, fmt.code_count, shape)
    if fmt.has_nonfinite and kind == "numbers":
        return np.where(np.isfinite(fmt.decode(codes)), codes, 0)
    if kind == "ends":
        return fmt.encode(rng.choice([fmt.min_value, fmt.max_value], shape))
    return codes


@needs_pairs
@pytest.mark.parametrize("kind", ["near one", "numbers", "anything", "ends"])
@pytest.mark.parametrize(
    "name",
    [
        *("int8-int8-int32", "int8-uint8-int19", "int8-int8-exact", "uint8-int4-int64"),
        *("int16-int16-int64", "int16-int16-exact", "int16-int8-int40", "e4m3-e4m3-exact"),
        *("e5m2-e5m2-exact", "e4m3fnuz-e5m2-exact", "e3m4-e2m1-exact", "fp16-fp16-exact"),
        *("bf16-bf16-exact", "fp16-e4m3-exact", "e5m2-e5m2-exact100000", "e6m9ieee-e6m9-exact"),
    ],
)
def test_both_routes_of_exact_products_agree(name, kind, monkeypatch):
    spec = hwmodel.unit(f"mac-{name}")
    rng = np.random.default_rng(len(name))
    a = codes_for(spec.a, rng, (9, 301), kind)
    b = codes_for(spec.b, rng, (301, 37), kind)
    monkeypatch.setattr(exact_products, "_FEW", 0)
    quick = hwmodel.matmul(a, b, spec)
    monkeypatch.setattr(pair_products, "is_there", lambda: False)
    other = hwmodel.matmul(a, b, spec)
    assert quick.dtype == other.dtype
    np.testing.assert_array_equal(quick, other)


@needs_pairs
def test_small_products_do_not_wait_for_code_to_be_compiled(monkeypatch):
    spec = hwmodel.unit("mac-int8-int8-int32")

    def fail(*_):
        raise AssertionError("compiled code was asked for")

    monkeypatch.setattr(pair_plans, "plan_for", fail)
    assert hwmodel.matmul(np.ones((32, 32), int), np.ones((32, 32), int), spec)[0, 0] == 32


@pytest.mark.parametrize("width", [64, 65, 78, 80, 100, 127, 128, 129, 300])
@pytest.mark.parametrize("shift", [0, 1, 17, 63, 64, 65, 90, 200])
def test_codes_of_two_words(width, shift):
    rng = np.random.default_rng(width + shift)
    ends = np.array([0, 1, -1, (1 << 63) - 1, -(1 << 63)])
    low, high = (np.append(ends, rng.integers(-(1 << 62), 1 << 62, 40)) for _ in range(2))
    low, high = np.meshgrid(low, high)
    for upper, split in ((None, 0), (high, 1), (high, 33), (high, 63)):
        codes = joined(wide_sums.words_of(Totals(low, upper, split, shift), width))
        total = low.astype(object)
        if upper is not None:
            total = total + (upper.astype(object) << split)
        assert codes.tolist() == ((total << shift) % (1 << width)).tolist()
