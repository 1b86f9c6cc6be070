"""Energy by stimulus of two units, and where their order turns."""

import json
from types import SimpleNamespace

import pytest
from tiny_netlists import mapped_mac

from hwmodel.cost.stimuli import StimulusRatio, energies_by_stimulus, ratios_by_stimulus, turning
from hwmodel.errors import HwmodelError
from hwmodel.store import Store

NARROW, WIDE = "mac-int4-int4-int16", "mac-int5-int5-int20"


def test_every_unit_under_every_stimulus(tmp_path):
    units = {
        name: SimpleNamespace(
            netlist_json=json.dumps(mapped_mac(*sizes)[0]),
            delay_ns=4.0,
            clock_ns=None,
            structure="plain",
        )
        for name, sizes in ((NARROW, (4, 16)), (WIDE, (5, 20)))
    }
    names = ("uniform", "sparse90")
    energies = energies_by_stimulus(units, names, vectors=512, store=Store(tmp_path))
    assert {s: set(by) for s, by in energies.items()} == {s: {NARROW, WIDE} for s in names}
    ratios = ratios_by_stimulus(energies, NARROW)
    assert [(r.stimulus, r.unit) for r in ratios] == [(s, WIDE) for s in names]
    for ratio in ratios:
        base = energies[ratio.stimulus][NARROW]
        assert ratio.ratio == energies[ratio.stimulus][WIDE].fj_per_mac / base.fj_per_mac
        assert 1 < ratio.interval[0] < ratio.ratio < ratio.interval[1]
    assert energies["sparse90"][WIDE].fj_per_mac < energies["uniform"][WIDE].fj_per_mac
    assert turning(ratios) == ()
    with pytest.raises(HwmodelError, match="reference unit mac-int9"):
        ratios_by_stimulus(energies, "mac-int9-int9-int32")
    with pytest.raises(HwmodelError, match="'noise'"):
        energies_by_stimulus(units, ("uniform", "noise"))


def test_a_unit_turns_only_where_the_intervals_are_sure():
    def ratio(stimulus, unit, low, high):
        return StimulusRatio(stimulus, unit, "r", (low + high) / 2, (low, high))

    ratios = [
        *(ratio("dense", "x", 1.1, 1.2), ratio("sparse", "x", 0.8, 0.9)),
        *(ratio("dense", "y", 1.1, 1.2), ratio("sparse", "y", 0.9, 1.01)),
    ]
    assert turning(ratios) == ("x",)
