"""RTLIL of the structures of a unit, made once.

Amaranth takes as long to write a design as Yosys to map a small one, and every search begins with
the designs of all structures: their hashes are part of its key.
"""

import functools
import gzip
import importlib.metadata
from hashlib import sha256
from pathlib import Path

import hwmodel
import hwmodel.rtl
from hwmodel.rtl import Structure, to_rtlil
from hwmodel.store import Store, content_key
from hwmodel.units import UnitSpec

__all__ = ["digest_of_files", "making_digest", "rtlil_of"]

_KIND = "design"
_SUFFIX = ".il.gz"
# What designs are made from.
_MAKING = ("formats", "units", "arithmetic")


def rtlil_of(spec: UnitSpec, structure: Structure, store: Store | None = None) -> str:
    """RTLIL of a unit; made once a process, and once at all with a store."""
    return _made(spec, structure) if store is None else _kept(spec, structure, store)


@functools.lru_cache(maxsize=256)
def _made(spec: UnitSpec, structure: Structure) -> str:
    return to_rtlil(spec, structure)


@functools.lru_cache(maxsize=256)
def _kept(spec: UnitSpec, structure: Structure, store: Store) -> str:
    key = content_key(
        spec=spec.name,
        structure=structure.name,
        source=making_digest(),
        amaranth=importlib.metadata.version("amaranth"),
    )
    packed = store.load_bytes(_KIND, key, _SUFFIX)
    if packed is not None:
        return gzip.decompress(packed).decode()
    text = _made(spec, structure)
    store.save_bytes(_KIND, key, _SUFFIX, gzip.compress(text.encode(), 4, mtime=0))
    return text


@functools.cache
def making_digest() -> str:
    """Hash of the source that designs are made from."""
    root = Path(hwmodel.__file__).parent
    folders = [*(root / name for name in _MAKING), Path(hwmodel.rtl.__file__).parent]
    return digest_of_files([path for folder in folders for path in sorted(folder.glob("*.py"))])


def digest_of_files(paths: list[Path]) -> str:
    """Hash of the names and contents of files."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
