"""``hwmodel format``: which value each code stands for."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwmodel.errors import HwmodelError
from hwmodel.store import atomic_write

if TYPE_CHECKING:
    from hwmodel.formats import Format

_SHORTENED_ABOVE = 8  # bits: a table of more than 256 rows is printed only on request

EXAMPLE = """\b
Examples:
  hwmodel format e4m3            the OCP format: maximum 448, one NaN
  hwmodel format e4m3b8fin       bias 8 and only finite codes
  hwmodel format fp16 --all      all 65,536 codes
  hwmodel format e2m3 --picture e2m3.svg    its number line
"""


@click.command("format", epilog=EXAMPLE)
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Print every code of a wide format, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the number line of a format of 8 bits or less to this SVG or PNG file.",
)
def command(name: str, everything: bool, as_json: bool, picture: Path | None) -> None:
    """Print a number format: its parameters and the value of every code.

    NAME is intN, uintN, intNsym; eXmY with what differs from its plain meaning (bias b8 or bn2,
    specials ieee, fn, fnuz, p3109 or fin, nosub, a leading u for unsigned); fp32, fp16, bf16, tf32;
    e8m0; binary8p3 and its kin; a name of ml_dtypes such as float8_e4m3fn; or one of these with a
    scale: e4m3c2.5 (largest value 2.5), int8q6 (six places behind the binary point).
    """
    from hwmodel.formats import parse_format
    from hwmodel.formats.base import MAX_TABLE_BITS
    from hwmodel.formats.table import facts, rows

    fmt = parse_format(name)
    if picture is not None:
        _draw(fmt, picture)
    whole = fmt.bits <= _SHORTENED_ABOVE or (everything and fmt.bits <= MAX_TABLE_BITS)
    table = rows(fmt, range(fmt.code_count)) if whole else []
    if as_json:
        click.echo(json.dumps(facts(fmt) | {"codes": [row.to_dict() for row in table]}))
        return
    for key, value in facts(fmt).items():
        click.echo(f"{key.replace('_', ' '):<15} {value}")
    click.echo()
    if not whole:
        hint = "add --all for" if fmt.bits <= MAX_TABLE_BITS else "too many for a table of"
        click.echo(f"{hint} its {fmt.code_count} codes")
        return
    digits = (fmt.bits + 3) // 4
    width = max(len(row.fields) for row in table)
    click.echo(f"{'code':>{digits + 2}}  {'fields':<{width}}  {'value':>22}  kind")
    for row in table:
        value = row.value if isinstance(row.value, str) else f"{row.value:.17g}"
        click.echo(f"0x{row.code:0{digits}x}  {row.fields:<{width}}  {value:>22}  {row.kind}")


def _draw(fmt: "Format", path: Path) -> None:
    from hwmodel.reports.number_line import number_line

    if path.suffix not in (".svg", ".png"):
        raise HwmodelError(f"a picture is an .svg or a .png file, but {path.name!r} was asked for")
    figure = number_line(fmt)
    atomic_write(path, figure.file_svg() if path.suffix == ".svg" else figure.png())
    click.echo(f"picture: {path}", err=True)
