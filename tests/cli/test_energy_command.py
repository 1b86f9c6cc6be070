import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tiny_netlists import mapped_mac

import hwmodel.synthesis
from hwmodel.cli.energy import command
from hwmodel.errors import HwmodelError

SPEC = "mac-int4-int4-int16"


@pytest.fixture
def synthesised(monkeypatch, own_cache):
    """Stand in for the search of synthesis; the netlist is a real one."""
    design, _ = mapped_mac(4, 16)
    asked = {}

    def stand_in(spec, library, clock_ns, progress):
        asked.update(spec=spec.name, library=library.name, clock_ns=clock_ns)
        progress("plain", 1, 1)
        return SimpleNamespace(
            netlist_json=json.dumps(design), delay_ns=2.0, clock_ns=clock_ns, structure="plain"
        )

    monkeypatch.setattr(hwmodel.synthesis, "synthesize", stand_in)
    return asked


def run(*arguments):
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def test_json_is_one_object_with_the_agreed_names(synthesised):
    result = run(SPEC, "--stimulus", "uniform", "--clock", "3", "--vectors", "512", "--json")
    entry = json.loads(result.stdout)
    assert entry["spec"] == SPEC == synthesised["spec"]
    assert (entry["stimulus"], entry["clock_ns"], entry["vectors"]) == ("uniform", 3.0, 512)
    assert entry["library"] == synthesised["library"]
    assert synthesised["clock_ns"] == 3.0
    assert entry["nets_annotated"] == 1.0
    low, high = entry["interval"]
    assert 0 < low < entry["fj_per_mac"] < high


def test_text_says_what_the_figure_holds_for(synthesised):
    text = run(SPEC, "--vectors", "512").stdout
    for phrase in ("fJ per MAC", "gaussian", "4 sigma", "2.000 ns", "typical", "annotated 100.0 %"):
        assert phrase in text
    assert "512 accumulator codes" in text


def test_several_stimuli_make_a_table_and_a_list(synthesised):
    names = ["uniform", "relu", "sparse90"]
    text = run(SPEC, "--stimulus", ",".join(names), "--vectors", "512").stdout
    assert all(name in text for name in (*names, "95 % interval", "90 % of the activations"))
    entries = json.loads(
        run(SPEC, "--stimulus", ",".join(names), "--vectors", "512", "--json").stdout
    )
    assert [entry["stimulus"] for entry in entries] == names
    assert entries[2]["fj_per_mac"] < entries[1]["fj_per_mac"] < entries[0]["fj_per_mac"]


def test_fast_says_that_glitches_are_left_out(synthesised):
    text = run(SPEC, "--fast", "--vectors", "8192").stdout
    for phrase in ("without glitches", "left out above", "event-driven run of 512", "modelled"):
        assert phrase in text
    entry = json.loads(run(SPEC, "--fast", "--vectors", "8192", "--json").stdout)
    assert "fj_per_mac" not in entry
    assert entry["how"]["corrected_fj_per_mac"].startswith("modelled")


def test_blocks_are_shares_with_what_they_hold_for(synthesised, monkeypatch):
    from hwmodel.cost import block_energy

    def stand_in(spec, result, stimulus, vectors, seed, library):
        shares = {"multiply": 0.7, "clock": 0.3}
        return block_energy.BlockEnergy(
            spec.name,
            "plain",
            "recipe",
            stimulus,
            shares,
            clock_by_block={"registers": 0.3},
            dynamic_fj_per_mac=100.0,
            leakage_shares={"multiply": 0.6, "registers": 0.4},
            leakage_fj_per_mac=5.0,
            fj_per_mac=105.0,
            clock_ns=2.0,
            note="kept apart",
        )

    monkeypatch.setattr(block_energy, "block_energy", stand_in)
    text = run(SPEC, "--blocks").stdout
    assert "multiply      70.0 %    60.0 %" in text
    assert "registers      0.0 %    40.0 %" in text
    assert "100.0 fJ    5.0 fJ" in text
    assert "kept apart" in text
    assert json.loads(run(SPEC, "--blocks", "--json").stdout)["shares"]["clock"] == 0.3
    assert run(SPEC, "--blocks", "--fast").exit_code == 2


def test_activity_goes_to_files_for_other_tools(synthesised, tmp_path):
    dump = tmp_path / "activity.vcd"
    text = run(SPEC, "--vcd", str(dump), "--vectors", "512").stdout
    assert "512 products" in text
    assert "$enddefinitions" in dump.read_text()
    assert dump.with_suffix(".v").read_text().startswith("module mac (")
    assert run(SPEC, "--vcd", str(dump), "--fast").exit_code == 2
    with pytest.raises(HwmodelError, match=r"suffix \.v"):
        run(SPEC, "--vcd", str(tmp_path / "activity.v"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SPEC, "--stimulus", "noise"), "expected a stimulus out of uniform"),
        ((SPEC, "--vectors", "10"), "at least 512 vectors"),
        ((SPEC, "--clock", "1.5", "--vectors", "512"), "too short"),
        ((SPEC, "--liberty", "absent.lib"), r"cannot read the Liberty file absent\.lib"),
        (("mac-int8",), "mac-int8"),
    ],
)
def test_mistakes_are_one_clear_sentence(synthesised, arguments, message):
    with pytest.raises(HwmodelError, match=message):
        run(*arguments)


def test_a_seed_below_zero_is_wrong_usage(synthesised):
    assert run(SPEC, "--seed", "-1").exit_code == 2


def test_a_library_without_power_is_refused_before_the_search(synthesised, monkeypatch):
    bare = SimpleNamespace(name="bare", has_power=False)
    monkeypatch.setattr("hwmodel.cli.energy.chosen_library", lambda name, files: bare)
    with pytest.raises(HwmodelError, match="bare has no internal-power tables"):
        run(SPEC)
    assert not synthesised
