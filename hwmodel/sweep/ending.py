"""How a process that measures points ends: with the tools that it runs."""

import os
import threading
import time
from types import FrameType

__all__ = ["end_with_tools", "terminated"]

# Seconds that the threads which ran the tools have to remove their folders.
_TIDY_S = 0.5


def end_with_tools() -> None:
    """End the tools and then this process, whatever it is in the midst of."""
    from hwmodel.yosys import stop_all

    stop_all(for_good=True)
    time.sleep(_TIDY_S)
    os._exit(1)


def terminated(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM so."""
    # In a thread: the lock that stops the tools may be held by what was interrupted.
    threading.Thread(target=end_with_tools, daemon=True).start()
