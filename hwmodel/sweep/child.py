"""A process in which a Dask worker has its points measured, one after another.

Started as ``python -m hwmodel.sweep.child FD`` with a connection that was inherited. It ends, with
its tools, when the other end is closed: because a point took too long, or the worker is gone.
"""

import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from hwmodel.sweep.ending import end_with_tools, terminated

__all__ = ["main"]


def main(handle: int) -> None:
    """Answer requests until the connection ends.

    A request is a function with its arguments; the answer a pair, of which the first says whether
    the second is the result or an error's text.
    """
    connection = Connection(handle)
    signal.signal(signal.SIGTERM, terminated)
    # Ctrl-C reaches all processes of a terminal; the worker decides what becomes of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        # Beside the work, so that the end of the connection is noticed in the midst of it.
        while True:
            try:
                requests.put(connection.recv())
            except (EOFError, OSError):
                end_with_tools()
            except Exception as error:  # what was sent cannot be imported here
                requests.put(error)

    connection.send("ready")
    threading.Thread(target=listen, daemon=True).start()
    while True:
        request = requests.get()
        try:
            if isinstance(request, Exception):
                raise request
            measure, arguments = request
            answer = True, measure(*arguments)
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}"
        connection.send(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
