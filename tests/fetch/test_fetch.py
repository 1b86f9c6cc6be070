import functools
import hashlib
import http.server
import os
import re
import threading
import zipfile
from pathlib import Path

import pytest

from hwmodel.accuracy.pins import PINS
from hwmodel.errors import HwmodelError, ToolError
from hwmodel.fetch import Pin, fetch

pytestmark = pytest.mark.usefixtures("own_cache")


def pin_for(path: Path, registry: str = "pypi") -> Pin:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return Pin(
        registry, "tinydata", "1.0", path.name, digest, len(data), "free", "bytes", "pool/main/t"
    )


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """Return a folder that pip takes for its only index, with one wheel in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    metadata = "tinydata-1.0.dist-info/METADATA"
    with zipfile.ZipFile(folder / "tinydata-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(metadata, "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n")
        wheel.writestr("tinydata-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tinydata-1.0.dist-info/RECORD", "")
        wheel.writestr("tinydata/__init__.py", "raise SystemExit('was run')")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def test_every_pin_is_complete():
    assert len({pin.file for pin in PINS}) == len(PINS)
    for pin in PINS:
        assert len(bytes.fromhex(pin.sha256)) == 32
        assert pin.size > 0
        assert pin.file.startswith(
            pin.name.replace("-", "_") if pin.registry == "pypi" else pin.name
        )
        assert pin.version in pin.file
        assert bool(pin.pool) == (pin.registry == "debian")


def test_wheel_is_fetched_once_said_and_checked_each_time(index, own_cache):
    wheel = index / "tinydata-1.0-py3-none-any.whl"
    pin, said = pin_for(wheel), []
    path = fetch(pin, said.append)
    assert path.read_bytes() == wheel.read_bytes()
    assert path.is_relative_to(own_cache)
    assert len(said) == 1
    assert "tinydata 1.0" in said[0]
    wheel.rename(index / "gone.txt")
    assert fetch(pin, said.append) == path  # from the cache, without pip
    assert len(said) == 1
    (index / "gone.txt").rename(wheel)
    path.write_bytes(b"damaged")
    assert fetch(pin, said.append).read_bytes() == wheel.read_bytes()
    assert "damaged" in said[1]
    assert [entry.name for entry in path.parent.iterdir()] == [pin.file]  # nothing half-done


def test_another_file_of_the_same_name_is_refused(index, own_cache):
    wheel = index / "tinydata-1.0-py3-none-any.whl"
    pin = pin_for(wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tinydata/more.py", "")
    with pytest.raises(ToolError, match=r"tinydata 1\.0 could not be fetched"):
        fetch(pin)
    assert not (own_cache / "workloads" / pin.file).exists()


def test_without_an_index_the_error_is_a_sentence_with_a_log(index):
    pin = pin_for(index / "tinydata-1.0-py3-none-any.whl")
    (index / "tinydata-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ToolError, match="connection to the package index is needed once") as caught:
        fetch(pin)
    log = Path(re.search(r"is kept in (\S+),", str(caught.value))[1])
    assert "tinydata" in log.read_text()


@pytest.fixture
def package(tmp_path) -> Path:
    path = tmp_path / "tree" / "pool" / "main" / "t" / "tinydata_1.0_all.deb"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a Debian package")
    return path


def fake_apt(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "apt-get").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("HWMODEL_DEBIAN_MIRROR", raising=False)


def test_debian_package_through_apt(package, tmp_path, monkeypatch):
    fake_apt(
        tmp_path / "bin",
        f'for last; do :; done; [ "$last" = tinydata=1.0 ] && cp {package} .',
        monkeypatch,
    )
    assert fetch(pin_for(package, "debian")).read_bytes() == package.read_bytes()


def test_apt_without_lists_gets_lists_of_our_own(package, tmp_path, monkeypatch, own_cache):
    script = (
        f'echo "$@" >> {tmp_path}/calls\n'
        'case "$*" in *Dir::State::lists*) ;; *) echo "E: Unable to locate"; exit 100;; esac\n'
        f'case "$*" in *download*) cp {package} .;; esac'
    )
    fake_apt(tmp_path / "bin", script, monkeypatch)
    assert fetch(pin_for(package, "debian")).read_bytes() == package.read_bytes()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["tinydata=1.0", "update", "tinydata=1.0"]
    assert f"Dir::State::lists={own_cache}" in calls[1]
    # Lists once fetched serve the next package, too.
    (own_cache / "apt" / "lists" / "mirror_Packages").touch()
    (own_cache / "workloads" / package.name).unlink()
    fetch(pin_for(package, "debian"))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls[3:]] == ["tinydata=1.0", "tinydata=1.0"]


def test_apt_that_fails_says_how_to_mend_it(package, tmp_path, monkeypatch):
    fake_apt(tmp_path / "bin", "echo E: no network; exit 100", monkeypatch)
    with pytest.raises(ToolError, match="HWMODEL_DEBIAN_MIRROR") as caught:
        fetch(pin_for(package, "debian"))
    assert "E: no network" in str(caught.value)


def test_debian_package_from_a_named_mirror(package, tmp_path, monkeypatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "tree"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HWMODEL_DEBIAN_MIRROR", mirror)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert fetch(pin_for(package, "debian")).read_bytes() == package.read_bytes()
        other = pin_for(package, "debian")
        package.write_bytes(b"another package of that name")
        fetch(other).unlink()
        with pytest.raises(HwmodelError, match=r"has SHA-256 .* expected"):
            fetch(other)
        package.unlink()
        with pytest.raises(HwmodelError, match=r"could not be fetched .*404"):
            fetch(other)
        server.shutdown()
    monkeypatch.setenv("HWMODEL_DEBIAN_MIRROR", "file:///etc")
    with pytest.raises(HwmodelError, match="expected an http"):
        fetch(other)
