"""The report shows the rows that it is given, all of them and nothing else."""

import csv
import html.parser
import json
import re
from dataclasses import replace

import pytest

from hwmodel.cost.plan import make_plan
from hwmodel.cost.ratios import Quantity, ratios_of
from hwmodel.cost.results import Failure, Results
from hwmodel.errors import HwmodelError
from hwmodel.formats import FloatFormat
from hwmodel.reports import build_report, builder
from hwmodel.reports.content import main_table
from hwmodel.reports.wording import number


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    return build_report(results, tmp_path_factory.mktemp("report") / "out")


@pytest.fixture
def no_pictures(monkeypatch):
    """Pages and tables only: pictures take seconds."""
    monkeypatch.setattr(builder, "_FIGURES", ())


class TableReader(html.parser.HTMLParser):
    """Cells of one table by column key; a cell over several rows counts for each of them."""

    def __init__(self, name):
        super().__init__()
        self.name, self.rows, self.inside, self.cell = name, [], False, None
        self.spanning = {}
        self.small = False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "table":
            self.inside = given.get("id") == f"table-{self.name}"
        if not self.inside:
            return
        if tag == "tr":
            self.rows.append({})
            for key, (text, left) in list(self.spanning.items()):
                if left:
                    self.rows[-1][key] = text
                    self.spanning[key] = (text, left - 1)
        elif tag == "td":
            self.cell = given["data-column"]
            self.rows[-1][self.cell] = ""
            self.span = int(given.get("rowspan", 1))
        elif tag == "small":
            self.small = True

    def handle_data(self, data):
        if self.inside and self.cell and not self.small:
            self.rows[-1][self.cell] += data

    def handle_endtag(self, tag):
        if tag == "table":
            self.inside = False
        elif tag == "small":
            self.small = False
        elif tag == "td" and self.inside:
            if self.span > 1:
                self.spanning[self.cell] = (self.rows[-1][self.cell], self.span - 1)
            self.cell = None


def html_rows(report, name):
    reader = TableReader(name)
    reader.feed(report.read_text())
    return [row for row in reader.rows if row]


def csv_rows(report, name):
    with (report.parent / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_figure_of_the_main_table_comes_from_a_row(report, results):
    shown, plain = html_rows(report, "main"), csv_rows(report, "main")
    columns = [column for column in main_table(results).shown if column.numeric]
    assert len(shown) == len(plain) == len(results.plan["units"])
    assert len(columns) >= 8
    by_point = {(m.spec, m.clock_ns): m for m in results.measurements}
    clock = results.plan["clock_ns"]
    for cells, row in zip(shown, plain, strict=True):
        for column in columns:
            assert cells[column.key] == number(column.scale * float(row[column.key]), column.digits)
        small, fast = by_point[row["spec"], None], by_point[row["spec"], clock]
        assert float(row["area_um2"]) == small.area_um2
        assert float(row["delay_ns"]) == small.delay_ns
        assert float(row["area_at_clock_um2"]) == fast.area_um2
        assert float(row["energy_at_clock_fj"]) == fast.energy("gaussian").fj_per_mac
        operands = row["spec"].split("-")[1]
        score = next(
            s
            for s in results.scores
            if (s["format"], s["network"], s["granularity"])
            == (operands, "smollm2-135m", "token-dynamic")
        )
        assert float(row["smollm2_135m_perplexity_token_dynamic"]) == score["value"]
        sqnr = next(
            s["sqnr_db"]
            for s in results.analytic
            if (s["format"], s["distribution"]) == (operands, "gaussian")
        )
        assert float(row["sqnr_gaussian_db"]) == sqnr


def test_every_ratio_comes_from_a_ratio_record(report, results):
    plain = csv_rows(report, "ratios")
    assert [float(row["value"]) for row in plain] == [ratio.value for ratio in results.ratios]
    for row, ratio in zip(plain, results.ratios, strict=True):
        assert (row["numerator"], row["denominator"]) == (ratio.numerator, ratio.denominator)
        assert row["goal"] == ratio.goal
    summary = csv_rows(report, "ratio_summary")
    shown = html_rows(report, "ratio_summary")
    areas = {
        (ratio.numerator, ratio.denominator): ratio.value
        for ratio in results.ratios
        if ratio.quantity is Quantity.AREA and ratio.clock_ns is None
    }
    assert len(summary) == len(areas) == len(shown)
    for row, cells in zip(summary, shown, strict=True):
        value = areas[row["numerator"], row["denominator"]]
        assert float(row["area__min__area"]) == value
        assert cells["area__min__area"] == f"{value:.2f}"


def test_results_json_holds_all_rows(report, results):
    entry = json.loads((report.parent / "results.json").read_text())
    assert Results.from_dict(entry).to_dict() == results.to_dict()
    assert [row["figure"] for row in entry["published_ratios"]]


def test_published_ratios_stand_apart_and_marked(report, results):
    rows = html_rows(report, "published_ratios")
    assert len(rows) == len(results.to_dict()["published_ratios"])
    assert all(re.fullmatch(r"(\[[PSMC]\] ?)+", row["marks"]) for row in rows)
    measured = {row["pair"] for row in csv_rows(report, "ratios")}
    assert not measured & {row["source"] for row in rows}


def test_the_page_loads_nothing(report):
    text = report.read_text()
    assert "<script" not in text
    assert "<link" not in text
    assert "@import" not in text
    addresses = re.findall(
        r"""\b(?:src|href|srcset|data|action)\s*=\s*["']?([^"'>\s]*)""", _tags(text)
    )
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"url\((?!#)", text)
    # The namespace of SVG is a name, not an address that is loaded.
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert report.stat().st_size < 3_000_000


