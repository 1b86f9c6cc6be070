import json

import pytest
from click.testing import CliRunner

from hwmodel.cli.export import flow_texts
from hwmodel.cli.main import group
from hwmodel.errors import HwmodelError


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
