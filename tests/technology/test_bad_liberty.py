"""Liberty files and netlists that cannot serve: each gives one sentence that says what to do."""

import gzip
import re

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.sim.gates import build_gates
from hwmodel.technology import load_library, read_netlist, static_timing
from tests.technology.test_library import NANO, PICO, TINY

TEXT = TINY.format(**NANO)
# What static timing needs besides: an arc of the flip-flop, and its setup time.
TABLES = "".join(
    f'{name} (scalar) {{ values ("0.1"); }} '
    for name in ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
)
SETUP = TABLES.replace("cell_rise", "rise_constraint").replace("cell_fall", "fall_constraint")
TIMED = TEXT.replace(
    'function : "IQ";',
    f'function : "IQ"; timing () {{ related_pin : "C"; timing_type : rising_edge; {TABLES} }}',
).replace(
    "pin (D) { direction : input;",
    "pin (D) { direction : input;"
    f' timing () {{ related_pin : "C"; timing_type : setup_rising; {SETUP} }}',
)


def test_gzip_is_read_and_a_cut_one_refused(tmp_path):
    path = tmp_path / "tiny.lib.gz"
    whole = gzip.compress(TEXT.encode())
    path.write_bytes(whole)
    assert load_library(path).name == "tiny"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HwmodelError, match=r"cannot read the Liberty file .*tiny\.lib\.gz.*again"):
        load_library(path)
    path.write_bytes(b"\x1f\x8bno gzip at all")
    with pytest.raises(HwmodelError, match=r"cannot read the Liberty file .*tiny\.lib\.gz"):
        load_library(path)


def test_files_that_disagree_are_refused_together(tmp_path):
    one, two, three = (tmp_path / f"{name}.lib" for name in ("one", "two", "three"))
    one.write_text(TEXT)
    two.write_text(TINY.format(**PICO).replace("F)", "G)"))
    three.write_text(TEXT.replace("nom_voltage : 0.8", "nom_voltage : 0.9"))
    with pytest.raises(HwmodelError, match=r"two\.lib and .*one\.lib disagree in units \(time"):
        load_library([one, two])
    with pytest.raises(HwmodelError, match=r"three\.lib is for 0\.9 V and .*one\.lib for 0\.8 V"):
        load_library([one, three])
    assert load_library([one, one]).voltage == 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("ff (IQ, IQN)", "other (IQ, IQN)"), "has no flip-flop"),
        (lambda text: re.sub(r"\barea *:[^;]*;", "", text), "has an area"),
        (lambda text: text[: text.rindex("cell (F)")], r"cut off, fetch it again"),
        (lambda text: "", r"expected one library group"),
    ],
)
def test_a_file_that_lacks_something_says_what(tmp_path, change, message):
    path = tmp_path / "bad.lib"
    path.write_text(change(TEXT))
    with pytest.raises(HwmodelError, match=rf"bad\.lib.*{message}"):
        load_library(path)


def netlist(kind="N2"):
    """Two inputs into a NAND into a register."""
    gate = {"type": kind, "connections": {"A": [3], "B": [4], "Y": [5]}}
    register = {"type": "F", "connections": {"C": [2], "D": [5], "Q": [6]}}
    bits = {"clk": ("input", 2), "a": ("input", 3), "b": ("input", 4), "q": ("output", 6)}
    ports = {name: {"direction": way, "bits": [bit]} for name, (way, bit) in bits.items()}
    module = {"ports": ports, "cells": {"gate": gate, "register": register}, "netnames": {}}
    return {"modules": {"top": module}}


def test_without_power_tables_area_and_delay_work_and_energy_refuses(tmp_path):
    start = TIMED.index("internal_power () {")
    path = tmp_path / "tiny.lib"
    path.write_text(TIMED[:start] + TIMED[TIMED.index("}", TIMED.index("}", start)) + 3 :])
    library = load_library(path)
    assert not library.has_power
    circuit = read_netlist(netlist(), library)
    assert circuit.area(library) == 5.0
    assert static_timing(circuit, library).period_ns > 0.1
    with pytest.raises(HwmodelError, match=r"tiny has no internal-power tables.*energy needs"):
        build_gates(circuit, library)
    path.write_text(TIMED)
    assert load_library(path).has_power


@pytest.mark.parametrize("kind", ["$_NAND_", "NAND2_X9"])
def test_an_unmapped_cell_is_named(tmp_path, kind):
    path = tmp_path / "tiny.lib"
    path.write_text(TEXT)
    with pytest.raises(HwmodelError) as error:
        read_netlist(netlist(kind), load_library(path))
    assert f"{kind} (gate) is no cell of tiny" in str(error.value)


def test_units_of_the_file_are_told(tmp_path):
    path = tmp_path / "tiny.lib"
    path.write_text(TINY.format(**PICO))
    library = load_library(path)
    assert library.file_units == "0.001 ns, 1000 fF, 1 V, 1000 nW"
