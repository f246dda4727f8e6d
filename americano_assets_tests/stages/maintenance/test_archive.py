"""Predictions that are long over leave the app's tables as they stood, and come back the same."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest

from americano_assets.api.sql import query as api_query
from americano_assets.errors import AmericanoError
from americano_assets.stages.maintenance.archive import Moved, archive, restore
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets.stages.s7_outcomes.sql import query
from americano_assets_tests.stages.s6_publication.night import (
    FIRST,
    FIRST_CUTOFF,
    FORGETTING,
    OVERLOADED,
    SECOND,
    THIRD,
    Night,
)
from americano_assets_tests.world import ClockedDeployment, Nights, at, published_rows, world_settings

END = FIRST_CUTOFF + timedelta(days=7)
# Whatever was for, and made, before this.
BEFORE = at("2026-07-01 00:00")
NOW = BEFORE + timedelta(days=90)
NOTHING: dict[str, list[tuple[Any, ...]]] = {PREDICTIONS: [], INDICATORS: [], RECOMMENDATIONS: []}


def old(night: Night) -> dict[str, list[tuple[Any, ...]]]:
    """Three predictions of a night long ago, with their outcome and with what people did to them; all rows."""
    night.publish(FIRST, FORGETTING, OVERLOADED, FORGETTING)
    night.world.execute(f'UPDATE {PREDICTIONS} SET "actualOutcome" = true, "actualOutcomeRecordedAt" = %s', END)
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "predictionStatus" = 'DISMISSED', "acknowledgedAt" = %s,
        "predictedStruggleProbability" = 0.1 + 0.2, "topicId" = NULL WHERE "userId" = 'learner-1'""", END)  # fmt: skip
    night.world.execute(f"""UPDATE {RECOMMENDATIONS} SET "appliedAt" = '2026-03-09 10:00:00.123', "priority" = 3,
        "description" = 'Grüße "quoted" \\ back' WHERE "userId" = 'learner-2'""")  # fmt: skip
    return published_rows(night.world)


def move(night: Night) -> Moved:
    with psycopg.connect(night.url, autocommit=True) as connection:
        return archive(connection, BEFORE, NOW)


def back(night: Night, **since: Any) -> Moved:
    with psycopg.connect(night.url, autocommit=True) as connection:
        return restore(connection, **since)


def archived(night: Night) -> list[tuple[str, int]]:
    return night.world.rows("SELECT user_id, applied FROM ml.struggle_predictions_archive ORDER BY 1")


