"""Fetch pinned files from the package registries, each through its own client.

PyPI files come through the running interpreter's pip (so the user's index, proxy and certificate
settings hold), Debian files through ``apt-get download``, or from the mirror that
``HWMODEL_DEBIAN_MIRROR`` names. Nothing is installed and nothing in the files is run. A file is
checked against its pinned SHA-256 before it enters the cache and again each time it is used.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hwmodel.errors import HwmodelError, ToolError, last_lines
from hwmodel.fetch.pin import Pin
from hwmodel.store import cache_root

__all__ = ["fetch", "file_sha256"]

Progress = Callable[[str], None]

MIRROR_VARIABLE = "HWMODEL_DEBIAN_MIRROR"


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(pin: Pin, progress: Progress | None = None, shelf: str = "workloads") -> Path:
    """Return the path of a pinned file in the cache, downloading it where it is not there.

    Parameters
    ----------
    pin : Pin
        The file.
    progress : callable, optional
        Called with one line before a download starts.
    shelf : str
        Folder of the cache that keeps it.

    Raises
    ------
    HwmodelError
        The file cannot be had (offline, not on the registry) or its checksum differs.
    """
    folder = cache_root() / shelf
    path = folder / pin.file
    if path.is_file():
        if file_sha256(path) == pin.sha256:
            return path
        if progress:
            progress(f"{path} is damaged (checksum differs); fetching it again")
    if progress:
        progress(f"fetching {pin.name} {pin.version} ({pin.size / 1e6:.1f} MB): {pin.holds}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
            fetched = _FETCHERS[pin.registry](pin, Path(part))
            got = file_sha256(fetched)
            if got != pin.sha256:
                raise HwmodelError(
                    f"{pin.file} has SHA-256 {got}, expected {pin.sha256}; the registry or a proxy"
                    " serves another file: it is not used"
                )
            fetched.replace(path)
    except OSError as error:
        raise HwmodelError(
            f"cannot keep {pin.file} in {folder}: {error.strerror or error}; free"
            f" {pin.size / 1e6:.0f} MB or set HWMODEL_CACHE to another folder"
        ) from error
    return path


def _run(command: list[str], folder: Path, what: str, mend: str) -> None:
    """Run a client; on failure raise ToolError with its last lines and the path of its log."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError(f"{what} needs {command[0]}, which is not installed; {mend}") from error
    if done.returncode != 0:
        log = cache_root() / "logs" / f"fetch-{what.replace(' ', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout)
        raise ToolError(
            f"{what} could not be fetched; {mend}. The log of {command[0]} is kept in {log}, and"
            f" its last lines are:{last_lines(done.stdout, 3)}"
        )


def _from_pypi(pin: Pin, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(folder)]
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{pin.name}=={pin.version} --hash=sha256:{pin.sha256}\n")
    command += ["--require-hashes", "--requirement", str(wanted)]
    if pin.file.endswith(".whl"):
        command += ["--only-binary", ":all:"]
    _run(
        command,
        folder,
        f"{pin.name} {pin.version}",
        "a connection to the package index is needed once (pip's own settings are used)",
    )
    return folder / pin.file


def _from_debian(pin: Pin, folder: Path) -> Path:
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        return _from_mirror(pin, folder, mirror)
    mend = (
        f"a connection to Debian's packages is needed once: through apt, or set {MIRROR_VARIABLE}"
        " to the address of a Debian mirror"
    )
    if shutil.which("apt-get") is None:
        raise ToolError(f"{pin.file} comes from Debian, and apt-get is not installed; {mend}")
    what = f"{pin.name} {pin.version}"
    # Works for any user: where the system has no lists (or others), lists and caches of our own.
    own = cache_root() / "apt"
    private = ["-o", f"Dir::State::lists={own / 'lists'}", "-o", f"Dir::Cache={own}"]
    private += ["-o", "Debug::NoLocking=1"]
    base = ["apt-get", "-q", "-o", "APT::Sandbox::User="]
    wanted = ["download", f"{pin.name}={pin.version}"]
    try:
        _run([*base, *wanted], folder, what, mend)
    except ToolError:
        try:
            if not any((own / "lists").glob("*Packages*")):
                raise
            _run([*base, *private, *wanted], folder, what, mend)
        except ToolError:
            (own / "lists" / "partial").mkdir(parents=True, exist_ok=True)
            _run([*base, *private, "update"], folder, "the list of Debian packages", mend)
            _run([*base, *private, *wanted], folder, what, mend)
    return folder / pin.file


def _from_mirror(pin: Pin, folder: Path, mirror: str) -> Path:
    address = f"{mirror.rstrip('/')}/{pin.pool}/{pin.file}"
    if not address.startswith(("http://", "https://")):
        raise HwmodelError(
            f"{MIRROR_VARIABLE} is {mirror!r}, expected an http(s) address of a Debian mirror"
        )
    target = folder / pin.file
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, TimeoutError) as error:
        raise HwmodelError(
            f"{address} could not be fetched ({error}); check the connection or name another"
            f" mirror in {MIRROR_VARIABLE}"
        ) from error
    return target


_FETCHERS: dict[str, Callable[[Pin, Path], Path]] = {"pypi": _from_pypi, "debian": _from_debian}
