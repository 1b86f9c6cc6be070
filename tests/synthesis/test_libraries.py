"""Other technologies; each is skipped where its Liberty file is not at hand."""

import pytest

from hwmodel.rtl import structures_for, to_rtlil
from hwmodel.synthesis.flow import dont_use_patterns, unused_cells
from hwmodel.synthesis.mapping import load_netlist, map_design, size_mapped
from hwmodel.synthesis.recipes import Recipe
from hwmodel.synthesis.verify import check_netlist
from hwmodel.technology import load_library
from hwmodel.technology.netlist import read_netlist
from tests.synthesis.conftest import SMALL

FOLDERS = ("sky130hd", "ihp-sg13g2", "asap7", "gf180")


@pytest.fixture(params=[pytest.param(f, marks=pytest.mark.slow) for f in FOLDERS])
def other_library(request, shared):
    files = sorted((shared / "liberty" / request.param).glob("*.lib.gz"))
    if not files:
        pytest.skip(f"no Liberty files in {shared / 'liberty' / request.param}")
    return load_library(files)


def test_a_unit_maps_to_another_technology(other_library, store):
    top = SMALL.identifier
    rtlil = to_rtlil(SMALL, structures_for(SMALL)[0])
    recipe = Recipe("amap", adder="ripple", adder_cells=True, complement=True)
    mapped = map_design(rtlil, top, recipe, other_library, store)
    sized = size_mapped(mapped, top, other_library, store, None)
    netlist = read_netlist(load_netlist(sized, store), other_library)
    check_netlist(SMALL, netlist, other_library)
    assert 0 < sized.register_area_um2 < sized.area_um2 <= mapped.area_um2
    assert sized.delay_ns > 0
    assert dont_use_patterns(other_library)
    assert not set(sized.cells) & unused_cells(other_library)
