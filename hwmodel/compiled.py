"""What numba compiles: its decorator, with a cache that works wherever we stand, and bit patterns.

numba would look at one source file to see whether compiled code is still that of the source, but
functions take others into them, and a type may move. So each state of the package's sources has a
cache of its own: beside them, or, where the user cannot write there, where all our caches go.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config, types
from numba.extending import intrinsic as _untyped_intrinsic

from hwmodel.store import cache_root

__all__ = [
    *("bits_of", "exponent_field", "float_of", "fma", "inlined", "inner", "intrinsic", "jit"),
]

_KEPT = 4  # states of the sources whose compiled code is kept
_IN_USE = 3600.0  # seconds in which a process may still put something there


def _sources() -> str:
    """Digest of all sources that may be compiled."""
    digest = hashlib.sha256()
    for room in ("hwmodel", "hwmodel.sim"):  # the second may lie elsewhere
        found = importlib.util.find_spec(room)
        for folder in (found and found.submodule_search_locations) or []:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{path.relative_to(folder)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache() -> Path:
    """Folder of what is compiled of these sources; those of older ones are removed."""
    beside = Path(__file__).parent / "__pycache__"
    writable = os.access(beside if beside.exists() else beside.parent, os.W_OK)
    place = beside if writable else cache_root()
    folder = place / f"numba-{_sources()}"
    if not folder.exists():
        with contextlib.suppress(OSError):  # another process may remove them, too
            older = sorted(place.glob("numba-*"), key=lambda path: path.stat().st_mtime)
            for path in older[: max(0, len(older) - _KEPT + 1)]:
                if time.time() - path.stat().st_mtime > _IN_USE:
                    shutil.rmtree(path, ignore_errors=True)
    return folder


if not getattr(config, "CACHE_DIR", ""):
    config.CACHE_DIR = str(_cache())  # type: ignore[attr-defined]

# error_model: division as in IEEE 754, no branch for a zero divisor. nogil: searches time netlists
# in several threads.
jit = numba.njit(cache=True, error_model="numpy", nogil=True)
# The same for what only compiled code calls, which takes it into its own: quicker to compile than a
# function with a way in from Python and a place in the cache. From Python it stays plain Python.
inner = numba.extending.register_jitable(error_model="numpy", nogil=True)
# The same for small functions that become part of those that call them: quicker to compile. Not for
# those that take arrays: counting references to these there slows loops.
inlined = numba.njit(error_model="numpy", nogil=True, inline="always")


# What it makes is called without the first argument.
intrinsic: Callable[[Any], Any] = _untyped_intrinsic

# One source for float32 and float64: numba's own `view` wants the type named.
_INTEGERS: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}


@intrinsic
def bits_of(typing: Any, x: Any) -> Any:
    """Bit pattern of a float32 or float64, as the signed integer of its size."""
    whole = _INTEGERS[x]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(whole))

    return whole(x), generate


@intrinsic
def float_of(typing: Any, bits: Any, like: Any) -> Any:
    """Float with the low bits of `bits` as its pattern, of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pattern = context.cast(builder, args[0], bits, _INTEGERS[like])
        return builder.bitcast(pattern, context.get_value_type(like))

    return like(bits, like), generate


@intrinsic
def exponent_field(typing: Any, x: Any) -> Any:
    """Exponent field of a float that is not negative, as an integer of its size."""
    whole = _INTEGERS[x]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pattern = builder.bitcast(args[0], context.get_value_type(whole))
        return builder.lshr(pattern, pattern.type(23 if whole.bitwidth == 32 else 52))

    return whole(x), generate


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """``x * y + z`` of one float type, rounded once: LLVM's, an instruction where there is one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return x(x, x, x), generate
