"""Energy by building block, of a small unit made by the package's own RTL."""

from types import SimpleNamespace

import pytest

from hwmodel.cost.block_energy import _recipe as block_recipe
from hwmodel.cost.block_energy import block_energy
from hwmodel.errors import HwmodelError
from hwmodel.rtl import structures_for
from hwmodel.synthesis.recipes import (
    deepened,
    hurried_recipes,
    hurried_screening,
    refining_recipes,
    screening_recipes,
    speed_recipes,
)
from hwmodel.units import parse_unit

SPEC = parse_unit("mac-int4-int4-int12")


def made(**changes):
    structure = next(s for s in structures_for(SPEC) if s.merge == "separate")
    known = {"structure": structure.name, "recipe": screening_recipes(None)[0].name}
    return SimpleNamespace(**{**known, "clock_ns": None, **changes})


def test_the_blocks_make_the_whole_and_each_takes_a_part():
    found = block_energy(SPEC, made(), vectors=512)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert {"multiply", "add", "registers", "clock"} <= set(found.shares)
    assert all(share > 0.01 for name, share in found.shares.items() if name != "control")
    assert sum(found.clock_by_block.values()) == pytest.approx(found.shares["clock"])
    assert "keeps the blocks apart" in found.note


def test_leakage_is_split_too_and_all_parts_make_the_energy_of_the_whole_run():
    found = block_energy(SPEC, made(), vectors=512)
    assert sum(found.leakage_shares.values()) == pytest.approx(1)
    # `fj_per_mac` comes from the cycles, the parts from the instances.
    together = found.dynamic_fj_per_mac + found.leakage_fj_per_mac
    assert together == pytest.approx(found.fj_per_mac, rel=1e-9)
    assert found.leakage_fj_per_mac > 0
    assert "clock" not in found.leakage_shares
    assert all(found.leakage_shares[name] > 0.01 for name in ("multiply", "add", "registers"))


def test_leakage_grows_with_the_period_and_its_shares_stay():
    fast = block_energy(SPEC, made(), vectors=512)
    slow_clock = 3 * fast.clock_ns
    structure = made()
    structure.recipe = screening_recipes(slow_clock)[0].name
    structure.clock_ns = slow_clock
    slow = block_energy(SPEC, structure, vectors=512)
    assert slow.clock_ns == slow_clock
    assert slow.leakage_fj_per_mac > 2 * fast.leakage_fj_per_mac


def test_still_operands_leave_the_clock():
    busy = block_energy(SPEC, made(), "uniform", vectors=512)
    quiet = block_energy(SPEC, made(), "sparse99", vectors=512)
    assert quiet.shares["clock"] > busy.shares["clock"]
    assert quiet.shares["multiply"] < busy.shares["multiply"]


def test_results_of_every_recipe_of_the_search_are_understood():
    dear = deepened(refining_recipes(None)[0])
    found = block_energy(SPEC, made(recipe=dear.name), vectors=512)
    assert found.recipe == dear.name.replace("deep", "amap")
    for recipe in (*speed_recipes(2.0), *hurried_screening(2.0), *hurried_recipes(2.0)):
        assert block_recipe(made(recipe=recipe.name, clock_ns=2.0)) == recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [({"structure": "magic"}, "expected a structure"), ({"recipe": "magic"}, "expected a recipe")],
)
def test_a_result_of_another_version_is_refused(change, message):
    with pytest.raises(HwmodelError, match=message):
        block_energy(SPEC, made(**change))