def _tags(text):
    """All tags with their attributes, but for XML namespaces and ARIA."""
    tags = " ".join(re.findall(r"<[a-zA-Z][^>]*>", text))
    return re.sub(r"\b(?:xmlns|aria-[a-z]+|data-column)(?::\w+)?=\"[^\"]*\"", "", tags)


def test_pictures_speak_to_those_who_do_not_see_them(report):
    pictures = re.findall(r"<svg .*?</svg>", report.read_text(), re.DOTALL)
    assert len(pictures) == 6
    identifiers = []
    for picture in pictures:
        opening = picture[: picture.index(">")]
        assert 'role="img"' in opening
        title, description = re.search(r'aria-labelledby="(\S+) (\S+)"', opening).groups()
        assert re.search(rf'<title id="{title}">[^<]{{20,}}</title>', picture)
        assert re.search(rf'<desc id="{description}">[^<]{{50,}}</desc>', picture)
        identifiers += re.findall(r'\bid="([^"]+)"', picture)
    assert len(identifiers) == len(set(identifiers))


def test_markdown_tables_are_rectangular_and_pictures_exist(report):
    text = (report.parent / "report.md").read_text()
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        lines = block.strip().split("\n")
        cells = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in lines]
        assert len(set(cells)) == 1
        assert re.fullmatch(r"(\| (:--|--:) )+\|", lines[1])
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) == 6
    for picture in pictures:
        assert (report.parent / picture).read_text().startswith("<svg")


