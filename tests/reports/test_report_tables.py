"""Tables print figures with their digits and keep all of them in CSV."""

from hwmodel.reports.tables import Column, Table
from hwmodel.reports.wording import format_term, operands_and_accumulator, unit_term

TABLE = Table(
    "made_up",
    "A caption.",
    (
        Column("name", "Name", merged=True),
        Column("area", "Area", 0),
        Column("share", "Share", 1, scale=100.0, interval=("low", "high")),
        Column("secret", "Secret", hidden=True),
    ),
    [
        {"name": "a|b", "area": 1234.56, "share": 0.12345, "low": 0.1, "high": 0.2, "secret": 1},
        {"name": "a|b", "area": None, "share": 0.5},
        {"name": "c", "area": 0.4, "share": None, "low": 0.1, "high": 0.2},
    ],
    group="name",
)


def test_markdown():
    assert TABLE.markdown().split("\n") == [
        "| Name | Area | Share |",
        "| :-- | --: | --: |",
        "| a\\|b | 1,235 | 12.3 (10.0 to 20.0) |",
        "| a\\|b | \N{EN DASH} | 50.0 |",
        "| c | 0 | \N{EN DASH} (10.0 to 20.0) |",
    ]


def test_csv_keeps_all_digits_and_all_columns():
    assert TABLE.csv().split("\n")[:3] == [
        "name,area,share,low,high,secret",
        "a|b,1234.56,0.12345,0.1,0.2,1",
        "a|b,,0.5,,,",
    ]


def test_merged_cells_cover_their_group():
    name, area = TABLE.columns[:2]
    assert [TABLE.span(index, name) for index in range(3)] == [2, 0, 1]
    assert [TABLE.span(index, area) for index in range(3)] == [1, 1, 1]


def test_terms():
    assert format_term("e4m3") == "E4M3"
    assert unit_term("mac-int8-int8-int32") == "INT8 → INT32"
    assert unit_term("mac-e4m3-e5m2-exact") == "E4M3\N{MULTIPLICATION SIGN}E5M2 → exact"
    assert operands_and_accumulator("mac-int8-int8-exact") == "INT8 → exact, 28 bits"
