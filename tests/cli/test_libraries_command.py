import json

import pytest
from click.testing import CliRunner

from hwmodel.cli.main import group
from hwmodel.errors import HwmodelError
from tests.technology.test_library import NANO, TINY


@pytest.fixture
def own(tmp_path, monkeypatch, own_cache):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PDK_ROOT", raising=False)
    folder = tmp_path / "own" / "mine"
    folder.mkdir(parents=True)
    (folder / "mine.lib").write_text(TINY.format(**NANO))
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(folder.parent))
    return folder


def test_the_list_says_what_is_here_and_how_to_get_the_rest(own):
    done = CliRunner().invoke(group, ["libraries", "--units", "--json"])
    assert done.exit_code == 0
    rows = {row["name"]: row for row in json.loads(done.output)["libraries"]}
    assert rows["nangate45"]["present"]
    assert rows["nangate45"]["nand2_um2"] == pytest.approx(0.798)
    assert rows["mine"]["corners"] == ["all files"]
    assert rows["mine"]["voltage"] == 0.8
    assert not rows["sky130hd"]["present"]
    assert "ciel enable" in rows["sky130hd"]["how"]
    text = CliRunner().invoke(group, ["libraries"]).output
    assert "not here: pip install ciel" in text
    assert str(own) in text


def test_a_damaged_library_is_listed_with_its_problem(own):
    (own / "mine.lib").write_text("library (x) {")
    done = CliRunner().invoke(group, ["libraries", "--units"])
    assert done.exit_code == 0
    assert "cannot serve" in done.output


@pytest.mark.parametrize("command", ["synth", "energy"])
def test_commands_take_a_library_by_name(own, command):
    arguments = [command, "mac-int4-int4-int12", "--library", "sky130hd"]
    done = CliRunner().invoke(group, arguments)
    assert isinstance(done.exception, HwmodelError)
    assert "sky130hd is not on this machine" in str(done.exception)
    both = CliRunner().invoke(group, [*arguments, "--liberty", str(own / "mine.lib")])
    assert both.exit_code == 2
