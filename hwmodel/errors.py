"""The errors a user can meet, each one clear sentence.

May be imported from anywhere; imports nothing of the package.
"""

__all__ = ["HwmodelError", "NotBuiltYetError", "ToolError"]


class HwmodelError(Exception):
    """Bad input or a failed run: the message says what was expected, what came, how to mend it.

    The command line prints the message without a traceback and exits with status 1.
    """


class NotBuiltYetError(HwmodelError):
    """A well-formed request for something that this version does not build yet."""


class ToolError(HwmodelError):
    """An external tool failed; the message ends with the tool's own last lines and its log."""
