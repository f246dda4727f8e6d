"""What the planner makes of a publication's statements once the tables have grown and it knows by how much."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg

from americano_assets.resources.postgres.staging import Staging, like
from americano_assets.stages.s6_publication.owned_tables import OwnedTable
from americano_assets.stages.s6_publication.sql import query
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS

_OF_DAY = {
    "unit": "episode",
    "share": 0.1,
    "is_random": True,
    "live": True,
    "window_end": "2026-03-15 23:00",
    "threshold": 0.4,
    "model_version": "model",
}
_EARLIER = """
INSERT INTO ml.assignments (prediction_id, user_id, learning_objective_id, course_id, planned_day, arm, unit,
  holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version, intervention_types)
SELECT 'earlier-' || n, 'learner-' || n, 'objective', 'course', '2026-03-01', 'treated', 'episode', 0.1, true, true,
  '2026-02-20', '2026-03-01', 0.5, 0.4, 'model', '{}' FROM generate_series(1, 5000) n
"""
_STAGED, _GIVEN = f"staged_{PREDICTIONS}", f"given_{RECOMMENDATIONS}"
_NEW = f"""
INSERT INTO {_STAGED} ("id", "userId", "learningObjectiveId", "topicId", planned_day, arm, "predictedAt",
  "predictedStruggleProbability")
SELECT 'new-' || n, 'learner-' || n, 'objective', 'course', '2026-03-10', 'treated', '2026-03-08', 0.5
FROM generate_series(1, 1000) n
"""
_NEW_ADVICE = f"""
INSERT INTO {_GIVEN} ("predictionId", "interventionType")
SELECT 'new-' || n, 'SPACED_REPETITION_BOOST' FROM generate_series(1, 1000) n
"""


def test_what_stands_of_a_night_is_not_compared_with_all_that_is_staged(database: str) -> None:
    """As often as the app's rows have just been written: their statistics know of none with this cut-off."""
    with psycopg.connect(database) as connection, connection.transaction():
        table = OwnedTable(Staging(connection), PREDICTIONS, date(2026, 3, 8))
        table.stage(["id"], ((f"new-{n}",) for n in range(2000)))
        connection.execute(f"ALTER TABLE {_STAGED} ADD flagged boolean, ADD planned boolean, ADD load double precision")
        night = {"at": "2026-03-08 23:00", "study_day": "2026-03-08"}
        ((plan,),) = table.staging.execute(f"EXPLAIN (FORMAT JSON) {query('alert_candidates')}", night)
    (staged,) = [node for node in _nodes(plan[0]["Plan"]) if node.get("Relation Name") == _STAGED]
    assert staged["Node Type"] == "Index Scan"


def test_new_episodes_beside_many_earlier_ones_are_expected_in_their_number(database: str) -> None:
    with psycopg.connect(database) as connection, connection.transaction():
        connection.execute(_EARLIER)
        connection.execute("ANALYZE ml.assignments")
        staging = Staging(connection)
        staging.put_batches(_STAGED, like(PREDICTIONS, planned_day="date", arm="text"), [])
        staging.put_batches(_GIVEN, like(RECOMMENDATIONS), [])
        for rows, name in ((_NEW, _STAGED), (_NEW_ADVICE, _GIVEN)):
            staging.execute(rows)
            staging.execute(f"ANALYZE {name}")
        ((plan,),) = staging.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query('assignments_insert')}", _OF_DAY)
        found = connection.execute("SELECT count(*) FROM ml.assignments WHERE prediction_id LIKE 'new-%'").fetchone()
    assert found == (1000,)
    # Where it expects one row, it may compare each with all that is given.
    assert plan[0]["Plan"]["Plans"][0]["Plan Rows"] == 1000


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
