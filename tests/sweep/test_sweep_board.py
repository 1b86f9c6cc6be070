from hwmodel.sweep.board import Board
from hwmodel.sweep.libraries import Liberty
from hwmodel.sweep.point import Task

LIBERTY = Liberty(("cells.lib",), "0")


def tasks(*names, clocks=(1.0, 2.0, 3.0)):
    return [Task(n, LIBERTY, clock, "gaussian", 512, 1, "") for n in names for clock in clocks]


def at(task):
    return task and (task.spec, task.clock_ns)


SMALL, LARGE = "mac-int2-int2-int8", "mac-e4m3-e4m3-fp32"


def test_units_go_to_different_places_and_the_largest_first():
    board = Board(tasks(SMALL, LARGE))
    assert board.startable == 2
    first, second = board.take("one"), board.take("two")
    assert (at(first), at(second)) == ((LARGE, 1.0), (SMALL, 1.0))
    assert board.is_first(first)
    # The others wait for the runs that they share with the first.
    assert (board.startable, board.take("three")) == (0, None)
    assert board.counts() == (0, 4)


def test_the_others_follow_in_the_place_of_the_first():
    board = Board(tasks(SMALL, LARGE))
    large, small = board.take("one"), board.take("two")
    board.done(small)
    board.done(large)
    assert at(board.take("two")) == (SMALL, 2.0)
    assert at(board.take("one")) == (LARGE, 2.0)


def test_idle_places_help_where_most_is_left():
    board = Board(tasks(SMALL, LARGE))
    large, small = board.take("one"), board.take("two")
    board.done(small)
    board.take("two")
    board.done(large)
    assert at(board.take("three")) == (LARGE, 2.0)


def test_a_new_unit_goes_before_helping():
    board = Board(tasks(LARGE, SMALL))
    board.done(board.take("one"))
    assert at(board.take("two")) == (SMALL, 1.0)


def test_what_was_lost_is_the_first_of_its_unit_again():
    board = Board(tasks(SMALL))
    lost = board.take("one")
    board.put_back(lost)
    assert board.counts() == (1, 2)
    assert board.take("two") == lost
