import copy

import pytest

from hwmodel.errors import ToolError
from hwmodel.rtl import structures_for, to_rtlil
from hwmodel.synthesis import mapping
from hwmodel.synthesis.flow import dont_use_patterns
from hwmodel.synthesis.mapping import load_netlist, map_blocks, map_design, size_mapped
from hwmodel.synthesis.polish import polish
from hwmodel.synthesis.recipes import (
    AREA_SCRIPTS,
    DEFAULT_FLOW,
    SPEED_SCRIPTS,
    Recipe,
    refining_recipes,
    screening_recipes,
)
from hwmodel.synthesis.verify import check_netlist
from hwmodel.technology.netlist import read_netlist
from tests.synthesis.conftest import SMALL

TOP = SMALL.identifier


def design(place=0):
    return to_rtlil(SMALL, structures_for(SMALL)[place])


def test_a_mapped_unit_computes_what_the_golden_model_says(mapped_small, library):
    _, netlist = mapped_small
    assert check_netlist(SMALL, read_netlist(netlist, library), library) == 2048 * 20


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(DEFAULT_FLOW),
        Recipe("amap", adder="ripple", adder_cells=True, complement=True),
        Recipe("nf", coarse="booth-lowpower", adder="ripple", adder_cells=True),
        Recipe("balance", 500, coarse="arith-tree", adder="sklansky"),
        Recipe("fraig", 500, coarse="noalumacc", adder="kogge-stone", complement=True),
    ],
    ids=lambda recipe: recipe.name,
)
def test_every_kind_of_recipe_gives_a_right_netlist(recipe, library, store):
    plain = next(s for s in structures_for(SMALL) if s.multiplier == "plain")
    mapped = map_design(to_rtlil(SMALL, plain), TOP, recipe, library, store)
    netlist = read_netlist(load_netlist(mapped, store), library)
    check_netlist(SMALL, netlist, library)
    assert mapped.area_um2 == pytest.approx(netlist.area(library))
    assert mapped.register_area_um2 < mapped.area_um2
    assert sum(mapped.cells.values()) == len(netlist.instances)
    assert ("FA_X1" in mapped.cells) == recipe.adder_cells


def test_a_netlist_with_one_wrong_gate_is_refused(mapped_small, library):
    _, netlist = mapped_small
    wrong = copy.deepcopy(netlist)
    cells = wrong["modules"][TOP]["cells"]
    gate = next(name for name, cell in cells.items() if cell["type"].startswith("XNOR2"))
    cells[gate]["type"] = cells[gate]["type"].replace("XNOR2", "XOR2")
    cells[gate]["connections"]["Z"] = cells[gate]["connections"].pop("ZN")
    with pytest.raises(ToolError, match=r"differs from the golden model: stream .* expected acc="):
        check_netlist(SMALL, read_netlist(wrong, library), library)


def test_a_netlist_without_the_highest_bit_of_its_sum_is_refused(mapped_small, library):
    _, netlist = mapped_small
    wrong = copy.deepcopy(netlist)
    wrong["modules"][TOP]["ports"]["acc"]["bits"].pop()
    with pytest.raises(ToolError, match=r"has 11 bits at its output acc, expected 12"):
        check_netlist(SMALL, read_netlist(wrong, library), library)


def test_a_finished_run_is_not_made_again(mapped_small, library, store, monkeypatch):
    monkeypatch.setattr(mapping, "run_yosys", lambda *_: pytest.fail("ran again"))
    mapped, _ = mapped_small
    assert map_design(design(), TOP, Recipe("map", 300), library, store) == mapped


def test_something_unmapped_is_an_error(library, store, own_cache):
    bus = """
module \\top
  wire input 1 \\en
  wire input 2 \\d
  wire output 3 \\q
  cell $tribuf $1
    parameter \\WIDTH 1
    connect \\EN \\en
    connect \\A \\d
    connect \\Y \\q
  end
end
"""
    with pytest.raises(ToolError, match="unmapped internal cell"):
        map_design(bus, "top", Recipe("amap"), library, store)


def test_polish_saves_area_and_keeps_the_function(library, store):
    mapped = map_design(design(), TOP, Recipe(DEFAULT_FLOW), library, store)
    raw = load_netlist(mapped, store)
    better = polish(raw, TOP, library)
    netlist = read_netlist(better, library)
    assert netlist.area(library) < read_netlist(raw, library).area(library)
    check_netlist(SMALL, netlist, library)
    assert polish(better, TOP, library) == better


def test_no_inverter_is_left_behind_a_register(library, store):
    recipe = Recipe("amap", complement=True)
    mapped = map_design(design(), TOP, recipe, library, store)
    netlist = read_netlist(load_netlist(mapped, store), library)
    outputs = {
        net
        for instance in netlist.instances
        if library.cells[instance.cell].flip_flop is not None
        for pin, net in instance.pins.items()
        if pin in ("Q", "QN")
    }
    inverters = [i for i in netlist.instances if i.cell.startswith("INV")]
    assert inverters
    assert not [i for i in inverters if i.pins["A"] in outputs]


def test_sizing_for_area_costs_nothing_and_is_kept(mapped_small, library, store, monkeypatch):
    mapped, _ = mapped_small
    small = size_mapped(mapped, TOP, library, store, None)
    assert small.area_um2 < mapped.area_um2
    monkeypatch.setattr(mapping, "Sizer", lambda *_: pytest.fail("sized again"))
    assert size_mapped(mapped, TOP, library, store, None) == small


def test_blocks_hold_all_registers_and_about_the_whole_area(mapped_small, library, store):
    from hwmodel.synthesis.synthesize import block_modules

    rtlil = design()
    children = block_modules(rtlil, TOP)
    recipe = Recipe("amap", complement=True)
    blocks = map_blocks(rtlil, TOP, children, recipe, library, store)
    flat = map_design(rtlil, TOP, recipe, library, store)
    assert blocks["registers"] == pytest.approx(flat.register_area_um2)
    assert "multiply" in blocks
    assert sum(blocks.values()) == pytest.approx(flat.area_um2, rel=0.2)


@pytest.mark.parametrize("clock", [None, 1.0])
def test_recipes_have_names_of_their_own_and_known_scripts(clock):
    recipes = screening_recipes(clock) + refining_recipes(clock)
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    for recipe in recipes:
        known = AREA_SCRIPTS if recipe.delay_ps is None else SPEED_SCRIPTS
        assert recipe.script in known
        assert "{D}" not in recipe.abc_script()


def test_cells_that_a_library_marks_are_not_used(library):
    assert dont_use_patterns(library) == tuple(
        sorted(cell.name for cell in library.cells.values() if cell.dont_use)
    )
