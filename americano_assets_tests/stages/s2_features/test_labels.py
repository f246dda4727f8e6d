"""Labels at the edges of their window, of the evidence, and of the two criteria.

The window of study day 2026-03-09 is [2026-03-10 23:00, 2026-03-17 23:00), UTC. Every learner is a case.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.point_in_time import PairSource, PointInTimeTables
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

DAY = study_day("2026-03-09")
START, END = at("2026-03-10 23:00"), at("2026-03-17 23:00")
WITHIN = at("2026-03-12 10:00")
MOMENT = timedelta(milliseconds=1)
Answers = list[tuple[datetime, float | None]]

BY_ANSWERS: dict[str, tuple[Answers, bool | None]] = {
    "at the start": ([(START, 0.2)], True),
    "just before the start": ([(START - MOMENT, 0.2)], None),
    "just before the end": ([(END - MOMENT, 0.2)], True),
    "at the end": ([(END, 0.2)], None),
    "one answer is evidence": ([(WITHIN, 0.9)], False),
    "below the threshold": ([(WITHIN, 0.649)], True),
    "at the threshold": ([(WITHIN, 0.65)], False),
    "at the threshold by a mean": ([(WITHIN, 0.55), (WITHIN, 0.65), (WITHIN, 0.75)], False),
    "just below by a mean": ([(WITHIN, 0.55), (WITHIN, 0.65), (WITHIN, 0.749)], True),
    "skipped": ([(WITHIN, None)], True),
    "skipped, then answered": ([(WITHIN, None), (WITHIN + MOMENT, 0.9)], False),
    "skipped twice, then answered": ([(WITHIN, None), (WITHIN, None), (WITHIN + MOMENT, 0.9)], False),
    "answered, then skipped": ([(WITHIN, 0.9), (WITHIN + MOMENT, None)], True),
    "skipped, answered too late": ([(WITHIN, None), (END, 0.9)], True),
    "skipped before, answered within": ([(START - MOMENT, None), (WITHIN, 0.9)], False),
    "not studied": ([], None),
}
BY_REVIEWS: dict[str, tuple[str, bool | None]] = {
    "two reviews are no evidence": ("AA", None),
    "three are": ("AAG", True),
    "three good ones": ("GGG", False),
    "hard is a success": ("HHHA", False),
    "three of ten AGAIN": ("AAA" + "G" * 7, True),
    "three of eleven AGAIN": ("AAA" + "G" * 8, False),
    "29 per cent AGAIN": ("A" * 29 + "E" * 71, False),
    "30 per cent AGAIN": ("A" * 30 + "E" * 70, True),
    "a third but only two AGAIN": ("AAGGGG", False),
}
BOTH: dict[str, tuple[str, Answers, bool | None]] = {
    "two reviews and an answer": ("AA", [(WITHIN, 0.9)], True),  # mean 0.3
    "good answers do not thin out AGAIN": ("AAA" + "G" * 7, [(WITHIN, 1.0)] * 5, True),
    "one review and no answer": ("A", [], None),
    "told twice": ("AA", [(WITHIN, 0.9)], True),  # by events too: mean 0.3 of three
    "a wrong answer is no AGAIN": ("AA" + "G" * 6, [(WITHIN, 0.0)], False),  # mean 6 / 9, two of eight AGAIN
    "good answers make up for few lapses": ("AAGG", [(WITHIN, 1.0)] * 3, False),
}
CASES = {
    **{case: ("", answers, expected) for case, (answers, expected) in BY_ANSWERS.items()},
    **{case: (ratings, [], expected) for case, (ratings, expected) in BY_REVIEWS.items()},
    **BOTH,
}

# Struggles by their lapses alone: their mean is above the threshold.
BY_LAPSES = {"three of ten AGAIN", "30 per cent AGAIN", "good answers do not thin out AGAIN"}


@pytest.fixture(scope="module")
def tables(world: World, module_database: str, home: Path) -> PointInTimeTables:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("heart", "anatomy")
    world.objective("lung", "anatomy")
    for case, (ratings, answers, _) in CASES.items():
        world.learner(case)
        world.reviews(case, "heart", at("2026-03-11 08:00"), ratings)
        world.reviews(case, "lung", at("2026-03-11 08:00"), "AAA")  # another objective
        for when, score in answers:
            world.answer(case, "heart", when, score)
        if case == "told twice":
            tell_again(world, case)
        confident = {"promptId": "heart-prompt", "objectiveId": "heart", "confidenceLevel": 0.1}
        world.event(case, "VALIDATION_COMPLETED", WITHIN, confident)  # a self-assessment is not graded
    deployment = ClockedDeployment(world_settings(module_database, home), datetime(2026, 3, 20, tzinfo=UTC))
    read_world(deployment, "2026-03-08", "2026-03-18")
    return latest_tables(deployment, study_day("2026-03-18"))


def tell_again(world: World, case: str) -> None:
    """Record reviews and answers as events too, within seconds; the reviews' events do not name them."""
    card = {"cardId": "heart-card", "objectiveId": "heart", "rating": "AGAIN"}
    for (when,) in world.rows(
        """SELECT "reviewedAt" FROM reviews WHERE "userId" = %s AND "cardId" = 'heart-card'""", case
    ):
        world.event(case, "CARD_REVIEWED", when + timedelta(seconds=2), card)
    for answer, when in world.rows(
        """SELECT "id", "respondedAt" FROM validation_responses WHERE "userId" = %s""", case
    ):
        named = {"promptId": "heart-prompt", "objectiveId": "heart", "responseId": answer, "score": 0.9}
        world.event(case, "VALIDATION_COMPLETED", when + timedelta(minutes=2), named)


