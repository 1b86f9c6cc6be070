import json
import os
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from hwmodel.cli.export import flow_texts
from hwmodel.cli.main import group
from hwmodel.errors import HwmodelError
from hwmodel.rtl import structures_for
from hwmodel.units import parse_unit


def test_files_of_openroad():
    texts = flow_texts("mac", "module mac; // mapped", "module mac;", 2.5, "openroad", "nangate45")
    assert "create_clock -name clk -period 2.5000 [get_ports clk]" in texts["mac.sdc"]
    assert "export DESIGN_NAME = mac\nexport PLATFORM = nangate45\n" in texts["config.mk"]
    assert "mapped" in texts["mac.mapped.v"]
    picoseconds = flow_texts("mac", "", "", 2.5, "openroad", "asap7")["mac.sdc"]
    assert "-period 2500.0000" in picoseconds


def test_files_of_librelane():
    texts = flow_texts("mac", "", "module mac;", 2.5, "librelane", "sky130A")
    config = json.loads(texts["config.json"])
    assert (config["DESIGN_NAME"], config["CLOCK_PERIOD"]) == ("mac", 2.5)
    assert config["VERILOG_FILES"] == ["dir::mac.rtl.v"]
    assert "--pdk sky130A" in texts["README"]


def test_a_library_without_platform_is_refused(tmp_path):
    arguments = ["export", "mac-int4-int4-int12", "-o", str(tmp_path), "--flow", "librelane"]
    done = CliRunner().invoke(group, arguments)
    assert isinstance(done.exception, HwmodelError)
    with pytest.raises(HwmodelError, match=r"no platform for nangate45; choose .* sky130hd"):
        raise done.exception
    assert not list(tmp_path.iterdir())


@pytest.fixture
def mapped(monkeypatch):
    """A unit that was synthesised: what it is called, how fast it is, and a netlist's text."""
    found = SimpleNamespace(
        netlist="module mapped; endmodule\n", structure="", delay_ns=2.0, met=True
    )
    found.structure = structures_for(parse_unit("mac-int2-int2-int4"))[0].name
    monkeypatch.setattr("hwmodel.synthesis.synthesize", lambda spec, cells, clock: found)
    monkeypatch.setattr("hwmodel.cli.export.chosen_library", lambda name, files: None)
    return found


def export(folder, *arguments):
    named = ["export", "mac-int2-int2-int4", "-o", str(folder), "--flow", "openroad"]
    return CliRunner().invoke(group, [*named, *arguments])


def test_the_set_is_written_whole_or_not_at_all(mapped, tmp_path, monkeypatch):
    assert export(tmp_path / "out").exit_code == 0
    before = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert len(before) == 5
    mapped.netlist = "module newer; endmodule\n"
    calls, sync = [], os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == len(before):
            raise OSError(28, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(HwmodelError, match="No space left on device"):
            raise export(tmp_path / "out", "--clock", "5").exception
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == before
    assert export(tmp_path / "out", "--clock", "5").exit_code == 0
    assert "newer" in (tmp_path / "out" / "mac_int2_int2_int4.mapped.v").read_text()


def test_the_configuration_comes_last_and_a_missed_clock_is_said(mapped, tmp_path):
    mapped.met = False
    done = export(tmp_path, "--clock", "1", "--json")
    assert json.loads(done.stdout)["files"][-1] == "config.mk"
    assert "1 ns was not reached, the netlist needs 2.000 ns" in done.stderr
    assert list(flow_texts("mac", "", "", 1.0, "librelane", "sky130A"))[-1] == "config.json"
