"""The decorator for functions that numba compiles, with a cache that works wherever we stand.

numba keeps compiled code beside the source; an installed package may lie in a folder that the
user cannot write, then it goes where all our caches go.
"""

import os
from pathlib import Path

import numba
from numba.core import config

from hwmodel.store import cache_root

__all__ = ["jit"]

if not getattr(config, "CACHE_DIR", "") and not os.access(Path(__file__).parent, os.W_OK):
    config.CACHE_DIR = str(cache_root() / "numba")  # type: ignore[attr-defined]

# error_model: division as in IEEE 754, no branch for a zero divisor. nogil: searches time netlists
# in several threads.
jit = numba.njit(cache=True, error_model="numpy", nogil=True)
