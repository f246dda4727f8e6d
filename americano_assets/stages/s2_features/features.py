"""Features and labels of study days, and the training set that they make."""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.base.validation import require_valid
from americano_assets.core.features.catalog import DATA_QUALITY, MODEL_INPUTS, OBSERVED_NAMES
from americano_assets.core.features.skill_update import LEVEL_NAMES
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.outcomes.outcomes import override_labels
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import weekly_cutoffs
from americano_assets.core.training.splits import assign_splits
from americano_assets.core.training.treated_rows import HELD_OUT, TREATED, WEIGHT, row_weights, with_marks, withheld
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import FEATURES_TABLE, TOLD, TRAINING_SET, ruled
from americano_assets.stages.s1_snapshots.input_manifest import Inputs
from americano_assets.stages.s1_snapshots.state_snapshots import StateAt
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables
from americano_assets.stages.s2_features.skill_ratings import TABLE as RATINGS_TABLE
from americano_assets.stages.s2_features.skill_ratings import state_of

PLANNED_DAY = "planned_day"
_FEATURE_COLUMNS = [
    *("learner_id", "objective_id", "course_id", "planned", PLANNED_DAY),
    *(*MODEL_INPUTS, DATA_QUALITY, VALIDATION_MEAN),
]
_PAIR = ["learner_id", "objective_id"]
_OUTCOME = ["struggled", "mean_score"]


@dataclass(frozen=True)
class TrainingTables:
    """Contents of the training cut-offs, by study day."""

    features: dict[date, Version]
    labels: dict[date, Version]

    @property
    def rows(self) -> int:
        """Labelled candidates, unknown outcomes included."""
        return sum(version.rows for version in self.labels.values())


def publish_features(deployment: Deployment, day: date, *, latest: bool = False) -> tuple[pd.DataFrame, str, StateAt]:
    """The night's candidates with features, without today's opt-outs; stored as the day's `features`.

    Returns:
        The rows, their content, and the state that spoke for the day.
    """
    tables = day_tables(deployment, day, latest=latest)
    version = tables.features([day])[day]
    if deployment.is_closed(day):
        tables.store_cohort(day)
    kept = deployment.store.read_whole("features_at", version.content)
    rows = kept.to_pandas()
    rows = rows[rows["learner_id"].isin(deployment.analysable())].reset_index(drop=True)
    rows = require_valid(rows, FEATURES_TABLE)
    stored = pa.Table.from_pandas(rows, schema=kept.schema, preserve_index=False)
    content = deployment.store.put_day("features", day, stored.to_batches(), stored.schema).content
    return rows, content, tables.state(day)


def publish_ratings(
    deployment: Deployment, day: date, *, latest: bool = False
) -> tuple[Version, list[dict[str, object]]]:
    """The ratings once the day has closed, kept, and a row a level that sums them up.

    Of a day that is still open: those of the last closed one, since objectives and items move when a day closes.
    """
    tables = day_tables(deployment, day, latest=latest)
    version = tables.elo_state(day if deployment.is_closed(day) else day - timedelta(days=1))
    levels = state_of(deployment.store.read_whole(RATINGS_TABLE, version.content))
    return version, [
        {
            "level": name,
            "ratings": len(one.key),
            "mean": float(one.mean.mean()) if len(one.key) else None,
            "spread": float(one.mean.std()) if len(one.key) else None,
        }
        for name, one in zip(LEVEL_NAMES, levels, strict=True)
    ]


def training_tables(
    deployment: Deployment, day: date, *, latest: bool = False
) -> tuple[PointInTimeTables, TrainingTables]:
    """Features and labels of the weekly cut-offs that had matured at `day`.

    Of a day that is still open: those that had matured at the last closed one, since more may happen in the others.
    """
    tables = day_tables(deployment, day, latest=latest)
    features = tables.features(training_cutoffs(deployment, day, tables.inputs))
    return tables, TrainingTables(features, tables.labels(tables.pairs_of_features(features)))


def training_cutoffs(deployment: Deployment, day: date, inputs: Inputs) -> list[date]:
    """The weekly cut-offs that had matured at `day`, as `training_tables` has them."""
    matured = day if deployment.is_closed(day) else day - timedelta(days=1)
    first = min(inputs.days["interactions"], default=day)
    return weekly_cutoffs(matured, first, deployment.settings.americano_training_weeks, deployment.target.horizon_days)


