"""Options that several commands have."""

from pathlib import Path

import click

__all__ = ["folder_option"]

folder_option = click.option(
    "-o",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the files; created if need be.",
)
