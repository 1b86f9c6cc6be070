"""Measurement rows keep what they are given and refuse what cannot be."""

import json
import math
from dataclasses import replace

import pytest

from hwmodel.cost.measurement import EnergyFigure, Measurement, Verification
from hwmodel.errors import HwmodelError


def energy(**changes):
    values = {
        "stimulus": "gaussian",
        "clock_ns": 3.0,
        "fj_per_mac": 1529.5,
        "low": 1500.0,
        "high": 1560.0,
        "split": {"internal": 900.0, "switching": 600.0, "clock": 20.0, "leakage": 9.5},
        "glitch_share": 0.31,
        "nets_annotated": 1.0,
        "vectors": 4096,
        "outputs_checked": 4096,
    }
    return EnergyFigure(**values | changes)


def measurement(spec="mac-int8-int8-int32", **changes):
    values = {
        "spec": spec,
        "library": "cells",
        "corner": "typical",
        "clock_ns": 3.0,
        "area_um2": 700.0,
        "nand2": 877.2,
        "delay_ns": 2.5,
        "met": True,
        "structure": "array",
        "recipe": "amap",
        "blocks": {"multiply": 400.0, "add": 300.0},
        "energies": (energy(),),
        "verification": Verification(100000, 0, 1, "Icarus"),
        "provenance": {"tools": {"pyosys": "0.70"}},
    }
    return Measurement(**values | changes)


def test_survives_json():
    row = measurement()
    assert Measurement.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_finds_the_energy_of_a_stimulus():
    row = measurement(energies=(energy(), energy(stimulus="uniform", fj_per_mac=1600.0)))
    assert row.energy("uniform").fj_per_mac == 1600.0
    assert row.energy("captured") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("area_um2", 0.0), ("area_um2", -1.0), ("nand2", math.nan), ("delay_ns", math.inf)],
)
def test_figures_are_positive_and_finite(name, value):
    with pytest.raises(HwmodelError, match=name):
        measurement(**{name: value})


def test_the_spec_parses():
    with pytest.raises(HwmodelError, match="unknown unit"):
        measurement(spec="adder-int8")


def test_how_is_one_of_three():
    with pytest.raises(HwmodelError, match="guessed"):
        measurement(how="guessed")


def test_an_energy_counts_all_nets():
    with pytest.raises(HwmodelError, match=r"0\.98"):
        energy(nets_annotated=0.98)


def test_a_cosimulation_has_vectors():
    with pytest.raises(HwmodelError, match="1 vector or more"):
        Verification(0, 0, 1, "Icarus")


def test_foreign_keys_are_refused():
    entry = measurement().to_dict() | {"colour": "blue"}
    with pytest.raises(HwmodelError, match="colour"):
        Measurement.from_dict(entry)


def test_goal_follows_from_the_clock():
    assert measurement().goal == "clock"
    assert replace(measurement(), clock_ns=None).goal == "minimum area"
