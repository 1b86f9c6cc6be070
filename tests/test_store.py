"""The result store: whole entries only, shared, and damage is no result."""

import json
import os

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.store import Store, atomic_write, content_key


def test_a_saved_result_comes_back(tmp_path):
    store, key = Store(tmp_path), content_key(spec="x", clock=1.5)
    assert store.load("synth", key) is None
    store.save("synth", key, {"area": 1.25, "names": ["a"]})
    assert Store(tmp_path).load("synth", key) == {"area": 1.25, "names": ["a"]}


def test_keys_depend_on_content_not_on_order():
    assert content_key(a=1, b=2) == content_key(b=2, a=1) != content_key(a=1, b=3)


@pytest.mark.parametrize("damage", ["", "{", '{"payload": {"area": 2}, "check": "0"}', "[]"])
def test_a_damaged_entry_counts_as_none_and_is_named(tmp_path, capsys, damage):
    store, key = Store(tmp_path), content_key(a=1)
    store.save("synth", key, {"area": 1})
    store.path("synth", key).write_text(damage)
    assert store.load("synth", key) is None
    assert "damaged" in capsys.readouterr().err


def test_a_changed_payload_is_noticed(tmp_path):
    store, key = Store(tmp_path), content_key(a=1)
    store.save("synth", key, {"area": 1})
    entry = json.loads(store.path("synth", key).read_text())
    entry["payload"]["area"] = 2
    store.path("synth", key).write_text(json.dumps(entry))
    assert store.load("synth", key) is None


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    target = tmp_path / "result.json"
    atomic_write(target, "whole")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HwmodelError, match="No space left"):
        atomic_write(target, "new")
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]
