"""The result store: whole entries only, shared, and damage is no result."""

import json
import os
from pathlib import Path

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.store import (
    Store,
    atomic_write,
    check_writable,
    content_key,
    write_together,
)


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


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_that_belong_together_are_written_in_their_order(tmp_path):
    folder = tmp_path / "deep" / "out"
    assert write_together(folder, {"a": "1", "b": b"2"}) == [folder / "a", folder / "b"]
    (folder / "other").write_text("kept")
    write_together(folder, {"b": "3", "a": "4"})
    assert contents(folder) == {"a": "4", "b": "3", "other": "kept"}


@pytest.mark.parametrize("broken", range(1, 4))
def test_a_disk_that_is_full_at_any_file_leaves_the_old_set(tmp_path, monkeypatch, broken):
    old = {"a": "old a", "b": "old b"}
    write_together(tmp_path, old)
    calls, sync = [], os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == broken:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HwmodelError, match=r"cannot write a, c, b into .*: No space left on dev"):
        write_together(tmp_path, {"a": "new", "c": "new", "b": "new"})
    assert contents(tmp_path) == old


@pytest.mark.parametrize("broken", range(1, 6))
def test_a_move_that_fails_brings_back_what_stood_there(tmp_path, monkeypatch, broken):
    old = {"a": "old a", "b": "old b"}
    write_together(tmp_path, old)
    new = {"a": "new", "c": "new", "b": "new"}
    calls, replace, rename = [], Path.replace, Path.rename

    def counted(move):
        def step(path, target):
            # The moves into place are what is counted; those inside the hidden folder are not.
            inside = ".writing-" in str(path) and ".writing-" in str(target)
            calls.extend([] if inside else [path])
            if not inside and len(calls) == broken:
                raise OSError(5, "Input/output error")
            return move(path, target)

        return step

    monkeypatch.setattr(Path, "replace", counted(replace))
    monkeypatch.setattr(Path, "rename", counted(rename))
    with pytest.raises(HwmodelError, match="Input/output error"):
        write_together(tmp_path, new)
    monkeypatch.undo()
    assert contents(tmp_path) == old
    write_together(tmp_path, new)
    assert contents(tmp_path) == new


def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_the_folder_are_named(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(HwmodelError, match="b is a folder there"):
        write_together(tmp_path, {"a": "1", "b": "2"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HwmodelError, match=r"a file stands at .*where a folder is needed"):
            write_together(folder, {"a": "1"})
    with pytest.raises(HwmodelError, match=r"a file stands at .*where a folder is needed"):
        atomic_write(tmp_path / "file" / "a", "1")


def test_a_set_that_could_not_be_written_leaves_no_new_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(HwmodelError, match="No space left"):
        write_together(tmp_path / "new", {"a": "1"})
    assert not list(tmp_path.iterdir())


def test_a_folder_is_tried_without_a_trace(tmp_path):
    check_writable(tmp_path / "deep" / "er")
    assert not list(tmp_path.iterdir())
    (tmp_path / "old").mkdir()
    check_writable(tmp_path / "old")
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "deep" / "er", Path("/proc/nowhere")):
        with pytest.raises(HwmodelError, match=r"cannot write into .*; choose another folder"):
            check_writable(folder)