def training_labels(deployment: Deployment, day: date, *, latest: bool = False) -> TrainingTables:
    """As `training_tables`, for the step that reports on labels."""
    return training_tables(deployment, day, latest=latest)[1]


def labelled_rows(
    deployment: Deployment,
    tables: TrainingTables,
    feedback: pd.DataFrame | None = None,
    flags: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """All labelled rows with their split, sorted by cut-off, learner and objective, without today's opt-outs.

    Args:
        deployment: The deployment.
        tables: Features and labels.
        feedback: What learners said became of episodes (`override_labels`); it goes before the computed
            label, and TOLD marks where it did.
        flags: Whom help may have changed (`with_marks`); where the settings want untreated rows
            alone, a treated one is `unused`.
    """
    rows = known_rows(deployment.store, tables, feedback)
    rows = rows[rows["learner_id"].isin(deployment.analysable())].reset_index(drop=True)
    rows["split"] = assign_splits(rows, deployment.target.horizon_days)
    if not len(rows):
        return rows
    wanted = deployment.settings.americano_training_rows
    rows = _marked(deployment, rows, flags)
    rows["split"] = withheld(rows["split"], rows[TREATED], wanted)
    told, held_out = rows[TOLD].to_numpy(dtype=bool), rows.pop(HELD_OUT).to_numpy(dtype=float)
    return require_valid(rows.assign(**{WEIGHT: row_weights(told, held_out, wanted)}), TRAINING_SET)


def _marked(deployment: Deployment, rows: pd.DataFrame, flags: pd.DataFrame | None) -> pd.DataFrame:
    if flags is None or flags.empty:
        return rows.assign(**{TREATED: False, HELD_OUT: 0.0})
    moments = {day: deployment.moment(pd.Timestamp(day).date()) for day in rows["cutoff_day"].unique()}
    windows = rows.assign(
        window_start=rows["cutoff_day"].map({day: naive(moment.at) for day, moment in moments.items()}),
        window_end=rows["cutoff_day"].map({day: naive(moment.horizon_end) for day, moment in moments.items()}),
    )
    return with_marks(windows, flags).drop(columns=["window_start", "window_end"])


def known_rows(store: ParquetStore, tables: TrainingTables, feedback: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with a known outcome of all cut-offs, sorted by cut-off, learner and objective; see `labelled_rows`."""
    parts = [
        _labelled(
            store.read_whole("features_at", tables.features[cutoff].content, _FEATURE_COLUMNS),
            store.read_whole("labels_at", tables.labels[cutoff].content, [*_PAIR, *_OUTCOME]),
            cutoff,
        )
        for cutoff in sorted(tables.labels)
        if tables.labels[cutoff].rows
    ]
    if not parts:
        return pd.DataFrame(columns=[*ruled(TRAINING_SET), *OBSERVED_NAMES, VALIDATION_MEAN, TOLD])
    known = _with_feedback(pa.concat_tables(parts), feedback)
    rows: pd.DataFrame = known.filter(pc.is_valid(known["struggled"])).to_pandas()
    rows["struggled"] = rows["struggled"].astype(bool)
    return rows


def _with_feedback(rows: pa.Table, feedback: pd.DataFrame | None) -> pa.Table:
    if feedback is None or feedback.empty:
        told = pa.repeat(False, len(rows))
    else:
        struggled, by_learner = override_labels(rows.select([*_PAIR, PLANNED_DAY, "struggled"]).to_pandas(), feedback)
        place = rows.schema.get_field_index("struggled")
        rows = rows.set_column(place, "struggled", pa.array(struggled, pa.bool_(), from_pandas=True))
        told = pa.array(by_learner, pa.bool_())
    return rows.drop_columns([PLANNED_DAY]).append_column(TOLD, told)


def _labelled(features: pa.Table, labels: pa.Table, cutoff: date) -> pa.Table:
    """Features with their outcome. Both are sorted by pair, so no join is needed; that they agree is checked."""
    if not features.select(_PAIR).equals(labels.select(_PAIR)):
        raise AmericanoError(
            f"Features and labels of study day {cutoff} hold different pairs: materialize labels again."
        )
    for name in _OUTCOME:
        features = features.append_column(name, labels[name])
    return features.append_column("cutoff_day", pa.repeat(pd.Timestamp(cutoff), len(features)))
