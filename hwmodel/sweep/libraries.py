"""Liberty files by their content, so that a sweep on other hosts means the same library.

A path of this host may not exist on another, or name something else there. So a library is known
by the hash of its text; its files go with the work (compressed), and a worker that has not seen
them puts them into its own cache under that hash.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from hwmodel.errors import HwmodelError
from hwmodel.store import atomic_write, cache_root
from hwmodel.technology.library import default_library

__all__ = ["Liberty", "PackedLiberty", "find_liberty", "pack", "unpack"]

PackedLiberty = tuple[tuple[str, bytes], ...]
"""Name and gzip-compressed content of each file."""


@dataclass(frozen=True)
class Liberty:
    """A library as a sweep knows it.

    Attributes
    ----------
    files : tuple of str
        Its files on the host that asks.
    sha256 : str
        Hash of their texts, compressed or not.
    """

    files: tuple[str, ...]
    sha256: str

    @property
    def label(self) -> str:
        """Names of the files without their folders."""
        return ",".join(Path(file).name for file in self.files)


def find_liberty(files: tuple[str, ...]) -> Liberty:
    """Hash the files of a library; NanGate 45 nm if there are none.

    A damaged archive is hashed as it is: that it is damaged, its points will say.

    Raises
    ------
    HwmodelError
        A file cannot be read.
    """
    names = files or (str(default_library()),)
    digests = []
    for name in names:
        try:
            raw = Path(name).read_bytes()
        except OSError as error:
            raise HwmodelError(
                f"cannot read the Liberty file {name}: {error.strerror or error}"
            ) from error
        digests.append(hashlib.sha256(_plain(raw)).hexdigest())
    joined = hashlib.sha256("".join(digests).encode()).hexdigest()
    return Liberty(names, digests[0] if len(digests) == 1 else joined)


def _plain(raw: bytes) -> bytes:
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        return raw


def pack(liberty: Liberty) -> PackedLiberty:
    """Content of a library's files, to be sent to another host."""
    packed = []
    for name in liberty.files:
        raw = Path(name).read_bytes()
        data = raw if raw[:2] == b"\x1f\x8b" else gzip.compress(raw, 6, mtime=0)
        packed.append((Path(name).name, data))
    return tuple(packed)


def unpack(liberty: Liberty, packed: PackedLiberty) -> tuple[str, ...]:
    """Put a library into this host's cache, unless it is there; returns where its files are."""
    folder = cache_root() / "liberty" / liberty.sha256
    places = []
    for index, (name, data) in enumerate(packed):
        place = folder / f"{index}-{name.removesuffix('.gz')}.gz"
        # Written whole or not at all, and named by its content: one that is there is right.
        if not place.is_file():
            atomic_write(place, data)
        places.append(str(place))
    return tuple(places)
