import sys
from pathlib import Path

import pytest

import hwmodel
from hwmodel.rtl import structures_for
from hwmodel.store import Store
from hwmodel.synthesis import designs, keys, synthesize
from hwmodel.synthesis.keys import design_digests, result_key
from tests.synthesis.conftest import SMALL

INPUTS = {
    "spec": "mac-int4-int4-int12",
    "clock_ns": None,
    "designs": {"a": "1"},
    "scripts": "s",
    "versions": {"pyosys": "0.70"},
    "code": "c",
}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("spec", "mac-int4-int4-int16"),
        ("clock_ns", 2.0),
        ("designs", {"a": "2"}),
        ("scripts", "t"),
        ("versions", {"pyosys": "0.71"}),
        ("code", "d"),
    ],
)
def test_each_input_decides(name, other):
    assert result_key(**INPUTS) != result_key(**{**INPUTS, name: other})
    assert result_key(**INPUTS) == result_key(**INPUTS)


def test_an_edit_that_leaves_the_designs_alone_leaves_the_key_alone(store, library, monkeypatch):
    before = design_digests(SMALL, store)
    assert set(before) == {s.name for s in structures_for(SMALL)}
    assert len(set(before.values())) > 1
    made = []
    real = keys.rtlil_of
    monkeypatch.setattr(keys, "rtlil_of", lambda *made_of: made.append(1) or real(*made_of))
    assert design_digests(SMALL, store) == before
    assert not made  # kept
    # As after an edit in `formats`: the designs are made again, and are the same.
    monkeypatch.setattr(keys, "making_digest", lambda: "another source")
    assert design_digests(SMALL, store) == before
    assert len(made) == len(before)


def test_a_design_is_made_once_for_all_processes(tmp_path, monkeypatch):
    structure = structures_for(SMALL)[0]
    first = designs.rtlil_of(SMALL, structure, Store(tmp_path))
    assert first == designs.rtlil_of(SMALL, structure)
    monkeypatch.setattr(designs, "_made", lambda *_: pytest.fail("made again"))
    assert designs.rtlil_of(SMALL, structure, Store(tmp_path)) == first
    # As after an edit of what designs are made from.
    monkeypatch.setattr(designs, "_made", lambda *_: "another design")
    monkeypatch.setattr(designs, "making_digest", lambda: "another source")
    assert designs.rtlil_of(SMALL, structure, Store(tmp_path)) == "another design"


def test_a_changed_design_is_another_result(store, library, monkeypatch):
    module = sys.modules["hwmodel.synthesis.synthesize"]  # hidden behind the function
    asked = []
    monkeypatch.setattr(module, "search", lambda *_, **__: asked.append(1))
    monkeypatch.setattr(module, "_finish", lambda *_: None)
    monkeypatch.setattr(module, "_to_store", lambda result: {"some": "thing"})
    monkeypatch.setattr(module, "_from_store", lambda entry: entry)
    monkeypatch.setattr(module, "design_digests", lambda spec, store: {"a": "1"})
    synthesize(SMALL, library, 7.25, store=store)
    assert synthesize(SMALL, library, 7.25, store=store) == {"some": "thing"}
    assert len(asked) == 1
    monkeypatch.setattr(module, "design_digests", lambda spec, store: {"a": "2"})
    synthesize(SMALL, library, 7.25, store=store)
    assert len(asked) == 2


def test_what_decides_is_there():
    root = Path(hwmodel.__file__).parent
    for room, names in keys._DECIDING.items():
        there = {path.stem for path in (root / room).glob("*.py")} - {"__init__"}
        assert set(names) <= there
        # Nothing new goes unnoticed: these do not decide.
        assert there - set(names) <= {"catalogue", "designs", "keys", "result", "verify"}
