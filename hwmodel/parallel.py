"""Spread compiled work on one large array over the cores.

May be imported from anywhere; imports nothing of the package. Compiled code releases Python's
lock, so threads are enough.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["core_count", "in_pieces"]

# Elements below which a thread costs more than it brings.
_WORTHWHILE = 1 << 18


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
    """
    if size < 2 * worth or (cores := core_count()) == 1:
        return work(slice(0, size))
    pieces = min(cores, size // worth)
    edges = [size * k // pieces for k in range(pieces + 1)]
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    flags = 0
    # Threads of their own each time: idle ones would outlast a fork or hold up an exit.
    with ThreadPoolExecutor(pieces) as pool:
        for found in pool.map(work, parts):
            flags |= found
    return flags
