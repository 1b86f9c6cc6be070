"""Which runs a search asks for, told by netlists that are only figures."""

import math

import pytest

from hwmodel.rtl import Structure
from hwmodel.synthesis import search
from hwmodel.synthesis.mapping import Mapped
from hwmodel.synthesis.recipes import (
    Recipe,
    hasty_recipes,
    refining_recipes,
    screening_recipes,
    speed_recipes,
)
from hwmodel.synthesis.search import Candidate

FIRST, SECOND, THIRD = (
    Structure.parse(f"array-{adder}-separate") for adder in ("plain", "ripple", "sklansky")
)
CLOCK = 3.0
PLAIN = screening_recipes(CLOCK)[0]


def netlist(structure, recipe, area, delay):
    return Candidate(structure, recipe, Mapped("", area, 0.0, delay, {}))


class Pool:
    """Netlists as a table says, by structure and script; sizing meets the clock or does nothing."""

    def __init__(self, figures, reach=1.5):
        self.figures, self.reach = figures, reach
        self.asked, self.sized, self.grown = [], set(), []

    def tries(self, tries):
        self.asked += [(structure, recipe.script) for structure, recipe in tries]
        return [netlist(s, r, *self.figures[s, r.script]) for s, r in tries]

    def finish(self, candidate, step, clock):
        mapped = candidate.mapped
        self.grown.append((candidate.structure, candidate.recipe.script))
        late = max(1.0, mapped.delay_ns / clock)
        if late > self.reach:
            return candidate
        return netlist(
            candidate.structure,
            candidate.recipe,
            mapped.area_um2 * late**0.3,
            min(mapped.delay_ns, clock),
        )


def least_area_at(figures, **named):
    pool = Pool(figures, **named)
    structures = tuple({structure: None for structure, _ in figures})
    tried = [netlist(s, PLAIN, *figures[s, "amap"]) for s in structures]
    search._least_area_at(pool, tried, structures, CLOCK)
    return pool, tried


@pytest.fixture(autouse=True)
def two_recipes(monkeypatch):
    """Both ways to refine have scripts of their own here."""
    recipes = (Recipe("amap2"), Recipe("nf"))
    assert len(refining_recipes(CLOCK)) == len(recipes)
    monkeypatch.setattr(search, "refining_recipes", lambda clock: recipes)


def test_a_recipe_that_does_not_help_the_best_structure_is_not_tried_on_others():
    pool, tried = least_area_at(
        {
            **{(FIRST, "amap"): (100, 2.0), (FIRST, "amap2"): (99, 2.9), (FIRST, "nf"): (101, 2)},
            **{(SECOND, "amap"): (102, 2.0), (SECOND, "amap2"): (98, 2.0)},
        }
    )
    assert pool.asked == [(FIRST, "amap2"), (FIRST, "nf"), (SECOND, "amap2")]
    best = min(tried, key=lambda c: c.rank(CLOCK))
    assert (best.structure, best.mapped.area_um2) == (SECOND, 98)
    # 98 % of 100 is as little as shrinking may leave; what stays larger is left alone.
    assert (FIRST, "nf") not in pool.grown
    assert (SECOND, "amap2") in pool.grown


def test_only_structures_that_leave_room_are_mapped_for_speed():
    slow = {
        **{(FIRST, "amap"): (100, 3.9), (FIRST, "amap2"): (100, 4.0), (FIRST, "nf"): (100, 4.0)},
        **{(SECOND, "amap"): (85, 6.5), (THIRD, "amap"): (112, 6.0)},
        **{(SECOND, "mapa"): (105, 2.9)},
    }
    pool, tried = least_area_at(slow)
    grown = 100 * 1.3**0.3
    assert [asked for asked in pool.asked if asked[1] == "mapa"] == [(SECOND, "mapa")]
    assert min(c.mapped.area_um2 for c in tried if c.mapped.delay_ns <= CLOCK) == 105 < grown
    # It has time to spare, so it may shrink.
    assert (SECOND, "mapa") in pool.grown
    assert (THIRD, "amap") not in pool.grown


def test_the_quicker_script_is_for_structures_that_miss_the_clock():
    out_of_reach = {
        **{(s, "amap"): (100 + i, 9.0) for i, s in enumerate((FIRST, SECOND, THIRD))},
        **{(FIRST, "amap2"): (101, 9.0), (FIRST, "nf"): (101, 9.0)},
        **{(FIRST, "mapa"): (130, 2.8), (SECOND, "mapa"): (120, 5.0), (THIRD, "mapa"): (140, 5.0)},
        **{(SECOND, "map"): (125, 2.9)},
    }
    assert [r.script for r in (*speed_recipes(CLOCK), *hasty_recipes(CLOCK))] == ["mapa", "map"]
    pool, tried = least_area_at(out_of_reach)
    # The first one meets the clock; the third is larger than it already.
    assert [asked for asked in pool.asked if asked[1] == "map"] == [(SECOND, "map")]
    assert min(tried, key=lambda c: c.rank(CLOCK)).mapped.area_um2 == 125


def test_netlists_far_from_the_clock_are_not_grown():
    far = search._REACH * CLOCK
    pool = Pool({}, reach=math.inf)
    tried = [netlist(FIRST, PLAIN, 100, far + 0.1), netlist(SECOND, PLAIN, 110, far - 0.1)]
    search._size(pool, tried, CLOCK)
    assert pool.grown == [(SECOND, "amap")]
    assert tried[-1].mapped.delay_ns == CLOCK
