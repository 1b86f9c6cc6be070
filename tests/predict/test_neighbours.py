"""What measured units near by correct in the fitted model."""

import math

import numpy as np
import pytest

from hwmodel.predict.data import read_rows
from hwmodel.predict.family import training_family
from hwmodel.predict.features import FIXED, FLOAT, features_of
from hwmodel.predict.model import fit_family
from hwmodel.predict.neighbours import fit_neighbours
from hwmodel.predict.predict import predict
from hwmodel.units import parse_unit


def unit(name):
    return features_of(parse_unit(name))


def test_one_neighbour_by_hand():
    # Itself: half of what was seen, for as much may be noise; three bits away exp(-1/2) of that.
    known = fit_neighbours([unit("mac-e4m3-e4m3-exact")], [0.2])
    assert known.log_factor(unit("mac-e4m3-e4m3-exact")) == pytest.approx(0.1)
    one, other = unit("mac-int8-int8-int32"), unit("mac-int8-int5-int32")
    assert fit_neighbours([one], [0.2]).log_factor(other) == pytest.approx(0.1 * math.exp(-0.5))


def test_units_far_away_are_left_alone():
    known = fit_neighbours([unit("mac-int2-int2-int16"), unit("mac-int3-int3-int16")], [0.3, 0.3])
    assert abs(known.log_factor(unit("mac-e5m2-e5m2-exact"))) < 1e-3
    assert fit_neighbours([], []).log_factor(unit("mac-int8-int8-int32")) == 0.0


def test_what_is_shared_comes_through_and_what_is_not_averages_out():
    units = [unit(f"mac-int{a}-int{b}-int32") for a in range(4, 10) for b in range(4, 10)]
    noise = np.random.default_rng(1).choice([-0.05, 0.05], len(units))
    known = fit_neighbours(units, 0.1 + noise)
    left = np.array([known.log_factor(entry) for entry in units]) - 0.1
    assert np.sqrt((left**2).mean()) < 0.4 * 0.05


def test_the_correction_of_a_clock_comes_by_and_by():
    model = fit_family(FLOAT, read_rows())
    entry = unit("mac-e4m3-e4m3-bf16")
    slowest = model.smallest_ns(entry)
    clocks = slowest * np.geomspace(1.02, 0.5, 60)
    areas = np.array([model.estimate(entry, float(clock))["area_um2"] for clock in clocks])
    assert areas[0] == pytest.approx(model.estimate(entry)["area_um2"])
    assert np.abs(np.diff(np.log(areas))).max() < 0.02


@pytest.mark.parametrize("family", [FIXED, FLOAT])
def test_one_delay_decides_whether_a_clock_costs_anything(family):
    model = fit_family(family, read_rows())

    def apart(entry):
        return abs(math.log(model.sums(entry)["delay_ns"] / model.smallest_ns(entry)))

    units = [features_of(spec) for spec in training_family()]
    entry = max((known for known in units if known.family == family), key=apart)
    assert apart(entry) > 0.02  # the delay before and after the correction
    slowest, between = model.smallest_ns(entry), model.sums(entry)["delay_ns"]
    for clock in (0.999 * slowest, (between + slowest) / 2, 1.001 * slowest):
        delay = predict(entry.spec, clock).figures["delay_ns"]
        assert delay.given == (clock < slowest)
        assert delay.value == pytest.approx(min(clock, slowest))


def test_clocks_tighter_than_any_measured_one_are_said_and_not_run_away_with():
    spec = parse_unit("mac-e4m3-e4m3-fp32")
    usual, tight = predict(spec, 6.0), predict(spec, 2.0)
    assert "clock" not in usual.outside
    assert tight.outside["clock"] > 1.5
    assert tight.figures["area_um2"].error > 1.5 * usual.figures["area_um2"].error
    assert any("outside the measured range in clock" in note for note in tight.notes)
    # Measured with the search of this version: 1845 um2, 1.57 times the smallest circuit.
    assert tight.figures["area_um2"].low < 1845 < tight.figures["area_um2"].high
