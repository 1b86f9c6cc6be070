"""The errors a user can meet, each one clear sentence, and what such sentences are made of.

May be imported from anywhere; imports nothing of the package.
"""

import difflib
from collections.abc import Iterable

__all__ = ["HwmodelError", "NotBuiltYetError", "ToolError", "last_lines", "nearest_hint"]

_LAST_LINES = 6


class HwmodelError(Exception):
    """Bad input or a failed run: the message says what was expected, what came, how to mend it.

    The command line prints the message without a traceback and exits with status 1.
    """


class NotBuiltYetError(HwmodelError):
    """A well-formed request for something that this version does not build yet."""


class ToolError(HwmodelError):
    """An external tool failed; the message ends with the tool's own last lines and its log."""


def last_lines(output: str, count: int = _LAST_LINES) -> str:
    """End of what a tool said, for the end of a sentence: its last lines that are not blank.

    They are indented, so that they stand apart from the sentence; with a word where there are none.
    """
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return "\n  " + ("\n  ".join(lines[-count:]) or "(it said nothing)")


def nearest_hint(text: str, known: Iterable[str]) -> str:
    """End of a sentence about an unknown name: the known ones that look like it, if any do."""
    near = difflib.get_close_matches(text, tuple(known), n=3, cutoff=0.4)
    return f"; the nearest known ones are {', '.join(near)}" if near else ""
