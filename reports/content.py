"""The report's tables, cut out of the rows."""

from collections.abc import Mapping
from typing import Any

from hwmodel.cost.comparison import MAIN_STIMULUS, Score, main_rows, main_scores
from hwmodel.cost.published import MARKS, PUBLISHED_RATIOS
from hwmodel.cost.ratios import Quantity, Ratio
from hwmodel.cost.results import Results
from hwmodel.reports.tables import Column, Table
from hwmodel.reports.wording import (
    ACCURACY_TERMS,
    GRANULARITY_TERMS,
    NETWORK_TERMS,
    NOTHING,
    QUANTITY_DIGITS,
    STIMULUS_TERMS,
    accumulator_term,
    format_term,
    number,
    operands_and_accumulator,
    unit_term,
)

__all__ = [
    "accuracy_table",
    "analytic_table",
    "blocks_table",
    "energy_table",
    "layer_table",
    "main_table",
    "measurement_table",
    "published_table",
    "ratio_summary_table",
    "ratio_table",
]


def main_table(results: Results) -> Table:
    """Every unit with cost, accuracy of its operand format, and SQNR."""
    clock = f"{results.plan['clock_ns']:g} ns"
    columns = [
        Column("format", "Format", merged=True, unbroken=True),
        Column("accumulator", "Accumulator", unbroken=True),
        Column("spec", "Unit", hidden=True),
        Column("area_um2", "Area, min. [µm²]", QUANTITY_DIGITS["area_um2"]),
        Column("nand2", "NAND2 equiv.", QUANTITY_DIGITS["nand2"], hidden=True),
        Column("delay_ns", "Delay, min. area [ns]", QUANTITY_DIGITS["delay_ns"]),
        Column("area_at_clock_um2", f"Area at {clock} [µm²]", QUANTITY_DIGITS["area_um2"]),
        Column(
            "delay_at_clock_ns",
            f"Delay at {clock} [ns]",
            QUANTITY_DIGITS["delay_ns"],
            hidden=True,
        ),
        Column(
            "energy_at_clock_fj",
            f"Energy at {clock} [fJ/MAC]",
            QUANTITY_DIGITS["energy_fj"],
            interval=("energy_low_fj", "energy_high_fj"),
        ),
    ]
    score_columns: dict[str, Column] = {}
    rows: list[dict[str, Any]] = []
    for unit in main_rows(results):
        row: dict[str, Any] = {
            "format": format_term(unit.format),
            "accumulator": accumulator_term(unit.spec),
            "spec": unit.spec,
        }
        if unit.minimum is not None:
            row["area_um2"], row["nand2"] = unit.minimum.area_um2, unit.minimum.nand2
            row["delay_ns"] = unit.minimum.delay_ns
        if unit.clocked is not None and unit.clocked.met:
            row["area_at_clock_um2"] = unit.clocked.area_um2
            row["delay_at_clock_ns"] = unit.clocked.delay_ns
            energy = unit.clocked.energy(MAIN_STIMULUS)
            if energy is not None:
                row["energy_at_clock_fj"] = energy.fj_per_mac
                row["energy_low_fj"], row["energy_high_fj"] = energy.low, energy.high
        for score in unit.scores:
            column = _score_column(score)
            score_columns[column.key] = column
            assert column.interval is not None
            low, high = column.interval
            row |= {column.key: score.value, low: score.low, high: score.high}
        row["sqnr_gaussian_db"] = unit.sqnr_db
        rows.append(row)
    columns += score_columns.values()
    columns.append(
        Column(
            "sqnr_gaussian_db",
            "SQNR, Gaussian, analytic [dB]",
            QUANTITY_DIGITS["sqnr_db"],
            merged=True,
        )
    )
    caption = (
        "Cost of each unit (a single MAC with its registers) and accuracy of its operand format."
        " Small figures are 95 % intervals. Energy under Gaussian operands at the common clock."
    )
    return Table("main", caption, tuple(columns), rows, group="format")


def _score_column(score: Score) -> Column:
    network = NETWORK_TERMS.get(score.network, score.network)
    kind = "per tensor" if score.granularity == "tensor-static" else "per token"
    key = f"{score.network}_{score.metric}_{score.granularity}".replace("-", "_")
    perplexity = score.metric == "perplexity"
    label = f"{network} {ACCURACY_TERMS[score.metric]}, {kind}"
    return Column(
        key,
        label if perplexity else f"{label} [%]",
        QUANTITY_DIGITS["perplexity" if perplexity else "share"],
        scale=1.0 if perplexity else 100.0,
        interval=(f"{key}_low", f"{key}_high"),
        merged=True,
    )


