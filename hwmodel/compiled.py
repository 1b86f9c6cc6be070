"""What numba compiles: its decorator, with a cache that works wherever we stand, and bit patterns.

numba keeps compiled code beside the source; an installed package may lie in a folder that the
user cannot write, then it goes where all our caches go.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config, types
from numba.extending import intrinsic as _untyped_intrinsic

from hwmodel.store import cache_root

__all__ = ["bits_of", "float_of", "fma", "inlined", "inner", "intrinsic", "jit"]

if not getattr(config, "CACHE_DIR", "") and not os.access(Path(__file__).parent, os.W_OK):
    config.CACHE_DIR = str(cache_root() / "numba")  # type: ignore[attr-defined]

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
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """``x * y + z`` of one float type, rounded once: LLVM's, an instruction where there is one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return x(x, x, x), generate
