"""Codes of more than 64 bits as words and as Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwmodel
from hwmodel.arithmetic import dot_scalar
from hwmodel.arithmetic.big_integers import joined, split

UNITS = [
    *("mac-e5m2-e5m2-exact", "mac-fp16-fp16-exact", "mac-bf16-bf16-exact", "mac-e5m2-e5m2-exact90"),
    *("mac-int8-int8-int64", "mac-e4m3-e4m3-fp16", "mac-int32-int32-exact"),
]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
@pytest.mark.parametrize("size", [0, 1, 5, 1 << 13])  # the last by compiled code
def test_integers_of_words_and_back(count, size):
    rng = np.random.default_rng(count + size)
    words = rng.integers(0, 1 << 63, (size, count), np.uint64) << np.uint64(1)
    words[::3, -1] = 0  # fewer words than there is room for
    words[::5] = 0
    words[1::7] = np.uint64((1 << 64) - 1)
    numbers = joined(words)
    assert numbers.shape == (size,)
    assert numbers.dtype == object
    for number, row in zip(numbers.tolist(), words.tolist(), strict=True):
        assert type(number) is int
        assert number == sum(word << (64 * place) for place, word in enumerate(row))
    np.testing.assert_array_equal(split(numbers, count), words)


def test_no_integer_is_lost_or_kept_too_long():
    """Compiled code counts owners as Python does: a number lives as long as its array."""
    import sys

    words = np.full((1 << 13, 2), (1 << 60) + 7, np.uint64)
    numbers = joined(words)
    first = numbers[0]
    assert sys.getrefcount(first) == sys.getrefcount((1 << 124) + (7 << 64) + (1 << 60) + 7) + 1
    del numbers
    assert first == ((1 << 60) + 7) * ((1 << 64) + 1)


@pytest.mark.parametrize("name", UNITS)
def test_words_are_those_of_the_integers(name):
    spec = hwmodel.unit(name)
    rng = np.random.default_rng(3)
    for shape in ((3, 5, 2), (150, 150, 140)):
        a = rng.integers(0, spec.a.code_count, shape[:2])
        b = rng.integers(0, spec.b.code_count, shape[1:])
        codes, words = (hwmodel.matmul(a, b, spec, words=flag) for flag in (False, True))
        assert words.dtype == np.uint64
        assert words.shape == (*codes.shape, -(-spec.accumulator_bits // 64))
        np.testing.assert_array_equal(joined(words).astype(codes.dtype), codes)


def test_words_of_many_matrices_and_of_none():
    spec = hwmodel.unit("mac-e5m2-e5m2-exact")
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 256, (2, 1, 4, 6)), rng.integers(0, 256, (3, 6, 5))
    codes, words = (hwmodel.matmul(a, b, spec, words=flag) for flag in (False, True))
    assert codes.shape == (2, 3, 4, 5)
    assert words.shape == (2, 3, 4, 5, 2)
    np.testing.assert_array_equal(joined(words), codes)
    assert hwmodel.matmul(a[..., :0, :], b, spec, words=True).shape == (2, 3, 0, 5, 2)
    assert (
        hwmodel.matmul(a[..., :0], b[:, :0], spec, words=True).tolist()
        == np.zeros((2, 3, 4, 5, 2), int).tolist()
    )


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["e5m2", "fp16", "bf16", "e6m4", "int16"]), st.integers(0, 1 << 30))
def test_codes_are_those_of_the_definition(name, seed):
    """Of any numbers and near one, in products long enough for machine instructions."""
    spec = hwmodel.unit(f"mac-{name}-{name}-exact")
    rng = np.random.default_rng(seed)
    fmt, length = spec.a, int(rng.integers(300, 1200))
    if rng.random() < 0.5:
        a, b = (fmt.encode(rng.normal(size=shape) * 3) for shape in ((90, length), (length, 90)))
    else:
        a, b = (rng.integers(0, fmt.code_count, s) for s in ((90, length), (length, 90)))
    codes = hwmodel.matmul(a, b, spec)
    for i, j in zip(rng.integers(0, 90, 6), rng.integers(0, 90, 6), strict=True):
        assert codes[i, j] == dot_scalar(spec, a[i].tolist(), b[:, j].tolist())
