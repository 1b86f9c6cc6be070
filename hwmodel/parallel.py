"""Spread compiled work on one large array over the cores.

May be imported from anywhere; imports nothing of the package. Compiled code releases Python's
lock, so threads are enough.
"""

import functools
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

__all__ = ["alone", "core_count", "in_pieces"]

# Elements below which a thread costs more than it brings.
_WORTHWHILE = 1 << 18
# Threads that have a piece already.
_here = threading.local()


def core_count() -> int:
    """Cores that this process may use; ``OMP_NUM_THREADS`` can say fewer."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    named = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(named) if named.isdigit() and int(named) > 0 else available or 1
    return max(1, min(available or 1, wanted))


def in_pieces(work: Callable[[slice], int], size: int, worth: int = _WORTHWHILE) -> int:
    """Call `work` with slices that cover ``range(size)``; returns the results or-ed together.

    Parameters
    ----------
    work : callable
        Takes a slice; runs compiled code on it and returns flags.
    size : int
        Elements in all.
    worth : int
        Elements that a thread of their own pays for.

    What `work` itself cuts into pieces, its thread does alone.
    """
    if size < 2 * worth or getattr(_here, "busy", False) or (cores := core_count()) == 1:
        return work(slice(0, size))
    pieces = min(cores, size // worth)
    edges = [size * k // pieces for k in range(pieces + 1)]
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    flags = 0
    # Threads of their own each time: idle ones would outlast a fork or hold up an exit.
    with ThreadPoolExecutor(pieces) as pool:
        for found in pool.map(functools.partial(_work_alone, work), parts):
            flags |= found
    return flags


def alone() -> AbstractContextManager[Any]:
    """A context in which matrix libraries start no threads, for pieces that multiply matrices.

    Theirs would wait for one another, and for ours.
    """
    return _libraries().limit(limits=1, user_api="blas")


@functools.cache
def _libraries() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController  # here, for it looks through what is loaded

    return ThreadpoolController()


def _work_alone(work: Callable[[slice], int], part: slice) -> int:
    _here.busy = True  # the thread ends with its piece
    return work(part)
