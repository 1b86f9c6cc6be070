"""The fit finds a known law, cross-validation really leaves out, bounds cover."""

import dataclasses
import math

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.predict import cross_validate, features, predict, read_rows, summaries, write_rows
from hwmodel.predict.alternatives import ANCHOR, chen_size, van_baalen_size
from hwmodel.predict.features import FIXED, FLOAT, features_of
from hwmodel.predict.model import QUANTITIES, fit_family, row_features
from hwmodel.predict.validation import bound
from hwmodel.units import parse_unit

UNSEEN = "mac-e3m3-e3m3-exact"


def test_the_fit_finds_a_law(law_rows, law_row):
    truth = law_row(UNSEEN)
    found = fit_family(FIXED, law_rows).estimate(features_of(parse_unit(UNSEEN)))
    for quantity in QUANTITIES:
        assert found[quantity] == pytest.approx(getattr(truth, quantity), rel=1e-6)


def test_the_fit_finds_what_a_clock_costs(law_rows, law_row):
    clocks = {row.spec: 0.6 * row.delay_ns for row in law_rows}
    rows = (*law_rows, *(law_row(name, clock) for name, clock in clocks.items()))
    model = fit_family(FIXED, rows)
    assert model.hurry.area["carry chain"] == pytest.approx(0.7)
    law = {"integer operands": 0.2, "other operands, urgency": 0.03}
    others = dict.fromkeys(model.hurry.switching.keys() - law.keys(), 0.0)
    assert len(others) == 3
    assert model.hurry.switching == pytest.approx(law | others, abs=1e-9)
    clock = 0.7 * law_row(UNSEEN).delay_ns  # within what was measured
    truth = law_row(UNSEEN, clock)
    found = model.estimate(features_of(parse_unit(UNSEEN)), clock)
    for quantity in QUANTITIES:
        assert found[quantity] == pytest.approx(getattr(truth, quantity), rel=1e-6)
    prediction = predict(parse_unit(UNSEEN), clock, rows=rows)
    assert prediction.figures["delay_ns"].value == clock
    assert any("assumed" in note for note in prediction.notes)


def test_a_clock_without_basis_is_refused(law_rows):
    with pytest.raises(HwmodelError, match=r"0 units .* were measured at a clock, 3 are needed"):
        predict(parse_unit(UNSEEN), 0.5, rows=law_rows)


def test_an_easy_clock_costs_nothing_but_leakage(law_rows):
    slow = predict(parse_unit(UNSEEN), 50.0, rows=law_rows).figures
    free = predict(parse_unit(UNSEEN), rows=law_rows).figures
    assert slow["area_um2"].value == free["area_um2"].value
    assert slow["fj_per_mac"].value > free["fj_per_mac"].value


def test_cross_validation_leaves_the_unit_out(law_rows, law_row):
    """Planted: one row is wrong by half. A fit that has seen it would be drawn towards it."""
    odd = "mac-e5m2-e5m2-exact"
    rows = [law_row(odd, factor=1.5) if row.spec == odd else row for row in law_rows]
    honest = {r.spec: r for r in cross_validate(FIXED, rows, "unit")}[odd]
    assert honest.error("area_um2") == pytest.approx(1 / 1.5 - 1, rel=1e-3)
    leaked = fit_family(FIXED, rows).estimate(features_of(parse_unit(odd)))["area_um2"]
    assert abs(leaked / honest.measured["area_um2"] - 1) < 0.75 * abs(honest.error("area_um2"))
    assert honest.model.rows == len(rows) - 1


def test_leaving_a_format_out_leaves_out_all_its_units(law_rows):
    residuals = cross_validate(FIXED, law_rows, "format")
    int8 = [r for r in residuals if r.model.rows == len(law_rows) - 3]
    # INT8 is in three units: with int32, exact, and as the second operand of int4.
    assert {r.spec for r in int8} >= {"mac-int8-int8-int32", "mac-int4-int8-int32"}
    mixed = [r for r in residuals if r.spec == "mac-int4-int8-int32"]
    assert len(mixed) == 2


def test_the_bound_covers_nine_of_ten(law_rows, law_row):
    spoilt = [law_row(r.spec, factor=1 + 0.02 * (i % 7 - 3)) for i, r in enumerate(law_rows)]
    residuals = cross_validate(FIXED, spoilt, "unit")
    for quantity in QUANTITIES:
        factor = bound(residuals, quantity)
        inside = [
            abs(math.log1p(r.error(quantity))) <= 1.000001 * math.log(factor) for r in residuals
        ]
        assert sum(inside) >= 0.9 * len(inside)
    assert bound((), "area_um2") is None
    lines = summaries(residuals)
    assert {line.quantity for line in lines} == set(QUANTITIES)
    assert all(0 <= line.median <= line.worst for line in lines)


