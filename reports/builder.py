"""Build the report: pages, tables and pictures, moved into place when all of them are finished."""

import contextlib
import importlib.metadata
import importlib.resources
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from hwmodel.cost.plan import NETWORK_STIMULUS
from hwmodel.cost.results import Results
from hwmodel.errors import HwmodelError
from hwmodel.reports import accuracy_figures, content, cost_figures
from hwmodel.reports.cells import figure_with_cells, table_with_cells
from hwmodel.reports.charts import Figure
from hwmodel.reports.headline import accuracy_sentences, cost_answers
from hwmodel.reports.stimulus_table import stimulus_sentences, stimulus_table
from hwmodel.reports.tables import Table

__all__ = ["build_report"]

_FIGURES = (
    accuracy_figures.accuracy_energy,
    cost_figures.area_by_block,
    cost_figures.area_delay,
    cost_figures.energy_by_stimulus,
    accuracy_figures.sqnr_by_distribution,
    accuracy_figures.layer_sqnr,
)
_TABLES = (
    content.main_table,
    content.ratio_summary_table,
    stimulus_table,
    content.ratio_table,
    content.measurement_table,
    content.energy_table,
    content.blocks_table,
    content.accuracy_table,
    content.analytic_table,
    content.layer_table,
)
# report.html comes last: where it is new, everything beside it is new, too.
_ENTRIES = ("tables", "figures", "results.json", "report.md", "report.html")


def build_report(results: Results, folder: Path) -> Path:
    """Write the report into a folder.

    Everything is built in a hidden folder inside and moved into place at the end: a failure or
    an interruption leaves an older report as it was. Other files in the folder are not touched.

    Parameters
    ----------
    results : Results
        All that the report says.
    folder : Path
        Made if need be.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    HwmodelError
        The folder cannot be written to.
    """
    existed = folder.exists()
    building: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=folder, prefix=".building-"))
        _write_all(results, building)
        for name in _ENTRIES:
            _move_into_place(building / name, folder / name, building / f"old-{name}")
    except OSError as error:
        raise HwmodelError(
            f"cannot write the report to {folder}: {error.strerror or error}; free some space or"
            " choose another folder with -o (measured results are kept)"
        ) from error
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
        if not existed:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where nothing was put into it
    return folder / "report.html"


def _move_into_place(new: Path, target: Path, aside: Path) -> None:
    # A folder cannot be moved over another one, so the old one steps aside first.
    if target.is_dir():
        target.rename(aside)
    new.replace(target)


def _write_all(results: Results, folder: Path) -> None:
    drawn = [figure for draw in _FIGURES if (figure := draw(results)) is not None]
    figures = [figure_with_cells(figure, results) for figure in drawn]
    made = [table_with_cells(make(results), results) for make in _TABLES]
    tables = {table.name: table for table in made}
    tables["published_ratios"] = content.published_table()
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    for table in tables.values():
        (folder / "tables" / f"{table.name}.csv").write_text(table.csv(), encoding="utf-8")
    for figure in figures:
        path = folder / "figures" / f"{figure.name}.svg"
        path.write_text(figure.file_svg(), encoding="utf-8")
    if figures:
        (folder / "figures" / "summary.png").write_bytes(figures[0].png())
    entry = results.to_dict()
    (folder / "results.json").write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")
    for name in ("report.html", "report.md"):
        (folder / name).write_text(_page(name, results, tables, figures), encoding="utf-8")


def _page(name: str, results: Results, tables: dict[str, Table], figures: list[Figure]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = lambda value: json.dumps(value, indent=1, ensure_ascii=False)
    return environment.get_template(f"{name}.j2").render(
        results=results,
        tables=tables,
        figures={figure.name: figure for figure in figures},
        pictures={figure.name: markupsafe.Markup(figure.inline_svg()) for figure in figures}
        if name.endswith(".html")
        else {},
        cost_answers=cost_answers(results),
        accuracy_sentences=accuracy_sentences(results),
        stimulus_sentences=stimulus_sentences(results),
        cells=results.cells,
        score_notes=_score_notes(results),
        command=_command(results),
        version=importlib.metadata.version("hwmodel"),
    )


def _score_notes(results: Results) -> list[dict[str, Any]]:
    """What the accuracy rows say of how they were obtained, once for each network and data."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in results.scores:
        provenance = row["provenance"]
        notes = {key: value for key, value in provenance.items() if isinstance(value, str)}
        seen.setdefault((row["network"], row["data"]), {"network": row["network"], "notes": notes})
    return list(seen.values())


def _template(name: str) -> str:
    return (importlib.resources.files("hwmodel.reports") / "templates" / name).read_text("utf-8")


def _command(results: Results) -> str:
    """Command line that makes the same report."""
    plan = results.plan
    parts = ["hwmodel report -o DIR", f"--formats {','.join(plan['formats'])}"]
    parts.append(f"--clock {plan['clock_ns']:g}")
    if plan.get("library"):
        parts.append(f"--library {plan['library']}")
    parts += [f"--liberty {file}" for file in plan["liberty"] or ()]
    if NETWORK_STIMULUS not in plan["stimuli"]:
        parts.append("--no-accuracy")
    return " ".join(parts)
