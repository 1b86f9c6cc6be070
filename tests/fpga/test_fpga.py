"""Units in FPGA cells: counts, the check against the golden model, and the routed clock."""

import importlib.util
import json
import shutil

import pytest
from click.testing import CliRunner

from hwmodel.cli.fpga import command
from hwmodel.errors import HwmodelError, ToolError
from hwmodel.fpga import FAMILIES, map_fpga, parse_family, route
from hwmodel.fpga.check import check_mapped, models_of
from hwmodel.rtl import Structure
from hwmodel.store import Store
from hwmodel.units import parse_unit

UNIT = parse_unit("mac-int4-int4-int12")
STRUCTURES = (Structure.parse("array-plain-fused"), Structure.parse("plain-plain-separate"))
needs_simulator = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus Verilog is not installed"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@needs_simulator
@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_cells_are_counted_and_compute_what_the_golden_model_says(family, store):
    result = map_fpga(UNIT, family, dsp=False, structures=STRUCTURES, store=store)
    assert result.checked_vectors >= 1000
    # 4 + 4 operand bits, valid, clear and 12 of the accumulator; a constant one may be shared.
    assert 20 <= result.flip_flops <= 22
    assert result.dsps == 0
    assert result.luts == sum(n for c, n in result.cells.items() if "LUT4" in c) > 10
    assert set(result.tried) == {s.name for s in STRUCTURES}
    luts, carries, _ = result.tried[result.structure]
    assert luts + carries == min(a + b for a, b, _ in result.tried.values())
    again = map_fpga(UNIT, family, dsp=False, structures=STRUCTURES, store=store)
    assert again == result


def test_a_dsp_block_takes_the_multiplier_where_it_may(store):
    plain = (Structure.parse("plain-plain-separate"),)
    unit = parse_unit("mac-int8-int8-int20")
    result = map_fpga(unit, "ecp5", structures=plain, store=store)
    assert result.dsps == 1
    # Yosys has no model of it, which is said and not passed over.
    assert result.checked_vectors == 0


@needs_simulator
def test_a_wrong_netlist_is_caught(store):
    result = map_fpga(UNIT, "ecp5", dsp=False, structures=STRUCTURES[:1], store=store)
    netlist = json.loads(result.netlist_json)
    assert netlist["modules"]
    other = parse_unit("mac-uint4-int4-int12")  # the same ports, another function
    wrong = map_fpga(other, "ecp5", dsp=False, structures=STRUCTURES[:1], store=store)
    entries = list((store.root / "fpga-mapping").rglob("*.json"))
    texts = [json.loads(path.read_text())["payload"]["verilog"] for path in entries]
    (verilog,) = [text for text in texts if f"module {other.identifier}(" in text]
    verilog = verilog.replace(other.identifier, UNIT.identifier)
    with pytest.raises(ToolError, match="differs from the golden model"):
        check_mapped(UNIT, FAMILIES["ecp5"], verilog, set(wrong.cells))


def test_models_come_with_what_they_are_made_of():
    models = models_of(FAMILIES["ecp5"], {"CCU2C"})
    assert "module LUT4" in models  # of which a carry cell is made
    assert "module DCUA" not in models
    assert models_of(FAMILIES["ecp5"], {"MULT18X18D"}) is None


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_a_unit_is_placed_and_routed(family, store):
    if importlib.util.find_spec(FAMILIES[family].router) is None:
        pytest.skip(f"{FAMILIES[family].router} is not installed")
    result = map_fpga(UNIT, family, dsp=False, structures=STRUCTURES[:1], store=store)
    clock = route(result, seeds=2, store=store)
    assert 20 < clock.mhz < 500
    assert clock.delay_ns == pytest.approx(1000 / clock.mhz)
    assert len(clock.per_seed_mhz) == 2


@pytest.mark.slow
@needs_simulator
def test_xilinx_cells_are_checked_too(store):
    result = map_fpga(UNIT, "xilinx", dsp=False, structures=STRUCTURES, store=store)
    assert result.checked_vectors >= 1000
    with pytest.raises(HwmodelError, match="no free router"):
        route(result)


def test_unknown_families_and_missing_parts_are_told(store):
    with pytest.raises(HwmodelError, match="nearest known ones are ecp5"):
        parse_family("ecp")
    done = CliRunner().invoke(command, ["mac-int4-int4-int12", "--family", "virtex"])
    assert isinstance(done.exception, HwmodelError)
    with pytest.raises(HwmodelError, match="golden model has it"):
        map_fpga(parse_unit("mac-e4m3-e4m3-chunk4_fp16_fp32"), store=store)
