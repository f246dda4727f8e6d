"""A planted effect through the whole chain: nights publish, learners take what they see, the last night measures it.

What is proven from the ledger on, over many cohorts, is in test_planted_truth.py.
"""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from americano_assets.loading.demo.scenarios.living_cohort import cohort_of, windows_of
from americano_assets.loading.demo.simulator import stored_arguments
from americano_assets.loading.demo.simulator.draw.help import struggled_within
from americano_assets.stages.s6_publication.holdout import contamination, draw_problems
from americano_assets_tests.stages.s8_reduction.lived import found, lived

SMALL = {"learners": 70, "days": 40, "weeks": 1}
WHOLE = {"learners": 150, "days": 70, "weeks": 4}
Connection = psycopg.Connection[Any]


def what_really_came(connection: Connection) -> tuple[int, set[tuple[str, str]]]:
    """How many first windows were judged, and the pairs of which the ledger says other than what happened."""
    arguments = stored_arguments(connection)
    assert arguments is not None
    cohort = cohort_of(connection, arguments)
    rows = connection.execute(
        "SELECT a.user_id, a.learning_objective_id, a.flagged_at, a.window_end, o.mean_struggle"
        " FROM ml.assignments a JOIN ml.first_flag_outcomes o USING (prediction_id)"
    ).fetchall()
    happened = struggled_within(cohort, windows_of(cohort, [row[:4] for row in rows]))
    late = cohort.timing.known > cohort.timing.ended
    not_there = {cohort.learner_ids[number] for number in cohort.timing.learner[late]}
    wrong = {(row[0], row[1]) for row, struggled in zip(rows, happened, strict=True) if row[4] != bool(struggled)}
    return len(rows), {pair for pair in wrong if pair[0] not in not_there}


@pytest.mark.long
def test_help_that_works_is_found_where_it_was_published(database: str, tmp_path: Path) -> None:
    with lived(database, tmp_path, **SMALL, help_logits=2.5) as (connection, nights):
        last = found(connection, nights[-1])
        judged, wrong = what_really_came(connection)
        holdout_helped = connection.execute(
            "SELECT count(*) FROM ml.simulated_help h JOIN ml.assignments a ON a.user_id = h.user_id"
            " AND a.learning_objective_id = h.learning_objective_id WHERE a.arm = 'holdout'"
        ).fetchone()
        drawn_badly, reached = draw_problems(connection), contamination(connection)
        shown = connection.execute(
            "SELECT count(DISTINCT a.prediction_id), count(*) FILTER (WHERE a.arm = 'treated')"
            ' FROM ml.assignments a JOIN intervention_recommendations r ON r."predictionId" = a.prediction_id'
        ).fetchone()
    assert last.truth < -0.08
    assert last.holds_the_truth
    assert last.high < 0
    # The simulator's account of a window and the pipeline's are one.
    assert judged > 500
    assert wrong == set()
    assert holdout_helped == (0,)
    # Chance decided, and nothing but chance: the holdout was flagged as the others were, and saw nothing.
    assert drawn_badly == []
    assert reached == {"intervention_recommendations": 0, "ml.alerts": 0}
    assert shown is not None
    assert shown[0] > 500
    assert shown[1] >= shown[0]


@pytest.mark.parametrize(
    "help_logits", [pytest.param(0.0, marks=pytest.mark.full), pytest.param(1.0, marks=pytest.mark.long)]
)
def test_every_night_holds_the_truth_that_was_planted(database: str, tmp_path: Path, help_logits: float) -> None:
    with lived(database, tmp_path, **WHOLE, help_logits=help_logits) as (connection, nights):
        told = [found(connection, night) for night in nights[1:]]
    assert all(one.holds_the_truth for one in told), told
    assert told[-1].high < 0 if help_logits else told[-1].truth == 0
    # Whether anybody was helped or not, this figure reports at least two struggles fewer in a hundred.
    assert told[-1].before_after < -0.02
