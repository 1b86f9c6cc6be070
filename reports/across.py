"""Ratios across libraries as a page: what holds in all of them, figures by library, provenance."""

from hwmodel.cost.libraries import Across
from hwmodel.cost.spread import LibrarySpread
from hwmodel.reports.tables import Column, Table
from hwmodel.reports.wording import NOTHING, QUANTITY_DIGITS, number, unit_term

__all__ = ["ENERGY_NOTE", "across_markdown", "pair_tables", "point_table"]

ENERGY_NOTE = (
    "Energy is per MAC, each unit at its own minimum period. Alike: within 2 %, or the ratio's"
    " 95 % interval holds 1."
)
_SPAN = ("min", "max", "mean")


def pair_tables(result: Across) -> list[Table]:
    """A table for each pair of units: a row for each quantity, a column for each library."""
    libraries = list(result.measurements)
    digits = QUANTITY_DIGITS["ratio"]
    columns = (
        Column("quantity", "FP over INT", unbroken=True),
        *(Column(name, name, digits) for name in libraries),
        *((Column(name, name, digits) for name in _SPAN) if len(libraries) > 1 else ()),
    )
    pairs: dict[tuple[str, str], list[LibrarySpread]] = {}
    for spread in result.spreads:
        pairs.setdefault((spread.numerator, spread.denominator), []).append(spread)
    tables = []
    for (numerator, denominator), spreads in pairs.items():
        rows = [
            {
                "quantity": spread.label,
                **{name: ratio.value for name, ratio in spread.ratios.items()},
                **dict(zip(_SPAN, (spread.least, spread.most, spread.mean), strict=True)),
            }
            for spread in spreads
        ]
        caption = f"{unit_term(numerator)} over {unit_term(denominator)}"
        tables.append(Table(f"{numerator}/{denominator}", caption, columns, rows))
    return tables


def _conclusions(result: Across) -> list[str]:
    """Sentences, those first that do not hold everywhere."""
    heads = {
        False: "What depends on the library",
        True: "What holds in all libraries",
        None: "What was tried in one library only",
    }
    lines: list[str] = []
    for holds, head in heads.items():
        sentences = [f"- {s.sentence()}" for s in result.spreads if s.holds is holds]
        lines += [f"## {head}", "", *sentences, ""] if sentences else []
    if result.by_stimulus:
        depend = [f"- {s.sentence()}" for s in result.by_stimulus if not s.holds]
        lines += ["## What depends on the operands", "", *depend, ""] if depend else []
        steady = len(result.by_stimulus) - len(depend)
        lines += [
            f"In {steady} of {len(result.by_stimulus)} cases (a pair of units in a library) the"
            " same side takes more energy, or both take alike, under all"
            f" {max(len(s.ratios) for s in result.by_stimulus)} operand streams.",
            "",
        ]
    return lines[:-1]


def point_table(result: Across) -> Table:
    """What the ratios are made of: every unit in every library."""
    stimuli = dict.fromkeys(
        energy.stimulus
        for measured in result.measurements.values()
        for row in measured
        for energy in row.energies
    )
    columns = (
        Column("name", "Library"),
        Column("unit", "Unit", unbroken=True),
        Column("area", "Area [µm²]", 2),
        Column("nand2", "NAND2 equiv.", QUANTITY_DIGITS["nand2"]),
        Column("delay", "Delay [ns]", 3),
        *(Column(name, f"{name} [fJ/MAC]", 1) for name in stimuli),
    )
    rows = [
        {
            "name": name,
            "unit": unit_term(row.spec),
            "area": row.area_um2,
            "nand2": row.nand2,
            "delay": row.delay_ns,
            **{energy.stimulus: energy.fj_per_mac for energy in row.energies},
        }
        for name, measured in result.measurements.items()
        for row in measured
    ]
    return Table("points", "Every unit in every library.", columns, rows)


def across_markdown(result: Across, command: str) -> str:
    """Page of a comparison; `command` makes it again."""
    lines = ["# FP over INT, library by library", ""]
    lines += [
        "Each unit is a single MAC with its operand and accumulator registers, synthesised (not"
        f" placed) at its own minimum area. {ENERGY_NOTE} Above 1 the floating-point unit costs"
        " more.",
        "",
    ]
    for table in pair_tables(result):
        lines += [f"## {table.caption}", "", table.markdown(), ""]
    lines += _conclusions(result)
    if result.failures:
        lines += ["", "## Not measured", ""]
        lines += [f"- {f.point}, {f.step}: {f.sentence}" for f in result.failures]
    lines += ["", "## Figures", "", point_table(result).markdown(), "", "## Provenance", ""]
    for name, measured in result.measurements.items():
        for row in measured[:1]:
            lines.append(f"- {name}: {row.library}, {row.corner}")
    tools = next(
        (row.provenance.get("tools") for rows in result.measurements.values() for row in rows), None
    )
    if tools:
        versions = ", ".join(
            f"{key} {value}" for key, value in tools.items() if not key.startswith("library")
        )
        lines.append(f"- tools: {versions}")
    vectors = {
        number(energy.vectors, 0)
        for rows in result.measurements.values()
        for row in rows
        for energy in row.energies
    }
    lines.append(f"- products simulated for an energy: {', '.join(sorted(vectors)) or NOTHING}")
    return "\n".join([*lines, "", "```", command, "```", ""])
