"""Features and labels of study days, and the training set that they make."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.base.validation import Checked, require_valid
from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES, MODEL_INPUTS, OBSERVED_NAMES
from americano_assets.core.features.skill_update import LEVEL_NAMES
from americano_assets.core.models.rule_based import VALIDATION_MEAN, cold_start
from americano_assets.core.outcomes.outcomes import override_labels
from americano_assets.core.statistics.learner_draw import Draw, Portion, drawn_until, key_bound
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import weekly_cutoffs
from americano_assets.core.training.splits import assign_splits
from americano_assets.core.training.treated_rows import HELD_OUT, TREATED, WEIGHT, row_weights, with_marks, withheld
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import FEATURES_TABLE, TOLD, TRAINING_SET, ruled
from americano_assets.stages.s1_snapshots.fast_validation import checked_rows
from americano_assets.stages.s1_snapshots.input_manifest import Inputs
from americano_assets.stages.s1_snapshots.state_snapshots import StateAt
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.learner_portions import training_portion
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
    """Contents of the training cut-offs, by study day; of a portion of the learners where all would be too many."""

    features: dict[date, Version]
    labels: dict[date, Version]
    portion: Portion | None = None

    @property
    def rows(self) -> int:
        """Labelled candidates, unknown outcomes included."""
        return sum(version.rows for version in self.labels.values())


class PublishedFeatures:
    """A night's features as they are stored, a batch at a time, and what they add up to.

    Attributes:
        rules: What the rules of FEATURES_TABLE found.
        learners: Whose they are; rows are sorted by learner.
        cold_starts: Rows of whom nothing is known.
    """

    def __init__(self) -> None:
        self.rules = Checked(str(FEATURES_TABLE.name), 0)
        self.learners = self.cold_starts = 0
        self._sums = pd.Series(dtype=float)

    def mean(self, name: str) -> float | None:
        """Of a column of numbers or of what was observed; None without rows."""
        return float(self._sums[name] / self.rules.rows) if self.rules.rows else None

    def without_opt_outs(self, batches: Iterable[pa.RecordBatch], allowed: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Those rows that may be analysed.

        Raises:
            RulesBrokenError: Some break a rule of their table.
        """
        allowed, last = pa.array(allowed, pa.string()), None
        for batch in batches:
            kept = pa.Table.from_batches([batch]).filter(pc.is_in(batch["learner_id"], allowed)).combine_chunks()
            if not len(kept):
                continue
            # With the row before them: a pair that stands there twice stands there one after the other.
            found = checked_rows(kept if last is None else pa.concat_tables([last, kept]), FEATURES_TABLE)
            self.rules += replace(found, rows=len(kept))
            self._add(kept, None if last is None else last["learner_id"][0].as_py())
            last = kept.slice(len(kept) - 1)
            yield from kept.to_batches()
        self.rules.require()

    def _add(self, rows: pa.Table, last: str | None) -> None:
        self.learners += len(rows["learner_id"].unique()) - (rows["learner_id"][0].as_py() == last)
        frame = rows.select([*FEATURE_NAMES, DATA_QUALITY, *OBSERVED_NAMES]).to_pandas()
        self.cold_starts += int(cold_start(frame).sum())
        self._sums = frame.sum().add(self._sums, fill_value=0)


def publish_features(
    deployment: Deployment, day: date, *, latest: bool = False
) -> tuple[PublishedFeatures, Version, StateAt]:
    """The night's candidates with features, without today's opt-outs; stored as the day's `features`.

    Returns:
        What they add up to, their version, and the state that spoke for the day.
    """
    tables = day_tables(deployment, day, latest=latest)
    version = tables.features([day])[day]
    if deployment.is_closed(day):
        tables.store_cohort(day)
    store, published = deployment.store, PublishedFeatures()
    kept = published.without_opt_outs(store.batches("features_at", version.content), deployment.analysable())
    schema = store.whole_schema("features_at", version.content)
    return published, store.put_day("features", day, kept, schema), tables.state(day)


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
    cutoffs = training_cutoffs(deployment, day, tables.inputs)
    portion = training_portion(tables, cutoffs, deployment.settings.americano_training_most)
    features = tables.features(cutoffs, halvings=0 if portion is None else portion.halvings)
    return tables, TrainingTables(features, tables.labels(tables.pairs_of_features(features)), portion)


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
    draw: Draw | None = None,
) -> pd.DataFrame:
    """The labelled rows of who teaches, with their split, sorted by cut-off, learner and objective.

    Without today's opt-outs.

    Args:
        deployment: The deployment.
        tables: Features and labels.
        feedback: What learners said became of episodes (`override_labels`); it goes before the computed
            label, and TOLD marks where it did.
        flags: Whom help may have changed (`with_marks`); where the settings want untreated rows
            alone, a treated one is `unused`.
        draw: Who teaches; None: all.
    """
    rows = known_rows(deployment.store, tables, feedback, None if draw is None else draw.until)
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


