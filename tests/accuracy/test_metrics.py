import math

import numpy as np
import pytest
from scipy import stats

from hwmodel.accuracy.metrics import (
    ErrorPower,
    paired_perplexity,
    perplexity,
    proportion,
    sqnr_db,
)


def test_sqnr_of_a_known_error():
    assert sqnr_db([3.0, 4.0], [3.0, 4.5]) == pytest.approx(20.0)
    assert sqnr_db([1.0], [1.0]) == math.inf
    assert ErrorPower(0.0, 1.0).sqnr_db == -math.inf
    assert (ErrorPower(1.0, 0.5) + ErrorPower(9.0, 0.5)).sqnr_db == pytest.approx(10.0)


def test_wilson_interval_of_a_published_example():
    # 81 of 263 (Newcombe 1998, table I): Wilson without continuity correction 0.2553 to 0.3662.
    found = proportion(81, 263)
    assert (found.value, found.low, found.high) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)
    assert proportion(20, 20).low < 0.85


@pytest.mark.parametrize(("hits", "count"), [(0, 7), (3, 7), (230, 250), (20, 20)])
def test_wilson_interval_agrees_with_scipy(hits, count):
    other = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    found = proportion(hits, count)
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_perplexity_of_a_uniform_guess_is_the_number_of_choices():
    assert perplexity(np.full((2, 5), math.log(7))) == pytest.approx(7)


def test_paired_interval_is_far_narrower_than_the_spread_of_the_text():
    rng = np.random.default_rng(0)
    reference = rng.gamma(2.0, 1.6, (6, 511))
    ours = reference + rng.normal(0.05, 0.1, reference.shape)
    found = paired_perplexity(ours, reference)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(perplexity(ours))
    assert found.low > perplexity(reference)  # 0.05 nats stand out of 0.1 in 3066 tokens
    assert found.high / found.low < 1.02


def test_no_difference_gives_no_interval():
    reference = np.random.default_rng(1).random((2, 130))
    found = paired_perplexity(reference, reference)
    assert found.low == found.high == pytest.approx(found.value)


def test_the_interval_covers_the_true_difference_at_its_stated_rate():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        # Neighbouring tokens share half of their difference, which blocks have to respect.
        shared = np.repeat(rng.normal(0, 0.3, (4, 64)), 8, axis=1)
        difference = 0.1 + shared + rng.normal(0, 0.3, (4, 512))
        found = paired_perplexity(difference, np.zeros((4, 512)))
        covered += found.low <= math.exp(0.1) <= found.high
    assert 0.86 <= covered / 100 <= 0.99
