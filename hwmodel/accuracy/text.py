"""Text to score and to calibrate a language model on, out of Debian packages."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy.pins import ANARCHISM, JARGON, POLICY
from hwmodel.errors import HwmodelError
from hwmodel.fetch import Pin, fetch
from hwmodel.fetch.archives import deb_members

__all__ = ["CALIBRATION_TEXTS", "SCORED_TEXT", "TEXTS", "Text", "read_text", "windows"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Text:
    """A body of English text in a package.

    Parameters
    ----------
    title : str
        For the report.
    pin : Pin
        The package.
    folder, suffix : str
        Its files: compressed plain text, joined in the order of their names.
    """

    title: str
    pin: Pin
    folder: str
    suffix: str


TEXTS = {
    "afaq": Text("An Anarchist FAQ", ANARCHISM, "usr/share/doc/anarchism/markdown/", ".md.gz"),
    "jargon": Text("The Jargon File", JARGON, "usr/share/doc/jargon-text/", "jargon.txt.gz"),
    "policy": Text("Debian Policy", POLICY, "usr/share/doc/debian-policy/", "/policy.txt.gz"),
}
SCORED_TEXT = "afaq"
CALIBRATION_TEXTS = ("jargon", "policy")


def read_text(name: str, progress: Progress | None = None) -> str:
    """Return a body of text.

    Raises
    ------
    HwmodelError
        No such text, or the package cannot be had.
    """
    if name not in TEXTS:
        raise HwmodelError(f"unknown text {name!r}, expected one of {', '.join(TEXTS)}")
    text = TEXTS[name]
    files = deb_members(
        fetch(text.pin, progress),
        lambda path: path.startswith(text.folder) and path.endswith(text.suffix),
    )
    if not files:
        raise HwmodelError(f"{text.pin.file} holds no {text.folder}*{text.suffix}")
    return "\n".join(gzip.decompress(raw).decode("utf-8", "replace") for raw in files.values())


def windows(
    encode: Callable[[str], list[int]], text: str, count: int, length: int
) -> npt.NDArray[np.int64]:
    """Token ids of `count` windows of `length` tokens, spread evenly through a text.

    The start of each window is a share (i + 1) / (count + 1) of the characters, so that no window
    holds a title page or a table of contents; windows are scored each for itself.

    Raises
    ------
    HwmodelError
        The text is too short.
    """
    rows = []
    spacing = len(text) // (count + 1)
    for index in range(count):
        start = (index + 1) * spacing
        # A token of English text is seldom longer than ten characters, never than its window.
        ids = encode(text[start : start + min(spacing, 16 * length)])
        if len(ids) < length:
            raise HwmodelError(
                f"the text holds {len(ids)} tokens behind the start of a window, {length} are"
                " needed; ask for fewer or shorter windows"
            )
        rows.append(ids[:length])
    return np.array(rows, dtype=np.int64)
