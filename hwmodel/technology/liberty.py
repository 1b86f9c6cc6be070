r"""Read the text of a Liberty file into a tree of groups.

Why not a library: of those on PyPI ``liberty-parser`` is GPL-3 and takes 9 s for NanGate 45 nm,
``eda-liberty-parser`` 0.1.1 (MIT, alpha) takes a file cut in the middle for a whole one and
stops at a last attribute without semicolon. Liberty is three kinds of statement, so one regular
expression that matches a statement at a time is the whole grammar::

    group      name ( arguments ) { ... }
    list       name ( arguments ) ;
    attribute  name : value ;

NanGate 45 nm (6.7 MB) takes half a second, as long as reading the tree back from a cache would.
"""

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from hwmodel.errors import HwmodelError

__all__ = ["Group", "parse_liberty", "read_liberty", "split_numbers"]

# White space, comments and continued lines, never given back to the matcher (possessive).
_SPACE = r"(?:\s++|/\*.*?\*/|//[^\n]*+|\\\n)*+"
_STATEMENT = re.compile(
    rf"{_SPACE}(?:"
    r"(?P<close>\})\s*;?"
    rf"|(?P<name>[\w.\[\]]++){_SPACE}(?:"
    rf'\((?P<arguments>(?:"[^"]*+"|[^()"]++)*+)\){_SPACE}(?P<open>\{{)?'
    rf'|:{_SPACE}(?P<value>"[^"]*+"|[^;{{}}"\n]*+)'
    r")[ \t]*;?"
    rf"|(?P<end>\Z))",
    re.DOTALL,
)
_ARGUMENT = re.compile(r'"[^"]*"|[^\s,"\\]+')


@dataclass(slots=True)
class Group:
    """One Liberty group: ``kind (names) { ... }``.

    Attributes
    ----------
    kind : str
        ``library``, ``cell``, ``pin``, ``timing``, ...
    names : tuple of str
        The arguments in the parentheses, unquoted.
    attributes : dict
        Simple attributes, unquoted; the last of several wins.
    lists : dict
        Complex attributes such as ``values`` or ``capacitive_load_unit``: one tuple of unquoted
        arguments for each time that it stands.
    groups : list of Group
        The groups inside, in the order of the file.
    """

    kind: str
    names: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """First argument, or the empty string."""
        return self.names[0] if self.names else ""

    def all(self, kind: str) -> list["Group"]:
        """Groups of one kind directly inside this one."""
        return [group for group in self.groups if group.kind == kind]

    def number(self, attribute: str, default: float) -> float:
        """Value of a numeric attribute, or `default` where it is absent."""
        text = self.attributes.get(attribute)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError as error:
            raise HwmodelError(
                f"Liberty: {attribute} in {self.kind} ({self.name}) should be a number,"
                f" not {text!r}"
            ) from error


def split_numbers(arguments: tuple[str, ...]) -> list[float]:
    """Numbers of a list attribute such as ``index_1 ("1, 2, 3")`` or ``values (...)``."""
    text = " ".join(arguments).replace(",", " ").replace("\\", " ")
    try:
        return [float(word) for word in text.split()]
    except ValueError as error:
        raise HwmodelError(f"Liberty: expected numbers in a table, got {text[:60]!r}") from error


def _unquote(text: str) -> str:
    return text[1:-1] if text.startswith('"') else text.strip()


def parse_liberty(text: str, source: str) -> Group:
    """Parse Liberty text.

    Parameters
    ----------
    text : str
        The whole file.
    source : str
        Name of the file, for messages.

    Returns
    -------
    Group
        The ``library`` group.

    Raises
    ------
    HwmodelError
        Not Liberty, or cut off; the message names the line.
    """
    root = Group("file", ())
    stack = [root]
    step = _STATEMENT.scanner(text).match  # type: ignore[attr-defined]
    position = 0
    while True:
        match = step()
        if match is None:
            position += len(text[position:]) - len(text[position:].lstrip())
            line = text.count("\n", 0, position) + 1
            found = text[position : position + 60].strip().split("\n")[0]
            raise HwmodelError(
                f"{source}, line {line}: expected a Liberty statement, found {found!r};"
                " the file is damaged or is not a Liberty file"
            )
        position = match.end()
        close, name, arguments, opening, value, _ = match.groups()
        if close:
            if len(stack) == 1:
                line = text.count("\n", 0, position) + 1
                raise HwmodelError(f"{source}, line {line}: a closing brace too many")
            stack.pop()
        elif name is None:
            break
        elif arguments is None:
            stack[-1].attributes[name] = _unquote(value)
        else:
            words = tuple(map(_unquote, _ARGUMENT.findall(arguments)))
            if opening:
                group = Group(name, words)
                stack[-1].groups.append(group)
                stack.append(group)
            else:
                stack[-1].lists.setdefault(name, []).append(words)
    if len(stack) > 1:
        inner = stack[-1]
        raise HwmodelError(
            f"{source} ends inside {inner.kind} ({', '.join(inner.names)}): {len(stack) - 1}"
            " closing braces are missing; the file is cut off, fetch it again"
        )
    libraries = root.all("library")
    if len(libraries) != 1:
        raise HwmodelError(
            f"{source}: expected one library group, found {len(libraries)}; is this a Liberty file?"
        )
    return libraries[0]


def read_liberty(path: Path) -> tuple[Group, str]:
    """Read a Liberty file, plain or gzip-compressed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of Group and str
        The ``library`` group and the SHA-256 of the (uncompressed) text.

    Raises
    ------
    HwmodelError
        The file is missing, unreadable, cut off or not Liberty.
    """
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise HwmodelError(
            f"cannot read the Liberty file {path}: it is cut off or damaged gzip ({error}); fetch"
            " it again"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise HwmodelError(f"cannot read the Liberty file {path}: {reason}") from error
    digest = hashlib.sha256(raw).hexdigest()
    return parse_liberty(raw.decode("utf-8", errors="replace"), str(path)), digest