def pairs(tables: PointInTimeTables) -> PairSource:
    rows = pa.table({"learner_id": sorted(CASES), "objective_id": ["heart"] * len(CASES)})
    version = tables.store.put_whole("pairs", rows)
    return PairSource(version.content, tables.store.whole_path("pairs", version.content))


@pytest.fixture(scope="module")
def labels(tables: PointInTimeTables) -> Mapping[str, Mapping[str, Any]]:
    # With the next day's, as a training set asks for them: then rows past the end of the window are in sight.
    version = tables.labels({DAY: pairs(tables), DAY + timedelta(days=1): pairs(tables)})[DAY]
    return {row["learner_id"]: row for row in tables.store.read_whole("labels_at", version.content).to_pylist()}


@pytest.mark.parametrize("case", CASES)
def test_a_label_says_struggled_not_or_unknown(labels: Mapping[str, Mapping[str, Any]], case: str) -> None:
    assert labels[case]["struggled"] is CASES[case][2]


@pytest.mark.parametrize("case", CASES)
def test_a_label_says_whether_the_mean_alone_is_a_struggles(labels: Mapping[str, Mapping[str, Any]], case: str) -> None:
    assert labels[case]["mean_struggle"] is (CASES[case][2] is True and case not in BY_LAPSES)


def test_a_label_counts_its_evidence(labels: Mapping[str, Mapping[str, Any]]) -> None:
    names = ("n_reviews", "n_validations", "n_again", "mean_score")
    found = [labels["good answers make up for few lapses"][name] for name in names]
    assert found == [4, 3, 2, pytest.approx(5 / 7)]
    assert [labels["not studied"][name] for name in names] == [0, 0, 0, None]
    assert [labels["told twice"][name] for name in names] == [2, 1, 2, pytest.approx(0.3)]


def test_a_window_that_is_still_open_has_no_labels(tables: PointInTimeTables) -> None:
    open_day = study_day("2026-03-12")  # its window ends with study day 2026-03-19
    with pytest.raises(AmericanoError, match="The label window of study day 2026-03-12 is still open at 2026-03-18"):
        tables.labels({open_day: pairs(tables)})
    assert tables.labels({study_day("2026-03-11"): pairs(tables)})
