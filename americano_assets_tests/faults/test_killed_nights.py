"""A night that is killed (-9) in each of its stages leaves nothing half visible, and the next one heals it."""

import os
import subprocess
import sys

import pytest

from americano_assets.settings import PROJECT_ROOT
from americano_assets_tests.faults.conftest import Left, School
from americano_assets_tests.faults.driver import AFTER_CALL, IN_FILE

BEFORE_COMMIT = (
    "reading the log",
    "reading plans",
    *IN_FILE,
    *(point for point in AFTER_CALL if point.startswith("publication") and not point.endswith("committed")),
)
AFTER_COMMIT = ("publication, committed", "outcomes")
EVERY = (*BEFORE_COMMIT, *AFTER_COMMIT)
WORST = ("publication, ledger", "publication, committed")


def test_every_stage_has_its_place_among_the_points() -> None:
    assert {*AFTER_CALL, *IN_FILE} == set(EVERY)


@pytest.mark.parametrize("points", [WORST, pytest.param(EVERY, marks=pytest.mark.long)], ids=["worst", "every"])
def test_a_killed_night_publishes_all_or_nothing_and_is_healed_by_the_next(
    school: School, undisturbed: Left, points: tuple[str, ...]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "americano_assets_tests.faults.driver", school.url, str(school.home), *points],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        for point in points:
            assert driver.stdout.readline().strip() == point
            left = school.left()
            shown = {table: rows for table, rows in left.items() if table != "model_versions" and rows}
            if point in BEFORE_COMMIT:
                assert shown == {}, point
            else:
                assert shown == {t: rows for t, rows in undisturbed.items() if t != "model_versions" and rows}, point
            driver.stdin.write("\n")
            driver.stdin.flush()
    assert driver.returncode == 0
    school.night()
    assert school.left() == undisturbed
