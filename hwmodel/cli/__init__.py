"""The command line: one file a command, each imported only when it is called.

May import from everywhere; nothing imports it.
"""

from hwmodel.cli.main import main

__all__ = ["main"]