def test_a_unit_outside_the_range_gets_a_wider_bound(law_rows, law_row):
    spoilt = [law_row(r.spec, factor=1 + 0.02 * (i % 7 - 3)) for i, r in enumerate(law_rows)]
    inside = predict(parse_unit("mac-int9-int9-int32"), rows=spoilt)
    outside = predict(parse_unit("mac-int14-int14-int32"), rows=spoilt)
    assert not inside.outside
    assert "product_adders" in outside.outside
    assert outside.figures["area_um2"].error > inside.figures["area_um2"].error
    assert any("extrapolated" in note for note in outside.notes)


def test_the_bound_comes_from_the_same_operands_where_they_are_enough(law_rows, law_row):
    """Planted: the floating-point units are off, the integer ones are not."""
    spoilt = [
        r if "int" in r.spec else law_row(r.spec, factor=1 + 0.1 * (i % 3 - 1))
        for i, r in enumerate(law_rows)
    ]
    integer = predict(parse_unit("mac-int5-int6-int32"), rows=spoilt)
    assert integer.bound_from.startswith("9 measured rows")
    assert "integer operands" in integer.bound_from
    # Six rows have no quantile of nine tenths: all rows of the goal together.
    few = predict(parse_unit("mac-e3m1-e2m3-exact"), rows=spoilt)
    assert few.bound_from.startswith(f"{len(law_rows)} measured rows")
    assert integer.figures["area_um2"].error < 0.5 * few.figures["area_um2"].error


def test_what_is_far_outside_is_refused(law_rows):
    with pytest.raises(HwmodelError, match="too far from the measured units"):
        predict(parse_unit("mac-bf16-bf16-exact"), rows=law_rows)


def test_a_family_without_rows_is_refused(law_rows):
    with pytest.raises(HwmodelError, match=r"5 measured units or more, but 0 came"):
        predict(parse_unit("mac-e4m3-e4m3-fp32"), rows=law_rows)


def test_rows_come_back_from_a_file(law_rows, law_row, tmp_path):
    rows = (law_row(ANCHOR), law_row(ANCHOR, 1.0))
    write_rows(tmp_path / "rows.csv", rows)
    again = read_rows(tmp_path / "rows.csv")
    assert [row.clock_ns for row in again] == [None, 1.0]
    for old, new in zip(rows, again, strict=True):
        for field in dataclasses.fields(old):
            wanted = getattr(old, field.name)
            if isinstance(wanted, float):
                wanted = pytest.approx(wanted, rel=1e-5)
            assert getattr(new, field.name) == wanted


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("area_um2", "area", 1), "expected a table with the columns"),
        (lambda text: text.replace("yes", "perhaps", 1), "line 2 .* is no measured row"),
        (lambda text: text.replace(",yes,", ",yes,-", 1), "line 2 .* is no measured row"),
    ],
)
def test_a_damaged_table_is_refused(spoil, message, law_row, tmp_path):
    path = tmp_path / "rows.csv"
    write_rows(path, (law_row(ANCHOR),))
    path.write_text(spoil(path.read_text()))
    with pytest.raises(HwmodelError, match=message):
        read_rows(path)


def test_a_missing_table_names_the_command(tmp_path):
    with pytest.raises(HwmodelError, match="hwmodel predict --collect"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "none.csv").write_bytes(b"\xff\x80")
    with pytest.raises(HwmodelError, match=r"none\.csv: it is no text; make them with"):
        read_rows(tmp_path / "none.csv")


def test_a_unit_that_nothing_was_trained_on_is_refused(law_rows):
    with pytest.raises(HwmodelError, match=r"align16w25_fp32 came; such units have no RTL yet"):
        predict(parse_unit("mac-e4m3-e4m3-align16w25_fp32"), rows=law_rows)


def test_chen_counts_by_hand():
    # INT8: 8 x 8 places of AND and full adder, and an adder of 16.
    assert chen_size(parse_unit("mac-int8-int8-int32")) == 64 * 8.5 + 16 * 7
    # E2M1 exact: n = 2^3 + 2 = 10.
    shift = 10 * math.log2(10)
    exponent = 2 * (7 + 2.5 + 7 + 2.5 + 1.5 + 1.5)
    by_hand = 4 * 8.5 + 10 * 7 + exponent + shift * 2.5 + shift * 4
    assert chen_size(parse_unit("mac-e2m1-e2m1-exact")) == pytest.approx(by_hand)
    with pytest.raises(HwmodelError, match="one format"):
        chen_size(parse_unit("mac-e4m3-e5m2-exact"))


def test_van_baalen_knows_its_published_ratios_only():
    assert van_baalen_size(parse_unit("mac-e4m3-e4m3-fp32")) == 2.83
    with pytest.raises(HwmodelError, match="only the ratios"):
        van_baalen_size(parse_unit("mac-e5m2-e5m2-fp32"))


