"""A school in which each learner stands for one fate, and what stood in every table after each step of its story."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pandas as pd

from americano_assets.core.training.splits import learner_split
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS
from americano_assets_tests.frames import HOSTILE
from americano_assets_tests.world import Nights, World, at, published_rows, study_day

FIRST, SECOND, JUDGED = "2026-03-08", "2026-03-09", "2026-03-16"
FIRST_CUTOFF, SECOND_CUTOFF, WINDOW_END = at("2026-03-09 23:00"), at("2026-03-10 23:00"), at("2026-03-17 23:00")
PLANNED = at("2026-03-12 09:00")
NO_PLANS = "2026-06-01"
# Whose cards slipped before, and what they do on the day itself.
SLIPPED = {
    "stuck": "AAA",
    "recovering": "GGG",
    "idle": "",
    "dismissing": "AAA",
    "doubter": "AAA",
    "leaving": "AAA",
    "leaver": "AAA",
}
WENT_WELL = {"surprised": "AAA", "eager": "GGG"}
DAY_FILES = ("features", "scored_predictions", "indicators", "interventions")
OUR_TABLES = (
    "study_days",
    "episodes",
    "model_versions",
    "model_performance",
    "struggle_reduction",
    "effects",
    "published",
)


@dataclass
class Story:
    """What stood where after each step."""

    nights: Nights
    world: World
    app: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    ours: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    files: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)
    runs: dict[str, dg.ExecuteInProcessResult] = field(default_factory=dict)

    @property
    def store(self) -> ParquetStore:
        return self.nights.deployment.store

    def tell(self, step: str, run: dg.ExecuteInProcessResult) -> None:
        assert run.success
        self.runs[step] = run
        self.app[step] = published_rows(self.world)
        self.ours[step] = {
            table: self.world.rows(
                f"SELECT (to_jsonb(t) - 'published_at' - 'created_at')::text FROM ml.{table} t ORDER BY 1"
            )
            for table in OUR_TABLES
        }
        self.files[step] = {
            (table, day): version.content
            for table in DAY_FILES
            for day in (FIRST, SECOND, JUDGED)
            if (version := self.store.current(table, study_day(day)))
        }

    def published(self, step: str, table: str) -> list[dict[str, Any]]:
        """Rows of one of the app's tables."""
        return [json.loads(text) for (text,) in self.app[step][table]]

    def status(self, step: str) -> dict[str, tuple[str, bool | None, str | None]]:
        """Each learner's status, outcome and when it was recorded."""
        return {
            row["userId"]: (row["predictionStatus"], row["actualOutcome"], row["actualOutcomeRecordedAt"])
            for row in self.published(step, PREDICTIONS)
        }

    def kinds(self, step: str, table: str) -> Counter[str]:
        """Rows by type of indicator or intervention."""
        column = "indicatorType" if table == INDICATORS else "interventionType"
        return Counter(row[column] for row in self.published(step, table))

    def learners(self, step: str, table: str) -> set[str]:
        """Learners with rows in one of the app's tables."""
        return {row["userId"] for row in self.published(step, table)}

    def read(self, table: str, day: str, content: str) -> pd.DataFrame:
        """A day's rows as they stood when they had that content."""
        frame: pd.DataFrame = read_table(self.store.day_path(table, study_day(day), Version(content, 0))).to_pandas()
        return frame

    def rows(self, table: str, day: str) -> pd.DataFrame:
        """A day's stored rows."""
        stored = self.store.read_day(table, study_day(day))
        assert stored is not None
        frame: pd.DataFrame = stored.to_pandas()
        return frame


def school(world: World) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("heart", "anatomy", text=HOSTILE)
    # The names that people gave reach reports, metadata and tables: they are text there (test_chain.py).
    world.execute('UPDATE courses SET "name" = %s', HOSTILE)
    for learner in (*SLIPPED, *WENT_WELL, "unknown"):
        assert learner_split(learner) == "train"  # no calibration learners: the rules keep their own threshold
        world.learner(learner)
        world.mission(learner, PLANNED, ["heart"])
    for learner in SLIPPED:
        world.reviews(learner, "heart", at("2026-03-05 10:00"), "AAAG")
    for learner in WENT_WELL:
        world.reviews(learner, "heart", at("2026-03-05 10:00"), "GGGG")


def what_people_do_with_predictions(world: World) -> None:
    """Between the first night and the second."""
    mine = f'UPDATE {PREDICTIONS} SET {{}} WHERE "userId" = %s'
    world.execute(mine.format("\"predictionStatus\" = 'DISMISSED'"), "dismissing")
    world.execute(mine.format('"actualOutcome" = false, "actualOutcomeRecordedAt" = \'2026-03-10 08:00\''), "doubter")
    world.execute(mine.format("\"acknowledgedAt\" = '2026-03-10 07:00'"), "leaver")
    for learner in ("leaving", "leaver"):
        world.execute('UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = %s', learner)
