"""Which score of an episode counts, and that figures do not depend on how many learners are looked at together."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.stages.s4_predictions import matured as module
from americano_assets.stages.s4_predictions.matured import matured
from americano_assets.stages.s4_predictions.sql import query
from americano_assets.stages.s7_outcomes import label_episodes
from americano_assets.stages.s7_outcomes.label_episodes import record_outcomes
from americano_assets.stages.s7_outcomes.misses import explained, find_misses
from americano_assets.stages.s8_reduction import matured_figures
from americano_assets.stages.s8_reduction.matured_figures import figures_of_day
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED
from americano_assets_tests.world import study_day

EPOCH = date(1970, 1, 1)
SCORES = [(7, 0.1), (9, 0.3), (8, 0.2), (10, 0.9)]


def counted(scores: list[tuple[str, int, float]]) -> dict[str, float]:
    """The p that counts of each episode planned for day 10, scored on the given days."""
    days = sorted({day for _, day, _ in scores})
    pair = {"learner_id": "a", "objective_id": "heart"}
    rows = [
        pair | {"prediction_id": one, "planned_day": 10, "day": EPOCH + timedelta(days=day), "probability": p}
        for one, day, p in scores
    ]
    with open_engine() as engine:
        engine.register("scored", pa.Table.from_pylist(rows))
        engine.register("labels", pa.Table.from_pylist([pair | {"day": EPOCH + timedelta(days=day)} for day in days]))
        engine.register("nights", pa.table({"day": [EPOCH + timedelta(days=day) for day in days]}))
        engine.register("learners", pa.table({"learner_id": ["a"]}))
        text = query("last_scores").replace("{columns}", "prediction_id, probability")
        found = engine.run(text, {"first": "a", "last": "a"}).to_pydict()
    return dict(zip(found["prediction_id"], found["probability"], strict=True))


def test_the_last_score_before_the_planned_day_opens_counts() -> None:
    early = [("c1", day, p) for day, p in SCORES]
    assert counted(early) == {"c1": 0.3}
    # An unplanned episode's day has begun when it is first scored: then the first score counts.
    assert counted([*early, ("c2", 10, 0.9), ("c2", 11, 0.5)]) == {"c1": 0.3, "c2": 0.9}


def test_a_few_learners_at_a_time_say_what_all_together_do(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, day = lived.deployment, study_day(JUDGED)

    def told() -> tuple[Any, ...]:
        parts = list(matured(deployment, day, ["learner_id", "prediction_id", "probability", "struggled"]))
        with deployment.connect() as connection:
            connection.execute("DELETE FROM ml.episodes")
            misses = find_misses(deployment, connection, day)
            connection.rollback()
        with explained(deployment, misses) as portions:
            rows = [repr(row) for portion in portions for row in portion.to_dict("records")]
        figures, _ = figures_of_day(deployment, day, lambda *_: {})
        return len(parts), pa.concat_tables(parts).sort_by("prediction_id"), rows, [repr(one) for one in figures]

    parts, *together = told()
    assert parts == 1
    assert together[1]  # there were misses, with their reasons
    assert not any("'factors': '[]'" in row for row in together[1])
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr("americano_assets.stages.s7_outcomes.misses.ROWS_AT_ONCE", 3)
    parts, *in_turn = told()
    assert parts > 10
    assert in_turn == together


def test_of_too_many_rows_figures_are_of_whole_learners_and_say_so(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, day = lived.deployment, study_day(JUDGED)
    whole, _ = figures_of_day(deployment, day, lambda *_: {})
    most = int(whole[0].values["n"] or 0) // 2
    monkeypatch.setattr(matured_figures, "MOST_ROWS", most)
    found, drawn = figures_of_day(deployment, day, lambda *_: {})
    assert drawn is not None
    assert 0 < (found[0].values["n"] or 0) <= most
    assert 0.3 < drawn <= 0.5
    # A learner's own figures are of all their rows.
    assert [repr(one) for one in found if one.scope == "learner"] == [
        repr(one) for one in whole if one.scope == "learner"
    ]


def test_outcomes_of_a_few_learners_at_a_time_are_those_of_all_together(
    relived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> tuple[Any, ...]:
        relived.world.execute("DELETE FROM ml.first_flag_outcomes")
        relived.world.execute("DELETE FROM ml.episodes WHERE first_flagged_at IS NULL")
        relived.world.execute("UPDATE ml.episodes SET outcome = NULL, outcome_at = NULL")
        told = record_outcomes(relived.deployment, study_day(JUDGED))
        tables = ("ml.episodes", "ml.first_flag_outcomes", "struggle_predictions")
        return (
            told,
            [relived.world.rows(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1") for table in tables],
        )

    together = written()
    monkeypatch.setattr(label_episodes, "LEARNERS_AT_ONCE", 3)
    in_turn = written()
    assert in_turn == together
    assert together[0][0].judged > 30