def measurement_table(results: Results) -> Table:
    """Every design point: structure, recipe, area, delay, verification."""
    rows = []
    for row in results.measurements:
        check = row.verification
        rows.append(
            {
                "unit": unit_term(row.spec),
                "spec": row.spec,
                "goal": row.goal if row.clock_ns is None else f"{row.clock_ns:g} ns",
                "clock_ns": row.clock_ns,
                "area_um2": row.area_um2,
                "nand2": row.nand2,
                "delay_ns": row.delay_ns,
                "met": "yes" if row.met else "no",
                "default_area_um2": (row.provenance.get("default_flow") or {}).get("area_um2"),
                "structure": row.structure,
                "recipe": row.recipe,
                "vectors": check.vectors if check else None,
                "mismatches": check.mismatches if check else None,
                "seed": check.seed if check else None,
                "library": row.library,
                "corner": row.corner,
                "how": row.how,
            }
        )
    columns = (
        Column("unit", "Unit", merged=True, unbroken=True),
        Column("spec", "Spec", hidden=True),
        Column("goal", "Goal"),
        Column("clock_ns", "Clock [ns]", QUANTITY_DIGITS["clock_ns"], hidden=True),
        Column("area_um2", "Area [µm²]", QUANTITY_DIGITS["area_um2"]),
        Column("nand2", "NAND2 equiv.", QUANTITY_DIGITS["nand2"]),
        Column("delay_ns", "Delay [ns]", QUANTITY_DIGITS["delay_ns"]),
        Column("met", "Clock met"),
        Column("default_area_um2", "Plain operators [µm²]", QUANTITY_DIGITS["area_um2"]),
        Column("structure", "Structure"),
        Column("recipe", "Synthesis recipe"),
        Column("vectors", "Co-simulated vectors", 0),
        Column("mismatches", "Mismatches", 0),
        Column("seed", "Seed", hidden=True),
        Column("library", "Library", hidden=True),
        Column("corner", "Corner", hidden=True),
        Column("how", "Obtained"),
    )
    caption = (
        "Every design point. Plain operators: area that the same unit takes when it is written with"
        " * and + and mapped by Yosys' own default flow, for comparison."
    )
    return Table("measurements", caption, columns, rows, group="unit")


def energy_table(results: Results) -> Table:
    """Energy per MAC of every design point under every operand stream, with its split."""
    parts = list(
        dict.fromkeys(
            part for row in results.measurements for e in row.energies for part in e.split
        )
    )
    rows = [
        {
            "unit": unit_term(row.spec),
            "spec": row.spec,
            "goal": row.goal if row.clock_ns is None else f"{row.clock_ns:g} ns",
            "stimulus": STIMULUS_TERMS.get(energy.stimulus, energy.stimulus),
            "clock_ns": energy.clock_ns,
            "fj_per_mac": energy.fj_per_mac,
            "low": energy.low,
            "high": energy.high,
            **{f"{part}_fj": value for part, value in energy.split.items()},
            "glitch_share": energy.glitch_share,
            "vectors": energy.vectors,
            "outputs_checked": energy.outputs_checked,
            "nets_annotated": energy.nets_annotated,
        }
        for row in results.measurements
        for energy in row.energies
    ]
    digits = QUANTITY_DIGITS["energy_fj"]
    columns = (
        Column("unit", "Unit", merged=True, unbroken=True),
        Column("spec", "Spec", hidden=True),
        Column("goal", "Goal"),
        Column("stimulus", "Operands"),
        Column("clock_ns", "Run at [ns]", QUANTITY_DIGITS["clock_ns"]),
        Column("fj_per_mac", "Energy [fJ/MAC]", digits, interval=("low", "high")),
        *(Column(f"{part}_fj", f"{part.capitalize()} [fJ]", digits) for part in parts),
        Column("glitch_share", "Glitches [%]", QUANTITY_DIGITS["share"], scale=100.0),
        Column("vectors", "Cycles", 0),
        Column("outputs_checked", "Outputs checked", 0),
        Column("nets_annotated", "Nets counted [%]", 0, scale=100.0),
    )
    return Table("energy", "Energy per MAC by operand stream.", columns, rows, group="unit")