def known_rows(
    store: ParquetStore, tables: TrainingTables, feedback: pd.DataFrame | None = None, until: int | None = None
) -> pd.DataFrame:
    """The rows with a known outcome of all cut-offs, sorted by cut-off, learner and objective; see `labelled_rows`.

    Args:
        store: The store.
        tables: Features and labels.
        feedback: As `labelled_rows`.
        until: Of learners whose key is below it; None: of all.
    """
    parts = [
        part
        for cutoff in sorted(tables.labels)
        if tables.labels[cutoff].rows
        for part in _known_parts(store, tables, cutoff, feedback, until)
    ]
    if not parts:
        return pd.DataFrame(columns=[*ruled(TRAINING_SET), *OBSERVED_NAMES, VALIDATION_MEAN, TOLD])
    rows: pd.DataFrame = pa.Table.from_batches(parts).to_pandas()
    rows["struggled"] = rows["struggled"].astype(bool)
    return rows


def draw_learners(store: ParquetStore, tables: TrainingTables, feedback: pd.DataFrame, most: int) -> Draw | None:
    """Who teaches where the rows of all would be more than `most`, today's opt-outs among them; None where all do."""
    halvings = 0 if tables.portion is None else tables.portion.halvings
    if not halvings and tables.rows <= most:
        return None
    by_cutoff = []
    for cutoff in tables.labels:
        outcomes = _outcomes(store, tables, cutoff, feedback)
        known = outcomes.filter(pc.is_valid(outcomes["struggled"]))
        by_cutoff.append(known.group_by("learner_id").aggregate([([], "count_all")]))
    counted = pa.concat_tables(by_cutoff).group_by("learner_id").aggregate([("count_all", "sum")])
    keys, rows = keys_of(counted["learner_id"]), counted["count_all_sum"].to_numpy()
    order = np.argsort(keys)
    until = drawn_until(keys[order], rows[order], most)
    if tables.portion is not None and halvings:
        until = key_bound(halvings) if until is None else until
        return Draw(most, until, tables.portion.learners, tables.portion.outcomes, at_most=True)
    return None if until is None else Draw(most, until, len(keys), int(rows.sum()))


def _known_parts(
    store: ParquetStore, tables: TrainingTables, cutoff: date, feedback: pd.DataFrame | None, until: int | None
) -> Iterator[pa.RecordBatch]:
    """The wanted rows of a cut-off. Features and labels are sorted by pair, so no join is needed; it is looked at."""
    outcomes = _outcomes(store, tables, cutoff, feedback)
    wanted = pc.is_valid(outcomes["struggled"])
    if until is not None:
        wanted = pc.and_(wanted, pa.chunked_array([keys_of(outcomes["learner_id"]) < until]))
    place = 0
    for batch in store.batches("features_at", tables.features[cutoff].content, _FEATURE_COLUMNS):
        rows, inside = pa.Table.from_batches([batch]), outcomes.slice(place, len(batch))
        place += len(batch)
        _require_same_pairs(rows, inside, cutoff)
        for name in _OUTCOME:
            rows = rows.append_column(name, inside[name])
        rows = rows.append_column("cutoff_day", pa.repeat(pd.Timestamp(cutoff), len(rows)))
        rows = rows.drop_columns([PLANNED_DAY]).append_column(TOLD, inside[TOLD])
        yield from rows.filter(wanted.slice(place - len(batch), len(batch))).combine_chunks().to_batches()
    _require_same_pairs(outcomes.slice(place), outcomes.slice(len(outcomes)), cutoff)


def _outcomes(store: ParquetStore, tables: TrainingTables, cutoff: date, feedback: pd.DataFrame | None) -> pa.Table:
    """The outcomes of a cut-off's candidates, with TOLD: whether it is the learner's own word, which goes first."""
    rows = store.read_whole("labels_at", tables.labels[cutoff].content, [*_PAIR, *_OUTCOME])
    if feedback is None or feedback.empty:
        return rows.append_column(TOLD, pa.repeat(False, len(rows)))
    planned = store.read_whole("features_at", tables.features[cutoff].content, [*_PAIR, PLANNED_DAY])
    _require_same_pairs(planned, rows, cutoff)
    episodes = planned.append_column("struggled", rows["struggled"]).to_pandas()
    struggled, by_learner = override_labels(episodes, feedback)
    place = rows.schema.get_field_index("struggled")
    rows = rows.set_column(place, "struggled", pa.array(struggled, pa.bool_(), from_pandas=True))
    return rows.append_column(TOLD, pa.array(by_learner, pa.bool_()))


def _require_same_pairs(features: pa.Table, labels: pa.Table, cutoff: date) -> None:
    if not features.select(_PAIR).equals(labels.select(_PAIR)):
        raise AmericanoError(
            f"Features and labels of study day {cutoff} hold different pairs: materialize labels again."
        )
