"""Who is at which point, among sweeps that share a store on one host or file system.

A claim is a lock on a file. The system takes it back when its process ends, however it ends, so a
killed sweep blocks nobody. Where a file system has no locks, everything can be claimed: points are
then measured twice at worst.
"""

import contextlib
import os

from hwmodel.store import Store

__all__ = ["Claims"]


class Claims:
    """Claims of one sweep on keys of a store."""

    def __init__(self, store: Store, kind: str) -> None:
        self._folder = store.root / f"{kind}-claims"
        self._held: dict[str, int] = {}

    def take(self, key: str) -> bool:
        """Claim a key; False if another process holds it."""
        if key in self._held:
            return True
        try:
            import fcntl

            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._folder / key, os.O_CREAT | os.O_RDWR, 0o666)
        except (ImportError, OSError):
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            return True
        self._held[key] = handle
        return True

    def release(self, key: str) -> None:
        """Give a key back, if it was claimed."""
        handle = self._held.pop(key, None)
        if handle is not None:
            # One who has just opened the file claims what is no longer there: a run more, no harm.
            with contextlib.suppress(OSError):
                (self._folder / key).unlink()
            os.close(handle)

    def release_all(self) -> None:
        """Give everything back."""
        for key in list(self._held):
            self.release(key)
