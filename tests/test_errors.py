"""What the sentences of errors are made of."""

from hwmodel.errors import last_lines, nearest_hint


def test_the_last_lines_of_a_tool_stand_apart_from_the_sentence():
    output = "\n".join(f"line {n}  " if n % 2 else "" for n in range(20))
    assert last_lines(output, 2) == "\n  line 17\n  line 19"
    assert last_lines(output).count("\n  line") == 6
    assert last_lines(" \n") == "\n  (it said nothing)"


def test_the_nearest_names_are_hinted_at_if_there_are_any():
    known = {"ecp5": 1, "ice40": 2, "xilinx": 3}
    assert nearest_hint("ecp4", known).startswith("; the nearest known ones are ecp5")
    assert nearest_hint("qqq", known) == ""
