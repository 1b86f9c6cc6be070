import re

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.fetch import Pin
from hwmodel.technology import catalogue, load_library
from hwmodel.technology.catalogue import CATALOGUE, find_library, library_files, named
from tests.technology.test_library import NANO, TINY

TEXT = TINY.format(**NANO)
# Layouts of open_pdks as ciel unpacks them, and of IHP's kit.
PLACES = {
    "sky130hd": ("sky130A/libs.ref/sky130_fd_sc_hd/lib", "sky130_fd_sc_hd__{}.lib"),
    "ihp-sg13g2": ("ihp-sg13g2/libs.ref/sg13g2_stdcell/lib", "sg13g2_stdcell_{}.lib"),
    "gf180": ("gf180mcuD/libs.ref/gf180mcu_fd_sc_mcu7t5v0/lib", "gf180mcu_fd_sc_mcu7t5v0__{}.lib"),
}


@pytest.fixture(autouse=True)
def bare_machine(tmp_path, monkeypatch, own_cache):
    """Return a machine without any library but the default one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.delenv("HWMODEL_LIBRARIES", raising=False)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("root", ["PDK_ROOT", "home"])
def test_kits_of_ciel_are_found_with_their_corners(name, root, tmp_path, monkeypatch):
    with pytest.raises(HwmodelError, match=rf"{name} is not on this machine; pip install ciel"):
        load_library(name)
    base = tmp_path / "home" / ".ciel" if root == "home" else tmp_path / "pdk"
    if root == "PDK_ROOT":
        monkeypatch.setenv("PDK_ROOT", str(base))
    folder, pattern = PLACES[name]
    (base / folder).mkdir(parents=True)
    usual = named(name).corner
    for corner in ("another_corner", usual):
        text = TEXT.replace("nom_voltage : 0.8", f"nom_voltage : {1 if corner == usual else 2}")
        (base / folder / pattern.format(corner)).write_text(text)
    (base / folder / "unrelated.lib").write_text("")
    assert set(find_library(name).corners) == {usual, "another_corner"}
    assert load_library(name).voltage == 1
    assert load_library(f"{name},another_corner").voltage == 2
    with pytest.raises(HwmodelError, match=rf"no corner 'hot'; it has another_corner, {usual}"):
        load_library(f"{name},hot")


def test_a_folder_of_the_user_is_a_library_and_goes_first(tmp_path, monkeypatch):
    root = tmp_path / "own"
    for name, file in (("mine", "a.lib"), ("nangate45", "stdcells.lib")):
        (root / name).mkdir(parents=True)
        (root / name / file).write_text(TEXT)
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(root))
    assert load_library("mine").name == "tiny"
    assert load_library("nangate45").name == "tiny"
    assert catalogue.user_libraries() == ("mine",)


def test_names_that_are_none_are_told_what_there_is():
    with pytest.raises(HwmodelError, match=r"nangate45, osu018.*but 'nangate54' came"):
        load_library("nangate54")
    with pytest.raises(HwmodelError, match=r"cannot read the Liberty file nangate54\.lib"):
        load_library("nangate54.lib")
    assert load_library("nangate45") is load_library()


def test_asap7_takes_the_files_of_one_corner_together(tmp_path, monkeypatch):
    folder = tmp_path / "own" / "asap7"
    folder.mkdir(parents=True)
    for part in ("AO", "SEQ"):
        for corner in ("RVT_TT", "RVT_SS"):
            (folder / f"asap7sc7p5t_{part}_{corner}_nldm_211120.lib").write_text(TEXT)
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(folder.parent))
    names = [path.name for path in library_files("asap7")]
    assert len(names) == 2
    assert all("RVT_TT" in name for name in names)


def test_a_package_of_debian_is_fetched_once_and_unpacked(own_cache, monkeypatch, tmp_path):
    entry, fetched = named("osu018"), []
    monkeypatch.setattr(
        catalogue, "_folders", lambda entry: [own_cache / "libraries" / entry.places[0]]
    )

    def fake_fetch(pin, tell, shelf):
        fetched.append((pin, shelf))
        return tmp_path / pin.file

    def fake_members(path, wanted):
        files = {
            "usr/share/qflow/tech/osu018/osu018_stdcells.lib": TEXT.encode(),
            "usr/share/qflow/tech/osu018/osu018_stdcells.v": b"",
        }
        return {name: data for name, data in files.items() if wanted(name)}

    monkeypatch.setattr(catalogue, "fetch", fake_fetch)
    monkeypatch.setattr("hwmodel.fetch.archives.deb_members", fake_members)
    assert load_library("osu018").name == "tiny"
    load_library("osu018")
    assert fetched == [(entry.pin, "libraries")]
    kept = [path.name for path in (own_cache / "libraries").rglob("*") if path.is_file()]
    assert kept == ["osu018_stdcells.lib"]


def test_the_records_are_complete():
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert re.compile(entry.files).groupindex.keys() == {"corner"}
        assert entry.how
        assert entry.licence
        if entry.pin is not None:
            assert isinstance(entry.pin, Pin)
            assert len(bytes.fromhex(entry.pin.sha256)) == 32


@pytest.mark.parametrize("name", ["sky130hd", "asap7", "ihp-sg13g2", "gf180"])
def test_real_libraries_are_what_their_records_say(name, shared, monkeypatch):
    monkeypatch.setenv("HWMODEL_LIBRARIES", str(shared / "liberty"))
    if find_library(name) is None:
        pytest.skip(f"no Liberty files of {name} in {shared / 'liberty'}")
    entry, library = named(name), load_library(name)
    assert library.name.startswith(entry.liberty_name)
    assert library.voltage == pytest.approx(entry.supply)
    assert library.has_power
    assert catalogue.kept_out(library.name) == entry.dont_use