def test_summary_picture_is_a_png(report):
    assert (report.parent / "figures" / "summary.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_markup_in_a_row_stays_text(results, tmp_path, no_pictures):
    failure = Failure("mac-x", "synthesis", "expected <b>bold</b> & got <script>alert(1)</script>")
    note = "a note with <img src=x>"
    page = build_report(replace(results, failures=(failure,), notes=(note,)), tmp_path)
    text = page.read_text()
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "<img" not in text


def test_without_accuracy_and_integers_the_rest_stands(results, tmp_path):
    floats = tuple(row for row in results.measurements if "int8" not in row.spec)
    units = [name for name in results.plan["units"] if "int8" not in name]
    bare = Results(
        plan={**results.plan, "units": units}, measurements=floats, ratios=(), notes=("left out",)
    )
    page = build_report(bare, tmp_path)
    assert "left out" in page.read_text()
    assert "no pair" in page.read_text()
    assert not (tmp_path / "figures" / "accuracy-energy.svg").exists()


def test_a_failure_leaves_the_older_report_as_it_was(results, tmp_path, monkeypatch, no_pictures):
    build_report(results, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    # The pages come last: everything before them has been written by then.
    monkeypatch.setattr(builder, "_page", full)
    with pytest.raises(HwmodelError, match="No space left"):
        build_report(replace(results, measurements=results.measurements[:4]), tmp_path / "out")
    after = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert after == before
    with pytest.raises(HwmodelError, match="No space left"):
        build_report(results, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_new_report_replaces_the_older_one_and_nothing_else(results, tmp_path):
    build_report(results, tmp_path)
    assert (tmp_path / "figures" / "layer-sqnr.svg").exists()
    (tmp_path / "notes.txt").write_text("mine")
    build_report(replace(results, scores=(), layers=()), tmp_path)
    assert not (tmp_path / "figures" / "layer-sqnr.svg").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_headline_names_the_better_format_only_beyond_the_intervals(results, tmp_path, no_pictures):
    def scored(spread):
        return tuple(
            {**row, "low": row["value"] * (1 - spread), "high": row["value"] * (1 + spread)}
            for row in results.scores
        )

    narrow = build_report(replace(results, scores=scored(1e-9)), tmp_path / "narrow").read_text()
    wide = build_report(replace(results, scores=scored(0.9)), tmp_path / "wide").read_text()
    assert "does not tell them apart" not in narrow
    assert narrow.count("keeps more, beyond the intervals") == 4
    assert wide.count("does not tell them apart") == 4
    assert "keeps more" not in wide


def test_all_that_holds_figures_of_cells_names_the_library(report, results):
    page = report.read_text()
    cells = "MadeUpCells, typical, 1.1 V, 25 C"
    title = re.search(r"<title>(.*?)</title>", page)[1]
    assert cells in title
    for name in (
        *("main", "ratio_summary", "ratio_stimuli", "ratios", "measurements", "energy", "blocks"),
    ):
        rows = csv_rows(report, name)
        assert {row["library"] for row in rows} == {"MadeUpCells"}
    for name in ("main", "ratio_summary", "ratio_stimuli", "ratios", "measurements"):
        assert f"Cells: {cells}." in re.search(
            rf'id="table-{name}">\s*<caption>(.*?)</caption>', page, re.DOTALL
        )[1].replace("\n", " ")
    for name in ("accuracy-energy", "area-by-block", "area-delay", "energy"):
        picture = (report.parent / "figures" / f"{name}.svg").read_text()
        assert "(MadeUpCells)</title>" in picture
        assert f">cells: {cells}</text>" in picture
    assert "In MadeUpCells, against INT8" in page
    assert f"cells {cells}" in report.with_suffix(".md").read_text()
    # Accuracy belongs to no library.
    assert "MadeUpCells" not in (report.parent / "figures" / "layer-sqnr.svg").read_text()


@pytest.mark.parametrize(
    ("plan", "options"),
    [
        ({"library": "sky130hd,tt"}, "--library sky130hd,tt"),
        ({"liberty": ("a.lib", "b.lib.gz")}, "--liberty a.lib --liberty b.lib.gz"),
        ({"clock_from": "0.4 of something"}, ""),
        ({"stimuli": ("uniform",)}, "--no-accuracy"),
    ],
)
def test_the_page_says_how_to_make_it_again_with_its_library(
    results, tmp_path, no_pictures, plan, options
):
    made = make_plan(results.plan["formats"], 2.5, **plan)
    page = build_report(replace(results, plan=made.to_dict()), tmp_path / "out").read_text()
    assert f"--clock 2.5 {options}".strip() in page
    assert ("The common clock is 2.5 ns, 0.4 of something;" in page) == ("clock_from" in plan)


def test_ratios_by_operands_come_from_records_and_say_where_the_ranking_turns(
    results, tmp_path, no_pictures
):
    def with_energy(row):
        shares = {"gaussian": 1.0, "uniform": 0.5}
        dear = isinstance(row.unit.a, FloatFormat)
        energies = tuple(
            replace(e, fj_per_mac=value, low=0.99 * value, high=1.01 * value)
            for e in row.energies
            for value in [1000.0 * (1.2 * shares[e.stimulus] if dear else 0.8)]
        )
        return replace(row, energies=energies)

    rows = tuple(map(with_energy, results.measurements))
    plan = results.plan
    floats = [u for u in plan["units"] if not u.startswith("mac-int")]
    integers = [u for u in plan["units"] if u.startswith("mac-int")]
    made = replace(results, measurements=rows, ratios=tuple(ratios_of(rows, floats, integers)))
    page = build_report(made, tmp_path / "out")
    shown, plain = html_rows(page, "ratio_stimuli"), csv_rows(page, "ratio_stimuli")
    assert len(shown) == len(plain) == 12
    for cells, row in zip(shown, plain, strict=True):
        assert (float(row["gaussian"]), float(row["uniform"])) == pytest.approx((1.5, 0.75))
        assert (cells["gaussian"], cells["uniform"]) == ("1.50", "0.75")
    text = page.read_text()
    assert text.count("the ranking turns with the stimulus: dearer only under gaussian; che") == 12
    assert "Energy by what is multiplied" in page.with_suffix(".md").read_text()
    even = replace(made, ratios=tuple(r for r in made.ratios if r.stimulus != "uniform"))
    page = build_report(even, tmp_path / "even")
    assert "For no pair do the operands decide" in page.read_text()


def test_figures_of_small_cells_have_the_digits_that_tell_them_apart(
    results, tmp_path, no_pictures
):
    small = tuple(
        replace(
            row,
            area_um2=row.area_um2 / 100,
            energies=tuple(replace(e, fj_per_mac=5.126, low=5.0, high=5.25) for e in row.energies),
        )
        for row in results.measurements
    )
    page = build_report(replace(results, measurements=small), tmp_path / "out")
    for cells, row in zip(html_rows(page, "main"), csv_rows(page, "main"), strict=True):
        assert cells["area_um2"] == f"{float(row['area_um2']):.2f}"
        assert cells["energy_at_clock_fj"] == "5.13"
