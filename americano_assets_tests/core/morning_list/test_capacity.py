"""Recall and precision against capacity, on lists whose outcomes are written by hand."""

from americano_assets.core.morning_list.capacity import CourseNight, Reach, reached
from americano_assets.core.statistics.metrics import LEAST_ROWS

# 30 nights of one course: the first of the list struggled each time, the second never, the third could not be told.
NIGHTS = [CourseNight((True, False, None), struggled=2)] * 30


def test_recall_grows_and_precision_falls_with_capacity() -> None:
    assert reached(NIGHTS, (1, 2, 3)) == [
        Reach(1, listed=30, known=30, right=30, recall=0.5, precision=1.0),
        Reach(2, listed=60, known=60, right=30, recall=0.5, precision=0.5),
        Reach(3, listed=90, known=60, right=30, recall=0.5, precision=0.5),
    ]


def test_the_curve_ends_with_the_first_capacity_that_cuts_nothing() -> None:
    assert [one.capacity for one in reached(NIGHTS)] == [1, 2, 3]
    assert [one.capacity for one in reached([CourseNight((True,) * 7, 9)])] == [1, 2, 3, 5, 10]
    assert reached([CourseNight((), 5)]) == reached([]) == []


def test_courses_count_together_each_with_its_own_capacity() -> None:
    found = reached([*NIGHTS, *[CourseNight((False, True), struggled=1)] * 30], (1, 2))
    # First: 30 of 60 right, of 90 struggles. Second: 60 of 120 right.
    assert [(one.listed, one.right, one.recall, one.precision) for one in found] == [
        (60, 30, 30 / 90, 0.5),
        (120, 60, 60 / 90, 0.5),
    ]


def test_no_rate_of_fewer_rows_than_carry_one() -> None:
    few = NIGHTS[: LEAST_ROWS - 1]
    (one, two, three) = reached([CourseNight(night.outcomes, 1) for night in few])
    assert (one.recall, one.precision, one.right) == (None, None, LEAST_ROWS - 1)
    assert (two.recall, two.precision) == (None, 0.5)
    assert three.recall is None