def blocks_table(results: Results) -> Table:
    """Area by building block of every design point."""
    rows = [
        {
            "unit": unit_term(row.spec),
            "spec": row.spec,
            "goal": row.goal if row.clock_ns is None else f"{row.clock_ns:g} ns",
            "block": block,
            "area_um2": area,
        }
        for row in results.measurements
        for block, area in row.blocks.items()
    ]
    columns = (
        Column("unit", "Unit"),
        Column("spec", "Spec", hidden=True),
        Column("goal", "Goal"),
        Column("block", "Building block"),
        Column("area_um2", "Area [µm²]", QUANTITY_DIGITS["area_um2"]),
    )
    return Table("blocks", "Area by building block.", columns, rows)


def ratio_summary_table(results: Results) -> Table:
    """The ratios with a row for each pair of units and a column for each comparison."""
    columns: dict[str, Column] = {}
    rows: dict[str, dict[str, Any]] = {}
    for ratio in results.ratios:
        if ratio.stimulus is not None and ratio.stimulus != MAIN_STIMULUS:
            continue
        where = "min. area" if ratio.goal.startswith("each") else f"{results.plan['clock_ns']:g} ns"
        quantity = ratio.quantity.value.capitalize().replace(" x ", " × ")  # noqa: RUF001
        label = f"{quantity}, {where}"
        if ratio.quantity is Quantity.AREA_PER_THROUGHPUT:
            label = "Area, equal throughput"
        key = "".join(c if c.isalnum() else "_" for c in label.lower())
        columns.setdefault(key, Column(key, label, QUANTITY_DIGITS["ratio"]))
        pair = {
            "floating": operands_and_accumulator(ratio.numerator),
            "integer": operands_and_accumulator(ratio.denominator),
            "numerator": ratio.numerator,
            "denominator": ratio.denominator,
        }
        rows.setdefault(f"{ratio.numerator}/{ratio.denominator}", pair)[key] = ratio.value
    caption = (
        "Cost of the FP unit over cost of the INT unit; above 1 the FP unit costs more. Both are a"
        " single MAC with its operand and accumulator registers. Min. area: each at its own"
        " minimum area, whatever its delay. Equal throughput: area times delay at minimum area,"
        " the area needed for the same number of MACs a second. Energy under Gaussian operands."
    )
    text = (
        Column("floating", "FP unit", unbroken=True),
        Column("integer", "INT unit", unbroken=True),
        Column("numerator", "Numerator", hidden=True),
        Column("denominator", "Denominator", hidden=True),
    )
    order = sorted(rows.values(), key=lambda row: str(row["integer"]), reverse=True)
    return Table("ratio_summary", caption, (*text, *columns.values()), order)


def ratio_table(results: Results) -> Table:
    """Every measured ratio, with what it compares."""
    rows = [_ratio_row(ratio) for ratio in results.ratios]
    columns = (
        Column("pair", "FP over INT"),
        Column("numerator", "Numerator", hidden=True),
        Column("denominator", "Denominator", hidden=True),
        Column("quantity", "Quantity"),
        Column("goal", "Where each stands"),
        Column("stimulus", "Operands"),
        Column("value", "Ratio", QUANTITY_DIGITS["ratio"], interval=("low", "high")),
        Column("numerator_accumulator", "FP accumulator"),
        Column("denominator_accumulator", "INT accumulator"),
        Column("unit", "Unit compared", hidden=True),
        Column("clock_ns", "Clock [ns]", QUANTITY_DIGITS["clock_ns"], hidden=True),
        Column("library", "Library", hidden=True),
        Column("corner", "Corner", hidden=True),
        Column("how", "Obtained"),
    )
    caption = (
        "Cost of FP over cost of INT; above 1 the FP unit costs more. The unit on both sides is a"
        " single MAC with its operand and accumulator registers."
    )
    return Table("ratios", caption, columns, rows)


def _ratio_row(ratio: Ratio) -> dict[str, Any]:
    stimulus = ratio.stimulus
    return {
        **ratio.to_dict(),
        "pair": f"{unit_term(ratio.numerator)} / {unit_term(ratio.denominator)}",
        "quantity": ratio.quantity.value.replace(" x ", " × "),  # noqa: RUF001
        "stimulus": STIMULUS_TERMS.get(stimulus, stimulus) if stimulus else NOTHING,
        "numerator_accumulator": ratio.accumulators[0],
        "denominator_accumulator": ratio.accumulators[1],
    }


