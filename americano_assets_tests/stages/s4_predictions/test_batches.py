"""A night's features and scores are made a few rows at a time, and are what they would be in one piece."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from americano_assets.core.base.validation import RulesBrokenError
from americano_assets.core.models.scorer import score
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN
from americano_assets.resources.parquet_store import content_files
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.s2_features.features import publish_features
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables
from americano_assets.stages.s3_training.train_models import train_day
from americano_assets.stages.s3_training.training_rows import store_training_set
from americano_assets.stages.s4_predictions.scored_predictions import TABLE, problems_of_day, require_day, score_day
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, fill, learners
from americano_assets_tests.world import ClockedDeployment, World, read_world, study_day, world_settings

FIRST, DAY = (FIRST_MONDAY - timedelta(days=2)).isoformat(), study_day("2026-03-08")


@pytest.fixture(scope="module")
def school(world: World, module_database: str, home: Path) -> ClockedDeployment:
    """Forty learners and a model of each kind, whose mean scores."""
    with world.connection.transaction():
        fill(world, learners(40))
    options = {
        "americano_start_day": study_day(FIRST),
        "model_type": "blend",
        "mlflow_tracking_uri": "nowhere://at-all",
    }
    deployment = ClockedDeployment(
        world_settings(module_database, home, **options), datetime(2026, 3, 9, 23, 10, tzinfo=UTC)
    )
    read_world(deployment, FIRST, DAY.isoformat())
    publish_features(deployment, DAY)
    taught, version = store_training_set(deployment, DAY)
    train_day(deployment, DAY, taught.rows, version.content, {DAGSTER_RUN: "none"})
    return deployment


def night(school: ClockedDeployment) -> tuple[Version, int, float | None, Version]:
    """What a night stores, and two figures that it tells."""
    found, features, _ = publish_features(school, DAY)
    return features, found.learners, found.mean("retention_score"), score_day(school, DAY)[1]


def test_a_batch_of_any_size_gives_the_same_bytes(school: ClockedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = night(school)
    features, learners_told, mean, _ = whole
    assert features.rows > 20
    frame = require_day(school, "features", DAY)
    assert learners_told == frame["learner_id"].nunique()
    assert mean == pytest.approx(frame["retention_score"].mean())
    model, _ = score_day(school, DAY)
    at_once = score(frame, model.scorer)
    assert at_once["flagged"].any()
    pd.testing.assert_frame_equal(require_day(school, TABLE, DAY)[at_once.columns], at_once)
    monkeypatch.setattr(content_files, "batch_rows", lambda: 17)
    again = night(school)
    assert (again[0], again[1], again[3]) == (whole[0], whole[1], whole[3])
    assert again[2] == pytest.approx(mean)
    assert problems_of_day(school, DAY, model)[0] == []


def test_what_is_wrong_in_several_batches_is_counted_once(
    school: ClockedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = school.store.current(TABLE, DAY)
    assert version is not None
    model, _ = score_day(school, DAY)
    monkeypatch.setattr(content_files, "batch_rows", lambda: 4)
    rows = require_day(school, TABLE, DAY)
    schema = pq.read_schema(school.store.day_path(TABLE, DAY, version))

    def told(changed: pd.DataFrame) -> list[str]:
        table = pa.Table.from_pandas(changed, schema=schema, preserve_index=False)
        school.store.put_day(TABLE, DAY, table.to_batches(), schema)
        return problems_of_day(school, DAY, model)[0]

    try:
        assert told(rows.assign(confidence=2.0)) == [
            f"scored_predictions.confidence: {len(rows)} rows break «in_range(0, 1)»"
        ]
        assert told(pd.concat([rows.iloc[:-1], rows.iloc[:1]])) == ["1 predictions stand there more than once"]
        assert told(rows.assign(flagged=False)) == [
            f"{rows['flagged'].sum()} rows are flagged against the threshold {model.scorer.threshold}"
        ]
    finally:
        school.store.make_current(TABLE, DAY, version)


def test_features_that_break_a_rule_take_no_night_s_place(
    school: ClockedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = school.store.current("features", DAY)
    monkeypatch.setattr(content_files, "batch_rows", lambda: 4)
    made = PointInTimeTables.features

    def twice(self: PointInTimeTables, days: list[date], **options: object) -> dict[date, Version]:
        """The last row stands there twice, and numbers are too large."""
        (version,) = made(self, days).values()
        rows = self.store.read_whole("features_at", version.content)
        place = rows.schema.get_field_index("retention_score")
        rows = rows.set_column(place, "retention_score", pa.array([2.0] * len(rows)))
        return {DAY: self.store.put_whole("features_at", pa.concat_tables([rows, rows.slice(len(rows) - 1)]))}

    monkeypatch.setattr(PointInTimeTables, "features", twice)
    with pytest.raises(RulesBrokenError) as refused:
        publish_features(school, DAY)
    assert before is not None
    assert refused.value.checked.rules["retention_score: in_range(0, 1)"] >= before.rows
    assert any("uniqueness" in rule for rule in refused.value.checked.rules)
    assert school.store.current("features", DAY) == before
