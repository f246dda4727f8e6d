"""A planted shift is found and named, and what is no shift stays quiet."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.outcomes.drift import (
    ALARM,
    BINS,
    COURSE,
    DRIFTING,
    ECE,
    LABEL_RATE,
    OK,
    PSI,
    PSI_MEAN,
    TOO_FEW,
    WARN,
    Drift,
    alarming,
    calibration_drift,
    ece_by_chance,
    row_drift,
    stability_index,
)
from americano_assets.core.outcomes.drift_told import means_apart, nothing_told, table
from americano_assets.core.statistics.metrics import Calibration

FIRST = pd.Timestamp("2025-01-06")
FEATURE = "validation_score"


def course(
    name: str,
    start_week: int,
    weeks: int,
    learners: int = 60,
    seed: int = 1,
    *,
    feature: float | None = None,
    rate: float = 0.3,
) -> pd.DataFrame:
    """A row a learner and week: features and outcomes by chance, FEATURE and the struggle rate around what is given."""
    generator = np.random.default_rng(seed)
    n = weeks * learners
    week = np.repeat(np.arange(weeks), learners)
    frame = pd.DataFrame({name: generator.uniform(size=n) for name in DRIFTING})
    frame["workload_level"] = week / 20  # A term goes on: what has to do with its calendar moves all the time.
    if feature is not None:
        frame[FEATURE] = np.clip(generator.normal(feature, 0.1, n), 0, 1)
    return frame.assign(
        learner_id=np.tile([f"{name}-{number}" for number in range(learners)], weeks),
        course_id=name,
        cutoff_day=FIRST + pd.to_timedelta(7 * (start_week + week), unit="D"),
        struggled=generator.uniform(size=n) < rate,
    )


RUNS = {"A 2024": "A", "A 2025": "A", "B 2024": "B", "B 2025": "B"}


def two_years(feature: float | None = None, rate: float = 0.3) -> pd.DataFrame:
    """Two courses that ran for twenty weeks a year ago and are in their twelfth now; B's second run may be another."""
    return pd.concat(
        [
            course("A 2024", 0, 20, seed=1),
            course("B 2024", 0, 20, seed=2),
            course("A 2025", 52, 12, seed=3),
            course("B 2025", 52, 12, seed=4, feature=feature, rate=rate),
        ],
        ignore_index=True,
    )


def one(found: list[Drift], scope_id: str, measure: str, feature: str = "") -> Drift:
    (it,) = [drift for drift in found if (drift.scope_id, drift.measure, drift.feature) == (scope_id, measure, feature)]
    return it


def test_the_index_by_hand() -> None:
    reference, current = np.repeat([0.0, 1.0], [50, 50]), np.repeat([0.0, 1.0], [20, 80])
    # Two values that occur and what never occurred: three bins, half a row in each more.
    expected, actual = np.array([50.5, 50.5, 0.5]) / 101.5, np.array([20.5, 80.5, 0.5]) / 101.5
    assert stability_index(reference, current) == pytest.approx(
        float(((actual - expected) * np.log(actual / expected)).sum())
    )
    assert stability_index(reference, reference) == 0.0


def test_a_value_that_never_occurred_before_counts_as_a_shift() -> None:
    assert stability_index(np.zeros(500), np.full(500, 0.5)) > 5
    assert stability_index(np.zeros(500), np.zeros(500)) == 0.0


def test_samples_of_one_distribution_show_about_what_chance_gives() -> None:
    generator = np.random.default_rng(0)
    n, m = 400, 900
    found = [stability_index(generator.normal(size=m), generator.normal(size=n)) for _ in range(200)]
    assert np.mean(found) == pytest.approx((BINS - 1) * (1 / n + 1 / m), rel=0.15)


def test_reference_rows_that_weigh_more_count_more() -> None:
    reference, weights = np.repeat([0.0, 1.0], 100), np.repeat([1.0, 3.0], 100)
    assert stability_index(reference, np.repeat([0.0, 1.0], [25, 75]), weights) < 0.01


def test_a_term_that_goes_on_is_no_drift() -> None:
    found = row_drift(two_years(), RUNS)
    assert {drift.scope_id for drift in found} == {"", "A 2025", "B 2025"}
    assert {drift.status for drift in found} == {OK}
    assert table(found, {}) == []
    assert one(found, "A 2025", PSI, "workload_level").n_reference == 12 * 60


def test_a_course_without_an_earlier_run_is_compared_with_its_own_past_but_for_the_calendar() -> None:
    rows = course("A", 0, 24, learners=100)
    found = row_drift(rows, {})
    assert one(found, "A", PSI_MEAN).status == OK
    assert one(found, "A", PSI, FEATURE).n_current == 8 * 100
    assert not [drift for drift in found if drift.feature == "workload_level"]
    shifted = rows.assign(
        **{FEATURE: np.where(rows["cutoff_day"] >= FIRST + pd.Timedelta(weeks=16), 0.9, rows[FEATURE])}
    )
    assert one(row_drift(shifted, {}), "A", PSI, FEATURE).status == ALARM