def published_table() -> Table:
    """Ratios that others reported, with the marks that say how we know them."""
    rows = [
        {**ratio.to_dict(), "marks": " ".join(f"[{mark}]" for mark in ratio.marks)}
        for ratio in PUBLISHED_RATIOS
    ]
    columns = (
        Column("source", "As reported by"),
        Column("reference", "Reference"),
        Column("unit", "Unit"),
        Column("accumulator", "Accumulator"),
        Column("level", "Obtained by"),
        Column("quantity", "Quantity"),
        Column("figure", "FP8 over INT8"),
        Column("marks", "Mark"),
    )
    marks = "; ".join(f"[{mark}] {meaning}" for mark, meaning in MARKS.items())
    return Table(
        "published_ratios", f"Reported elsewhere, not measured here. {marks}.", columns, rows
    )


def accuracy_table(results: Results) -> Table:
    """Every score of every network."""
    rows: list[dict[str, Any]] = []
    chosen = {(score.network, score.data) for score in main_scores(results)}
    for row in results.scores:
        digits, scale = (
            (QUANTITY_DIGITS["perplexity"], 1.0)
            if row["metric"] == "perplexity"
            else (QUANTITY_DIGITS["share"], 100.0)
        )
        rows.append(
            {
                **{key: value for key, value in row.items() if key != "provenance"},
                "network_term": NETWORK_TERMS.get(row["network"], row["network"]),
                "format_term": format_term(row["format"]),
                "granularity_term": GRANULARITY_TERMS.get(row["granularity"], NOTHING),
                "metric_term": ACCURACY_TERMS[row["metric"]],
                "printed": _printed(row, digits, scale),
                "in_main": "yes" if (row["network"], row["data"]) in chosen else "no",
            }
        )
    share = QUANTITY_DIGITS["share"]
    columns = (
        Column("network_term", "Network"),
        Column("network", "network", hidden=True),
        Column("data", "Data"),
        Column("n", "Tokens or pictures", 0),
        Column("format_term", "Format"),
        Column("format", "format", hidden=True),
        Column("granularity_term", "Scales of activations"),
        Column("granularity", "granularity", hidden=True),
        Column("clip", "clip", hidden=True),
        Column("metric_term", "Metric"),
        Column("printed", "Value (95 % interval)"),
        Column("value", "value", 6, interval=("low", "high"), hidden=True),
        Column("fp32_value", "FP32 value", 6, hidden=True),
        Column("agreement", "Agreement with FP32 [%]", share, scale=100.0),
        Column("logit_sqnr_db", "SQNR of outputs [dB]", QUANTITY_DIGITS["sqnr_db"]),
        Column("kl", "Divergence from FP32 [nats]", 4),
        Column("in_main", "In the main table", hidden=True),
    )
    return Table("accuracy", "Scores of the networks.", columns, rows)


def _printed(row: Mapping[str, Any], digits: int, scale: float) -> str:
    value, low, high = (number(scale * row[key], digits) for key in ("value", "low", "high"))
    unit = "" if scale == 1.0 else " %"
    return f"{value}{unit}" if row["format"] == "fp32" else f"{value}{unit} ({low} to {high})"


def analytic_table(results: Results) -> Table:
    """SQNR of the formats on distributions."""
    rows = [{**row, "format_term": format_term(row["format"])} for row in results.analytic]
    columns = (
        Column("format_term", "Format"),
        Column("format", "format", hidden=True),
        Column("distribution", "Distribution"),
        Column("sqnr_db", "SQNR [dB]", QUANTITY_DIGITS["sqnr_db"]),
    )
    return Table("analytic_sqnr", "SQNR at the range of least mean squared error.", columns, rows)


def layer_table(results: Results) -> Table:
    """SQNR of every layer (CSV only; the report draws it)."""
    columns = (
        Column("network", "Network"),
        Column("layer", "Layer"),
        Column("format", "Format"),
        Column("granularity", "Granularity"),
        Column("clip", "Clip"),
        Column("output_sqnr_db", "Output SQNR [dB]", 1),
        Column("input_sqnr_db", "Input SQNR [dB]", 1),
        Column("weight_sqnr_db", "Weight SQNR [dB]", 1),
    )
    return Table("layer_sqnr", "SQNR of every layer.", columns, [dict(r) for r in results.layers])
