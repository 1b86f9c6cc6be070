import pytest

from hwmodel.rtl import structures_for, to_rtlil
from hwmodel.store import Store
from hwmodel.synthesis.mapping import load_netlist, map_design
from hwmodel.synthesis.recipes import Recipe
from hwmodel.technology import load_library
from hwmodel.units import parse_unit

SMALL = parse_unit("mac-int4-int4-int12")


@pytest.fixture(scope="session")
def library():
    return load_library()


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One store for the whole session: each run is made once."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def mapped_small(library, store):
    """A small unit mapped towards speed, so that there is something to shrink: figures, netlist."""
    rtlil = to_rtlil(SMALL, structures_for(SMALL)[0])
    mapped = map_design(rtlil, SMALL.identifier, Recipe("map", 300), library, store)
    return mapped, load_netlist(mapped, store)
