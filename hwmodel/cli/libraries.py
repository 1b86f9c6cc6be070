"""``hwmodel libraries``: the cell libraries that are known by name."""

import json
from typing import Any

import click

EXAMPLE = """\b
Examples:
  hwmodel libraries                        which are here, and how to get the others
  hwmodel libraries --fetch osu018         get one that a package registry has
  hwmodel synth mac-int8-int8-exact --library sky130hd,ss_100C_1v60
"""


@click.command("libraries", epilog=EXAMPLE)
@click.option("--fetch", "wanted", metavar="NAME", help="Get this library now.")
@click.option("--units", is_flag=True, help="Read each library at hand and state its facts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(wanted: str | None, units: bool, as_json: bool) -> None:
    """List the cell libraries that --library takes.

    A folder NAME of Liberty files in $HWMODEL_LIBRARIES is a library of that name and goes before
    any other place.
    """
    from hwmodel.technology.catalogue import CATALOGUE, library_files, user_libraries

    if wanted:
        library_files(wanted, lambda line: click.echo(line, err=True))
    names = (*(entry.name for entry in CATALOGUE), *user_libraries())
    rows = [_row(name, units) for name in names]
    if as_json:
        click.echo(json.dumps({"libraries": rows}))
        return
    for row in rows:
        click.echo(f"{row['name']:<12}{row['process']}, {row['licence']}")
        if not row["present"]:
            click.echo(f"{'':12}not here: {row['how']}")
            continue
        click.echo(f"{'':12}{row['where']}")
        click.echo(f"{'':12}corners: {', '.join(row['corners'])}")
        if units and "problem" in row:
            click.echo(f"{'':12}cannot serve: {row['problem']}")
        elif units:
            click.echo(
                f"{'':12}{row['corner']}; NAND2 {row['nand2_um2']:g} um2, {row['cells']} cells;"
                f" file in {row['file_units']}; energy {'yes' if row['power'] else 'no'}"
            )


def _row(name: str, units: bool) -> dict[str, Any]:
    """What is known of one library; with `units` also what its files say."""
    from hwmodel.errors import HwmodelError
    from hwmodel.technology.catalogue import find_library, library_files, named
    from hwmodel.technology.library import load_library

    entry, found = named(name), find_library(name)
    row: dict[str, Any] = {
        "name": name,
        "process": entry.process if entry else "the user's own",
        "licence": entry.licence if entry else "unknown",
        "source": entry.source if entry else "",
        "how": entry.how if entry else "",
        "present": found is not None,
        "where": found.where if found else None,
        "corners": list(found.corners) if found else [],
    }
    if units and found is not None:
        try:
            library = load_library(library_files(name))
        except HwmodelError as error:
            return row | {"problem": str(error)}
        row |= {
            "library": library.name,
            "corner": library.corner,
            "voltage": library.voltage,
            "nand2_um2": library.nand2_area,
            "cells": len(library.cells),
            "file_units": library.file_units,
            "power": library.has_power,
        }
        if entry is not None and abs(library.voltage - entry.supply) > 0.25 * entry.supply:
            row["problem"] = (
                f"it is for {library.voltage:g} V, {name} for {entry.supply:g} V; another kind of"
                " cells?"
            )
    return row
