"""A content-addressed store of finished results.

May be imported from anywhere; imports only ``errors``.

Every result lives in a file named by the hash of all that it depends on (specification, RTL,
recipe, library, stimulus, tool versions), written to a temporary file and moved into place. So a
killed run leaves no half-written result, a finished one is never lost, and two processes may
share a store. A damaged entry counts as absent, and is named once by each process that meets it.
"""

import contextlib
import errno
import gzip
import hashlib
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from hwmodel.errors import HwmodelError

__all__ = [
    "Store",
    "atomic_write",
    "cache_root",
    "check_writable",
    "content_key",
    "write_together",
]


# Read once: to ask for the mask is to change it, and two threads that asked at the same time could
# leave it changed.
_UMASK = os.umask(0)
os.umask(_UMASK)

# Damaged entries that were told of.
_told: set[Path] = set()


def cache_root() -> Path:
    """Folder of everything cached: ``$HWMODEL_CACHE``, else the user's cache folder."""
    named = os.environ.get("HWMODEL_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("hwmodel"))


def content_key(**parts: Any) -> str:
    """Hash of named parts (anything JSON can hold), the same in every process and folder."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    HwmodelError
        The file could not be written (disk full, no permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, data)
    except OSError as error:
        raise HwmodelError(
            f"cannot write {path}: {_reason(error)}; free some space or choose another"
            " folder (results finished so far are kept)"
        ) from error


def _write(path: Path, data: bytes | str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; a result is for whoever may read the folder.
        Path(temporary).chmod(0o666 & ~_UMASK)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _reason(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"a file stands at {error.filename}, or above it, where a folder is needed"
    return error.strerror or str(error)


def check_writable(folder: Path) -> None:
    """Refuse a folder that could not be written to, before hours are spent; leaves no trace.

    Raises
    ------
    HwmodelError
        A file stands in its place, or there is no permission or no space.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise HwmodelError(
            f"cannot write into {folder}: {_reason(error)}; choose another folder"
        ) from error
    finally:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()


def write_together(folder: Path, files: Mapping[str, bytes | str]) -> list[Path]:
    """Write files that belong together: all of them or none.

    They are written into a hidden folder first and moved when all are there, in the order given;
    where one cannot be moved, what stood there before comes back. Name the file last that says
    that the set is there: a kill between two moves then leaves that one as it was.

    Parameters
    ----------
    folder : Path
        Made if need be; other files in it are not touched.
    files : mapping of str to bytes or str
        Contents by file name.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    HwmodelError
        A file could not be written (disk full, no permission, a folder of its name).
    """
    existed = folder.exists()
    stage: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=folder, prefix=".writing-"))
        for name, data in files.items():
            _write(stage / name, data)
        _move_all(stage, folder, tuple(files))
    except OSError as error:
        raise HwmodelError(
            f"cannot write {', '.join(files)} into {folder}: {_reason(error)}; free some space or"
            " choose another folder (what stood there before is as it was)"
        ) from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        if not existed:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where nothing was put into it
    return [folder / name for name in files]


def _move_all(stage: Path, folder: Path, names: tuple[str, ...]) -> None:
    aside, moved = stage / "old", list[str]()
    aside.mkdir()
    try:
        for name in names:
            target = folder / name
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a folder there", str(target))
            if target.exists():
                target.rename(aside / name)
            moved.append(name)
            (stage / name).replace(target)
    except BaseException:
        for name in reversed(moved):
            if (aside / name).exists():
                (aside / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        raise


class Store:
    """Finished results by kind and key.

    Parameters
    ----------
    root : Path, optional
        Folder of the store; ``cache_root() / "results"`` if not given.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else cache_root() / "results"

    def path(self, kind: str, key: str, suffix: str = ".json") -> Path:
        """Path at which an entry stands or would stand."""
        return self.root / kind / key[:2] / f"{key}{suffix}"

    def load(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return the payload saved under `key`, or None where there is none (or a damaged one)."""
        path = self.path(kind, key)
        try:
            entry = json.loads(path.read_text())
            payload: dict[str, Any] = entry["payload"]
            if entry["check"] != content_key(payload=payload):
                raise ValueError("checksum differs")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _tell_damage(path, error)
            return None
        return payload

    def save(self, kind: str, key: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Save a payload (anything JSON can hold) and return it as a later load will give it."""
        payload = json.loads(json.dumps(payload))
        entry = {"check": content_key(payload=payload), "payload": payload}
        atomic_write(self.path(kind, key), json.dumps(entry, indent=1))
        return payload

    def load_bytes(self, kind: str, key: str, suffix: str) -> bytes | None:
        """Return a file saved beside an entry, or None where there is none.

        A file whose suffix ends in ``.gz`` carries a checksum: damaged, it counts as absent, too.
        What is inside other files, callers check.
        """
        path = self.path(kind, key, suffix)
        try:
            data = path.read_bytes()
            if suffix.endswith(".gz"):
                gzip.decompress(data)
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error) as error:
            _tell_damage(path, error)
            return None
        return data

    def save_bytes(self, kind: str, key: str, suffix: str, data: bytes) -> Path:
        """Save a file (netlist, array) beside an entry; save it before the entry that names it."""
        path = self.path(kind, key, suffix)
        atomic_write(path, data)
        return path


def _tell_damage(path: Path, error: Exception) -> None:
    if path not in _told:
        _told.add(path)
        print(
            f"hwmodel: the stored result {path} is damaged ({error}); it is computed again",
            file=sys.stderr,
        )
