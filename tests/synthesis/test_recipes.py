"""Which recipes a search knows for which goal."""

from hwmodel.synthesis.recipes import refining_recipes, screening_recipes


def test_what_serves_a_clock_serves_the_least_area_too():
    # Else a unit could be smaller at a clock than at its minimum area.
    at_clock = {*screening_recipes(3.0), *refining_recipes(3.0)}
    least = {*screening_recipes(None), *refining_recipes(None)}
    assert {recipe for recipe in at_clock if recipe.script == "amap"} <= least