def test_a_feature_that_shifted_in_one_course_is_named_with_it() -> None:
    rows = two_years(feature=0.9)
    found = row_drift(rows, RUNS)
    shifted = one(found, "B 2025", PSI, FEATURE)
    assert shifted.status == ALARM
    assert shifted.current == pytest.approx(0.9, abs=0.02)
    assert shifted.reference == pytest.approx(0.5, abs=0.02)
    assert {drift.status for drift in found if drift.scope_id == "A 2025"} == {OK}
    (first, *_) = [row for row in table(found, {"B 2025": "Biology"}) if row["of"] == "Biology"]
    assert str(first["what"]).startswith("features, most validation score,")
    assert one(found, "", PSI, FEATURE).status == ALARM
    assert alarming(found) == [""]


def test_a_struggle_rate_that_moved_rings_and_chance_does_not() -> None:
    found = row_drift(two_years(rate=0.55), RUNS)
    moved = one(found, "B 2025", LABEL_RATE)
    assert moved.status == ALARM
    assert moved.value == pytest.approx(0.25, abs=0.05)
    assert one(found, "A 2025", LABEL_RATE).status == OK
    assert alarming(found)[0] == "B 2025"


def test_rows_of_few_learners_are_no_evidence_of_a_moved_rate() -> None:
    rows = two_years()
    last = (rows["course_id"] == "B 2025").to_numpy()
    # Everybody in the course is one of three learners: two that always struggle make the rate.
    rows.loc[last, "learner_id"] = [f"few-{place % 3}" for place in range(int(last.sum()))]
    rows.loc[last, "struggled"] = [place % 3 != 0 for place in range(int(last.sum()))]
    moved = one(row_drift(rows, RUNS), "B 2025", LABEL_RATE)
    assert moved.value == pytest.approx(0.37, abs=0.05)
    assert moved.status == OK


def test_too_few_rows_are_no_figure() -> None:
    found = row_drift(pd.concat([course("A", 0, 3), course("B", 0, 20, learners=3)]), {})
    assert {drift.status for drift in found} == {TOO_FEW}
    assert {drift.value for drift in found} == {None}
    assert row_drift(two_years().head(0), RUNS) == []


def test_calibration_is_judged_beyond_chance() -> None:
    sound = Calibration((0.2, 0.4), (0.2, 0.4), (500, 500))
    expected = np.mean([np.sqrt(2 / np.pi * p * (1 - p) / 500) for p in (0.2, 0.4)])
    assert ece_by_chance(sound) == pytest.approx(expected)
    assert calibration_drift("A", 1000, 0.01, sound).status == OK
    assert calibration_drift("A", 1000, 0.08, sound).status == WARN
    assert calibration_drift("A", 1000, 0.13, sound).status == ALARM
    few = Calibration((0.2, 0.4), (0.2, 0.4), (10, 10))
    assert calibration_drift("A", 20, 0.13, few).status == TOO_FEW
    assert calibration_drift("A", 0, None, None).status == TOO_FEW


def looked(measure: str, status: str, scope_id: str = "a") -> Drift:
    """A shift of a course, or none."""
    return Drift(COURSE, scope_id, measure, "", 0.01, 0.3, 0.3, 500, 400, status)


def test_where_nothing_moved_it_is_told_what_was_seen_and_what_was_not() -> None:
    too_few = "There are too few rows to tell whether anything has shifted since the models were taught"
    assert nothing_told([]) == f"{too_few}: it takes about 360 of both in a course."
    small = replace(looked(PSI_MEAN, TOO_FEW, "b"), n_reference=20, n_current=9)
    assert nothing_told([looked(PSI_MEAN, TOO_FEW), small, looked(ECE, TOO_FEW)]) == (
        f"{too_few} (of the largest course 500 outcomes from before and 400 of lately): it takes about 360 of both in a"
        " course."
    )
    seen = [looked(PSI_MEAN, OK), looked(PSI_MEAN, OK, "b"), looked(LABEL_RATE, OK), looked(ECE, TOO_FEW)]
    assert nothing_told(seen) == (
        "Nothing moved beyond its limit. Looked at were features of 2 courses, struggle rates of 1 course. Of 1 course "
        "there are too few rows for one of these."
    )
    assert "calibration of 1 course" in nothing_told([*seen, looked(ECE, OK, "b")])


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (0.0025696, 0.0, ("0.003", "0.000")),
        (0.31, 0.26, ("0.31", "0.26")),
        (0.5, 0.5, ("0.50", "0.50, spread otherwise")),
        (None, 0.104, ("—", "0.10")),
        (None, None, ("—", "—")),
    ],
)
def test_two_means_that_differ_are_never_shown_alike(
    before: float | None, now: float | None, told: tuple[str, str]
) -> None:
    assert means_apart(before, now) == told


def test_warnings_come_after_alarms_and_features_of_a_course_stand_behind_their_mean() -> None:
    found = [
        Drift(COURSE, "A", ECE, "", 0.06, 0.01, 0.07, 0, 900, WARN),
        Drift(COURSE, "A", PSI, FEATURE, 3.0, 0.1, 0.9, 900, 900, ALARM),
        Drift(COURSE, "A", PSI_MEAN, "", 0.3, None, None, 900, 900, ALARM),
    ]
    assert [row["status"] for row in table(found, {})] == [ALARM, WARN]
    assert alarming(found) == ["A"]
