"""A lecture is deleted in the app while its objectives have predictions: no other row is lost, none comes back."""

import psycopg
import pytest

from americano_assets_tests.end_to_end.faults.conftest import School
from americano_assets_tests.end_to_end.faults.driver import FIRST
from americano_assets_tests.end_to_end.story import PLANNED, SECOND
from americano_assets_tests.world import World, at

pytestmark = pytest.mark.long

ABOUT_LEAVES = """
SELECT to_jsonb(p)::text FROM struggle_predictions p WHERE p."learningObjectiveId" = 'leaf'
UNION ALL SELECT to_jsonb(i)::text FROM struggle_indicators i WHERE i."learningObjectiveId" = 'leaf'
UNION ALL SELECT to_jsonb(r)::text FROM intervention_recommendations r JOIN struggle_predictions p
  ON p."id" = r."predictionId" WHERE p."learningObjectiveId" = 'leaf' ORDER BY 1
"""
KEPT = """
SELECT to_jsonb(f)::text FROM ml.prediction_feedback f
UNION ALL SELECT to_jsonb(a)::text FROM ml.assignments a ORDER BY 1
"""


def biology(world: World) -> None:
    """A second course, with a learner of the first who struggles with it too."""
    world.course("biology", "owner")
    world.objective("leaf", "biology")
    world.mission("stuck", PLANNED, ["leaf"])
    world.reviews("stuck", "leaf", at("2026-03-05 11:00"), "AAA")


def what_people_wrote(world: World) -> None:
    """A word on every prediction, one dismissed, one piece of advice taken up."""
    world.execute(
        "INSERT INTO ml.prediction_feedback (id, prediction_id, user_id, actual_struggle, feedback_type, submitted_at)"
        """ SELECT 'said-' || "id", "id", "userId", true, 'HELPFUL', '2026-03-10 08:00' FROM struggle_predictions"""
    )
    world.execute(
        """UPDATE struggle_predictions SET "predictionStatus" = 'DISMISSED', "acknowledgedAt" = '2026-03-10 08:00'
        WHERE "learningObjectiveId" = 'leaf'"""
    )
    world.execute(
        """UPDATE intervention_recommendations SET "status" = 'IN_PROGRESS', "appliedAt" = '2026-03-10 08:00'
        WHERE "userId" = 'stuck'"""
    )


def test_a_deleted_lecture_takes_its_own_predictions_and_nothing_else(school: School) -> None:
    world = school.world
    biology(world)
    assert school.night().success
    what_people_wrote(world)
    others, kept = world.rows(ABOUT_LEAVES), world.rows(KEPT)
    assert len(others) >= 3
    hearts = "SELECT count(*) FROM struggle_predictions WHERE \"learningObjectiveId\" = 'heart'"
    assert world.rows(hearts) == [(7,)]

    world.execute("""DELETE FROM lectures WHERE "id" = 'anatomy-lecture'""")
    assert world.rows(hearts) == [(0,)]
    for day in (FIRST, SECOND):
        assert school.night(day=day).success
        assert world.rows(hearts) == [(0,)]
        assert set(kept) <= set(world.rows(KEPT))
    assert world.rows("SELECT study_day::text FROM ml.study_days ORDER BY 1") == [(FIRST,), (SECOND,)]
    wrote = """SELECT "predictionStatus"::text, "acknowledgedAt" FROM struggle_predictions"""
    assert world.rows(wrote) == [("DISMISSED", at("2026-03-10 08:00"))]
    assert world.rows("""SELECT DISTINCT "status"::text, "appliedAt" FROM intervention_recommendations
        WHERE "predictionId" IS NOT NULL""") == [("IN_PROGRESS", at("2026-03-10 08:00"))]  # fmt: skip
    assert world.rows("SELECT count(*) FROM ml.alerts a LEFT JOIN struggle_predictions p ON p.id = a.prediction_id"
                      " WHERE p.id IS NULL") == [(0,)]  # fmt: skip


def test_where_the_database_forbids_it_the_app_is_told_and_nothing_changes(school: School) -> None:
    """Hand-made tables: NOT NULL with ON DELETE SET NULL. `check-db` warns of it."""
    world = school.world
    ((name,),) = world.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'struggle_predictions'::regclass AND contype = 'f'"
    )
    world.execute(f'ALTER TABLE struggle_predictions DROP CONSTRAINT "{name}"')
    world.execute(
        'ALTER TABLE struggle_predictions ADD FOREIGN KEY ("learningObjectiveId") REFERENCES learning_objectives'
        " ON DELETE SET NULL"
    )
    assert school.night().success
    before = school.left()
    with pytest.raises(psycopg.errors.NotNullViolation):
        world.execute("""DELETE FROM lectures WHERE "id" = 'anatomy-lecture'""")
    assert school.left() == before
