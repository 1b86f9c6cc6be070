import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmodel.errors import HwmodelError
from hwmodel.technology.liberty import parse_liberty, read_liberty, split_numbers

TEXT = """/* a comment { with a brace */
library (tiny) {
  time_unit : "1ns"; // to the end of the line }
  capacitive_load_unit (1, ff);
  comment : "braces { } and ; inside";
  cell (INV) {
    area : 0.5;
    pin (A) { direction : input; capacitance : 1.5 }
    pin ("Z") {
      function : "!A";
      timing () {
        related_pin : "A";
        cell_rise (t) { values ("1, 2", \\
                                "3, 4"); }
      }
    };
  }
}
"""


def test_groups_attributes_and_lists_keep_their_places():
    library = parse_liberty(TEXT, "tiny.lib")
    assert (library.kind, library.name) == ("library", "tiny")
    assert library.attributes["time_unit"] == "1ns"
    assert library.attributes["comment"] == "braces { } and ; inside"
    assert library.lists["capacitive_load_unit"] == [("1", "ff")]
    (cell,) = library.all("cell")
    assert cell.number("area", 0.0) == 0.5
    first, second = cell.all("pin")
    assert (first.name, first.number("capacitance", 0.0)) == ("A", 1.5)  # no last semicolon
    assert second.name == "Z"
    table = second.all("timing")[0].all("cell_rise")[0]
    assert split_numbers(table.lists["values"][0]) == [1, 2, 3, 4]


@given(st.integers(0, len(TEXT.rstrip()) - 1))
def test_a_file_cut_anywhere_is_never_taken_for_a_whole_one(length):
    with pytest.raises(HwmodelError, match=r"tiny\.lib"):
        parse_liberty(TEXT[:length], "tiny.lib")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("library (x) { cell (A) { area : 1; }", "closing braces are missing"),
        ("library (x) { } }", "a closing brace too many"),
        ("library (x) {\n  cell (A) {\n    area 1; } }", "line 3: expected a Liberty statement"),
        ("", "expected one library group"),
        ("cell (A) { area : 1; }", "expected one library group"),
        ("<html>not found</html>", "line 1: expected a Liberty statement"),
    ],
)
def test_broken_text_is_one_clear_sentence(text, message):
    with pytest.raises(HwmodelError, match=message):
        parse_liberty(text, "bad.lib")


def test_gzip_and_plain_are_the_same_file(tmp_path):
    plain, packed = tmp_path / "a.lib", tmp_path / "a.lib.gz"
    plain.write_text(TEXT)
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert read_liberty(plain) == read_liberty(packed)


def test_a_damaged_archive_and_a_missing_file_are_errors(tmp_path):
    packed = tmp_path / "a.lib.gz"
    packed.write_bytes(gzip.compress(TEXT.encode())[:-20])
    with pytest.raises(HwmodelError, match="cannot read the Liberty file"):
        read_liberty(packed)
    with pytest.raises(HwmodelError, match="No such file"):
        read_liberty(tmp_path / "absent.lib")


def test_numbers_that_are_none_are_named():
    library = parse_liberty("library (x) { cell (A) { area : big; } }", "x.lib")
    with pytest.raises(HwmodelError, match="area in cell \\(A\\) should be a number, not 'big'"):
        library.all("cell")[0].number("area", 0.0)
    with pytest.raises(HwmodelError, match="expected numbers"):
        split_numbers(("1, two",))
