"""Publishes study days on one database below Dagster, from rows that the rules score."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg

from americano_assets.core.interventions.choose_interventions import Known, interventions_of
from americano_assets.core.interventions.signs import indicators_of
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.publication.random_assignment import Policy
from americano_assets.core.study_days.cutoff import Cutoff, Target
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS, Published, publish_day
from americano_assets_tests.api.rows import WRITTEN
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.world import World, at, study_day

NOBODY_HELD_OUT = Policy()
UTC = ZoneInfo("UTC")
TARGET = Target(7, 0.65)
THRESHOLD = 0.4
FIRST, SECOND, THIRD = "2026-03-07", "2026-03-08", "2026-03-09"
FIRST_CUTOFF, SECOND_CUTOFF = at("2026-03-08 23:00"), at("2026-03-09 23:00")
FORGETTING = {"retention_score": 0.2}
OVERLOADED = {"retention_score": 0.3, "cognitive_load_indicator": 0.9}
GAPS = {"retention_score": 0.3, "prerequisite_gap_count": 1.0, "prerequisite_mastery_gap": 0.9}
FINE = {"retention_score": 0.95}


class Night:
    """Publishes study days on one database."""

    def __init__(self, url: str, world: World) -> None:
        self.url = url
        self.world = world

    def publish(
        self,
        day: str,
        *rows: Mapping[str, Any],
        on_time: bool = True,
        policy: Policy = NOBODY_HELD_OUT,
        rows_at_once: int = 1000,
    ) -> Published:
        """Publish rows of learner-1, learner-2 …, each for an objective of the same number."""

        def frames(whole: pd.DataFrame) -> list[pd.DataFrame]:
            return [whole.iloc[at : at + rows_at_once] for at in range(0, len(whole), rows_at_once)]

        scored = scored_rows(rows, THRESHOLD) if rows else scored_rows([{}], THRESHOLD).head(0)
        flagged = scored[scored["flagged"]]
        model = StoredModel(f"model-of-{day}", "rule_based", study_day(day), "d", TARGET, Scorer(None, 0.3, THRESHOLD))
        moment = Cutoff.closing(study_day(day), UTC, TARGET)
        with psycopg.connect(self.url) as connection:
            return publish_day(
                connection,
                StudyDay(study_day(day), moment, model, f"inputs-of-{day}", "nightly", on_time, policy),
                frames(scored),
                frames(indicators_of(flagged)),
                frames(interventions_of(flagged, Known({}))),
            )

    def prediction(self, number: int = 1) -> dict[str, Any]:
        """The row of a learner's only prediction."""
        ((row,),) = self.world.rows(f'SELECT to_jsonb(t) FROM {PREDICTIONS} t WHERE "userId" = %s', f"learner-{number}")
        return dict(row)

    def kinds(self, table: str = RECOMMENDATIONS, number: int = 1) -> set[str]:
        """The types of a learner's rows."""
        column = '"interventionType"' if table == RECOMMENDATIONS else '"indicatorType"'
        return {
            kind
            for (kind,) in self.world.rows(
                f'SELECT {column}::text FROM {table} WHERE "userId" = %s', f"learner-{number}"
            )
        }

    def bookkeeping(self) -> list[Any]:
        """Our own tables, but for when a day was published."""
        return [
            self.world.rows("SELECT to_jsonb(t)::text FROM ml.published t ORDER BY table_name, row_id"),
            self.world.rows("SELECT to_jsonb(t)::text FROM ml.episodes t ORDER BY prediction_id"),
            self.world.rows("SELECT to_jsonb(t)::text FROM ml.assignments t ORDER BY prediction_id"),
            self.world.rows("SELECT (to_jsonb(t) - 'published_at')::text FROM ml.study_days t ORDER BY study_day"),
        ]

    def enums_as_text(self) -> None:
        """Lay the written tables out as hand-made deployments did: TEXT where the schema has an enum."""
        for table, columns in WRITTEN.items():
            for column in columns:
                self.world.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')
                self.world.execute(f'ALTER TABLE {table} ALTER "{column}" TYPE text USING "{column}"::text')