@pytest.mark.parametrize(("layout", "batch"), [("prisma", 5000), ("prisma", 1), ("hand-made", 2)])
def test_there_and_back_changes_no_byte(night: Night, layout: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("americano_assets.stages.maintenance.archive.BATCH", batch)
    if layout == "hand-made":
        night.enums_as_text()
        ((name,),) = night.world.rows(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'intervention_recommendations'::regclass"
            " AND confrelid = 'struggle_predictions'::regclass"
        )
        night.world.execute(f'ALTER TABLE {RECOMMENDATIONS} DROP CONSTRAINT "{name}"')
        night.world.execute(
            f'ALTER TABLE {RECOMMENDATIONS} ADD FOREIGN KEY ("predictionId") REFERENCES {PREDICTIONS} ON DELETE CASCADE'
        )
    before, bookkeeping = old(night), night.bookkeeping()
    expected = len(before[PREDICTIONS]), len(before[INDICATORS]), len(before[RECOMMENDATIONS])
    assert min(expected) >= 3
    assert move(night) == Moved(*expected, 0)
    assert published_rows(night.world) == NOTHING
    assert archived(night) == [
        ("learner-1", 0),
        ("learner-2", sum('"userId": "learner-2"' in row for (row,) in before[RECOMMENDATIONS])),
        ("learner-3", 0),
    ]
    assert move(night) == Moved(0, 0, 0, 0)
    assert back(night) == Moved(*expected, 0)
    assert published_rows(night.world) == before
    assert archived(night) == []
    assert night.bookkeeping() == bookkeeping


def test_what_is_younger_or_still_open_stays(night: Night) -> None:
    before = old(night)
    open_, young, refreshed = "learner-1", "learner-2", "learner-3"
    mine = f'UPDATE {PREDICTIONS} SET {{}} WHERE "userId" = %s'
    night.world.execute(mine.format('"actualOutcomeRecordedAt" = NULL, "actualOutcome" = NULL'), open_)
    night.world.execute(mine.format(f"\"predictionDate\" = '{BEFORE}'"), young)
    night.world.execute(mine.format(f"\"predictedAt\" = '{BEFORE}'"), refreshed)
    assert move(night) == Moved(0, 0, 0, 0)
    night.world.execute(mine.format('"predictionDate" = "predictionDate" - interval \'1 ms\''), young)
    assert move(night).predictions == 1
    assert archived(night) == [("learner-2", 2)]
    assert len(published_rows(night.world)[PREDICTIONS]) == len(before[PREDICTIONS]) - 1


def test_a_rerun_of_the_old_night_brings_nothing_back_and_keeps_the_experiments_record(night: Night) -> None:
    old(night)
    move(night)
    rows = night.publish(FIRST, FORGETTING, OVERLOADED, FORGETTING)
    assert (rows.inserted, rows.refreshed) == (0, 0)
    assert published_rows(night.world) == NOTHING
    # What was applied before the window closed is read from the archive where it lies there.
    night.world.execute(
        "CREATE TEMPORARY TABLE staged_outcomes AS SELECT 'first_flag' AS basis, prediction_id, user_id,"
        " 'struggled' AS outcome, true AS mean_struggle, 0.2::double precision AS mean_score, 1 AS n_reviews,"
        " 0 AS n_validations, 1 AS n_again, window_end AS outcome_at FROM ml.assignments"
    )
    night.world.connection.execute(query("first_flag_outcomes_upsert").encode(), {"struggle_below": 0.65})
    applied = night.world.rows("SELECT user_id, applied_types FROM ml.first_flag_outcomes ORDER BY 1")
    assert [learner for learner, types in applied if types] == ["learner-2"]


def test_a_later_night_keeps_what_was_to_be_done_for_advice_that_may_come_back(night: Night) -> None:
    before = old(night)
    actions = night.world.rows("SELECT to_jsonb(t)::text FROM ml.intervention_actions t ORDER BY 1")
    assert len(actions) == len(before[RECOMMENDATIONS])
    move(night)
    night.publish(SECOND)
    back(night)
    assert night.world.rows("SELECT to_jsonb(t)::text FROM ml.intervention_actions t ORDER BY 1") == actions


def test_figures_count_what_was_archived(night: Night) -> None:
    before = old(night)

    def counts(learner: str | None) -> tuple[Any, ...]:
        found = night.world.connection.execute(api_query("activity_counts").encode(), {"user_id": learner})
        return tuple(found.fetchall()[0][:2])

    everybody, one = counts(None), counts("learner-2")
    assert everybody[0] == len(before[PREDICTIONS])
    assert one[1] > 0
    move(night)
    assert (counts(None), counts("learner-2")) == (everybody, one)


def test_what_the_app_refers_to_stays_and_a_table_that_may_not_be_read_stops_it(night: Night) -> None:
    old(night)
    night.world.execute(
        f'CREATE TABLE notes ("predictionId" text REFERENCES {PREDICTIONS} ON DELETE CASCADE, note text)'
    )
    night.world.execute(f'CREATE TABLE marks ("adviceId" text REFERENCES {RECOMMENDATIONS} ON DELETE CASCADE)')
    night.world.execute(f"""INSERT INTO notes SELECT "id", 'mine' FROM {PREDICTIONS} WHERE "userId" = 'learner-1'""")
    night.world.execute(f"""INSERT INTO marks SELECT "id" FROM {RECOMMENDATIONS} WHERE "userId" = 'learner-2'""")
    with psycopg.connect(night.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE archivist")
        try:
            connection.execute("GRANT SELECT ON struggle_predictions TO archivist")
            connection.execute("SET ROLE archivist")
            with pytest.raises(AmericanoError, match=r"public\.marks refers to intervention_recommendations, and user"):
                archive(connection, BEFORE, NOW)
        finally:
            connection.execute("RESET ROLE")
            connection.execute("DROP OWNED BY archivist; DROP ROLE archivist")
    assert move(night).left == 2
    assert archived(night) == [("learner-3", 0)]
    assert night.world.rows("SELECT note FROM notes") == [("mine",)]


def test_who_is_forgotten_is_forgotten_by_the_archive_too(night: Night, tmp_path: Path) -> None:
    old(night)
    move(night)
    deployment = ClockedDeployment(world_settings(night.url, tmp_path), NOW.replace(tzinfo=ZoneInfo("UTC")))
    assert forget(deployment, "learner-2").rows["ml.struggle_predictions_archive"] == 1
    assert [learner for learner, _ in archived(night)] == ["learner-1", "learner-3"]


def test_only_later_ones_come_back_and_those_without_their_objective_are_kept(night: Night) -> None:
    old(night)
    move(night)
    night.world.execute("""DELETE FROM learning_objectives WHERE "id" = 'objective-1'""")
    night.world.execute(
        "UPDATE ml.struggle_predictions_archive SET prediction_date = '2026-01-01' WHERE user_id = 'learner-3'"
    )
    assert back(night, since=at("2026-02-01 00:00")).predictions == 1
    assert archived(night) == [("learner-1", 0), ("learner-3", 0)]
    moved = back(night)
    assert (moved.predictions, moved.left) == (1, 1)
    assert archived(night) == [("learner-1", 0)]


def test_columns_that_the_app_added_or_dropped_since(night: Night) -> None:
    before = old(night)
    move(night)
    night.world.execute(f"ALTER TABLE {PREDICTIONS} ADD COLUMN \"note\" TEXT NOT NULL DEFAULT 'none'")
    night.world.execute(f'ALTER TABLE {RECOMMENDATIONS} RENAME COLUMN "acknowledgedAt" TO "seenAt"')
    with pytest.raises(AmericanoError, match="no longer has the column acknowledgedAt"):
        back(night)
    assert published_rows(night.world) == NOTHING
    night.world.execute(f'ALTER TABLE {RECOMMENDATIONS} RENAME COLUMN "seenAt" TO "acknowledgedAt"')
    assert back(night).predictions == len(before[PREDICTIONS])
    assert night.world.rows(f'SELECT DISTINCT "note" FROM {PREDICTIONS}') == [("none",)]


def test_the_monthly_job_moves_what_the_settings_say_and_shows_it(night: Night, tmp_path: Path) -> None:
    old(night)
    night.publish(THIRD, FORGETTING)
    settings = world_settings(night.url, tmp_path, americano_archive_days=100)
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        schedule = nights.definitions.resolve_schedule_def("housekeeping_schedule")
        assert schedule.cron_schedule == "30 4 1 * *"
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        for now, moved in (("2026-06-10", 0), ("2026-07-10", 3)):
            nights.deployment.clock = at(now).replace(tzinfo=ZoneInfo("UTC"))
            run = nights.definitions.resolve_job_def(schedule.job_name).execute_in_process(instance=instance)
            assert run.success
            (event, *_) = instance.fetch_observations(dg.AssetKey(["app", PREDICTIONS]), limit=5).records
            assert event.asset_observation is not None
            assert event.asset_observation.metadata["archived_predictions"].value == moved