def test_a_published_model_is_scaled_by_one_unit_and_marked(law_rows):
    prediction = predict(parse_unit("mac-e4m3-e4m3-fp16"), model="vanbaalen", rows=law_rows)
    anchor = next(row for row in law_rows if row.spec == "mac-int8-int8-exact")
    assert prediction.figures["area_um2"].value == pytest.approx(1.53 * anchor.area_um2)
    assert prediction.mark == "M"
    assert prediction.figures["delay_ns"] is None
    assert prediction.figures["area_um2"].error is None  # one row to compare with bounds nothing
    with pytest.raises(HwmodelError, match="does not know what a clock costs"):
        predict(parse_unit("mac-e4m3-e4m3-fp16"), 1.0, "chen", law_rows)


def test_the_plain_count_is_right_where_the_world_is(law_rows, law_row):
    found = predict(parse_unit(UNSEEN), model="gates", rows=law_rows).figures
    assert found["area_um2"].value == pytest.approx(law_row(UNSEEN).area_um2)
    assert found["area_um2"].error == pytest.approx(0, abs=1e-9)
    assert found["delay_ns"].value == pytest.approx(law_row(UNSEEN).delay_ns)


def test_the_packaged_rows_are_of_one_library_and_of_known_units():
    rows = read_rows()
    assert len({(row.library, row.corner, row.stimulus) for row in rows}) == 1
    assert len({(row.spec, row.clock_ns) for row in rows}) == len(rows)
    for row in rows:
        assert parse_unit(row.spec).name == row.spec
        assert row.fj_low <= row.fj_per_mac <= row.fj_high
        assert row.effort
        assert "library_sha256=" in row.tools


# What is reached, rounded up; the aim is 5 % and 15 %. Circuits of one unit come in kinds (products
# summed apart or in the accumulator's adder, ripple or not), a few per cent apart in area and up to
# 25 % in period and energy; which kind wins the spec does not tell. So the worst energy misses the
# aim, and so do the median energy of float units at a clock, a float unit's worst period, and the
# area of four float rows of 185, at 0.4 of the slowest clock.
_REACHED = {
    (FIXED, "minimum area", "area_um2"): (0.02, 0.07),
    (FIXED, "minimum area", "delay_ns"): (0.02, 0.12),
    (FIXED, "minimum area", "fj_per_mac"): (0.04, 0.21),
    (FIXED, "clock", "area_um2"): (0.03, 0.13),
    (FIXED, "clock", "fj_per_mac"): (0.05, 0.26),
    (FLOAT, "minimum area", "area_um2"): (0.02, 0.08),
    (FLOAT, "minimum area", "delay_ns"): (0.051, 0.21),
    (FLOAT, "minimum area", "fj_per_mac"): (0.05, 0.20),
    (FLOAT, "clock", "area_um2"): (0.04, 0.18),
    (FLOAT, "clock", "fj_per_mac"): (0.07, 0.30),
}


@pytest.mark.parametrize("left_out", ["unit", "format"])
@pytest.mark.parametrize("family", [FIXED, FLOAT])
def test_errors_of_what_is_left_out_do_not_grow(family, left_out):
    lines = summaries(cross_validate(family, read_rows(), left_out))
    wanted = {key: limits for key, limits in _REACHED.items() if key[0] == family}
    assert {(line.family, line.goal, line.quantity) for line in lines} == set(wanted)
    for line in lines:
        median, worst = wanted[line.family, line.goal, line.quantity]
        assert line.median < median, line
        assert line.worst < worst, line


def test_cross_validation_passes_over_clocks_that_nothing_is_known_of(law_rows, law_row):
    rows = (*law_rows, law_row("mac-int4-int4-int32", 1.0))
    residuals = cross_validate(FIXED, rows, "unit")
    assert len(residuals) == len(law_rows)
    assert all(r.clock_ns is None for r in residuals)


def test_an_overflowing_sum_has_no_energy(law_row, monkeypatch):
    names = [f"mac-{f}-{f}-fp32" for f in ("e2m1", "e3m1", "e2m3", "e3m2", "e4m3", "e5m2")]
    stuck = "mac-e5m2-e5m2-fp16"
    # As it is with codes that cannot be scaled to fit.
    real = features.toggles_of
    monkeypatch.setattr(
        features, "toggles_of", lambda s: real(s, "uniform" if s.name == stuck else "gaussian")
    )
    row_features.cache_clear()
    rows = [law_row(name) for name in (*names, stuck)]
    prediction = predict(parse_unit(stuck), rows=rows)
    assert prediction.figures["fj_per_mac"] is None
    assert prediction.to_dict()["fj_per_mac"] is None
    assert prediction.figures["area_um2"].value > 0
    assert any("infinity" in note for note in prediction.notes)
    energies = [r for r in cross_validate(FLOAT, rows, "unit") if "fj_per_mac" in r.predicted]
    assert {r.spec for r in energies} == set(names)
    row_features.cache_clear()


def test_rows_of_a_reduced_search_are_told(law_rows):
    rows = (dataclasses.replace(law_rows[0], effort="reduced search: 2 runs"), *law_rows[1:])
    notes = predict(parse_unit(UNSEEN), rows=rows).notes
    assert any(note.startswith(f"1 of {len(rows)} measured rows come from") for note in notes)
    assert not predict(parse_unit(UNSEEN), rows=law_rows).notes
