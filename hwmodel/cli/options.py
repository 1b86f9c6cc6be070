"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hwmodel.technology import CellLibrary

__all__ = ["chosen_library", "folder_option", "library_options"]

folder_option = click.option(
    "-o",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the files; created if need be.",
)

_liberty_option = click.option(
    "--liberty",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Cell library (plain or .gz) instead of NanGate 45 nm; repeat it for one in parts.",
)
_library_option = click.option(
    "--library",
    metavar="NAME[,CORNER]",
    help="Cell library by name; see: hwmodel libraries.",
)


def library_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--library`` and ``--liberty``."""
    return _library_option(_liberty_option(command))


def chosen_library(name: str | None, files: tuple[Path, ...]) -> "CellLibrary":
    """Load the library that the two options ask for; NanGate 45 nm if neither is given.

    Raises
    ------
    click.UsageError
        Both are given.
    HwmodelError
        It cannot be loaded.
    """
    from hwmodel.technology import load_library
    from hwmodel.technology.catalogue import library_files

    if name and files:
        raise click.UsageError("give --library NAME or --liberty FILE, not both")
    if name:
        return load_library(library_files(name, lambda line: click.echo(line, err=True)))
    return load_library(list(files) if files else None)
