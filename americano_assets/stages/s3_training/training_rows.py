"""The training set of a study day: which rows, of whom, and a record of what they were made from."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from americano_assets.core.statistics.learner_draw import Draw
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.resources.parquet_store.store import Version
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import Inputs
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.features import (
    TrainingTables,
    draw_learners,
    labelled_rows,
    training_cutoffs,
    training_tables,
)
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables
from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET, Dataset, record, recorded_dataset
from americano_assets.stages.s3_training.learner_feedback import feedback, on_time_flags


@dataclass(frozen=True)
class Taught:
    """The rows of a training set, what they were made from, and whose they are where not everybody's (`draw`)."""

    rows: pd.DataFrame
    tables: PointInTimeTables
    made_from: TrainingTables
    draw: Draw | None

    @property
    def drawn(self) -> str | None:
        """How many of how many learners and rows these are, in a sentence; None where they are all."""
        if self.draw is None:
            return None
        return self.draw.told(self.rows["learner_id"].nunique(), len(self.rows))


def training_rows(deployment: Deployment, day: date) -> Taught:
    """The training set of a study day.

    What learners said by the day's cut-off goes before the computed labels; rows that help may have changed are marked.
    A rerun of a closed day from the inputs that it recorded reads the features and labels that it was made from then,
    also where their definitions have changed since: its model stays the same.
    """
    tables = day_tables(deployment, day)
    recorded = _recorded(deployment, day, tables.inputs)
    if recorded is None:
        tables, made_from = training_tables(deployment, day)
    else:
        made_from, draw = recorded
    moment = deployment.moment(day).at
    before, opened = naive(moment), study_day_of(moment, deployment.zone)
    with deployment.connect() as connection:
        feedback_rows, flags = feedback(connection, opened, before), on_time_flags(connection, before)
    if recorded is None:
        most = deployment.settings.americano_training_most
        draw = draw_learners(deployment.store, made_from, feedback_rows, most)
    return Taught(labelled_rows(deployment, made_from, feedback_rows, flags, draw), tables, made_from, draw)


def _recorded(deployment: Deployment, day: date, inputs: Inputs) -> tuple[TrainingTables, Draw | None] | None:
    """What a closed day's training set was made from, if from inputs that still count for it and all of it is there."""
    store = deployment.store
    version = store.current(TRAINING_SET, day) if deployment.is_closed(day) else None
    dataset = None if version is None else recorded_dataset(store, version.content)
    if dataset is None:
        return None
    # A training set of fewer days than are known by now, or of the day while it was open, is another one.
    same_days = _contents(inputs, dataset.day) == _contents(dataset.inputs, dataset.day)
    same_state = all(snapshot in inputs.state for snapshot in dataset.inputs.state)
    if dataset.settings != _deciding(deployment.settings) or not (same_days and same_state):
        return None
    most = deployment.settings.americano_training_most
    if dataset.rows > most if dataset.draw is None else dataset.draw.most != most:
        return None
    if any(sorted(found) != training_cutoffs(deployment, day, inputs) for found in dataset.made_from.values()):
        return None
    for table, found in dataset.made_from.items():
        if not found.keys() <= store.kept(table, {at: Version(one, 0) for at, one in found.items()}).keys():
            return None
    features, labels = (
        {at: Version(one, store.whole_rows(table, one)) for at, one in dataset.made_from[table].items()}
        for table in ("features_at", "labels_at")
    )
    return TrainingTables(features, labels), dataset.draw


def _contents(inputs: Inputs, until: date) -> set[tuple[str, date, str]]:
    """Each content of a day up to `until`."""
    return {(table, at, one.content) for table, days in inputs.days.items() for at, one in days.items() if at <= until}


def store_training_set(deployment: Deployment, day: date) -> tuple[Taught, Version]:
    """Make a study day's training set, store it, and record what it was made from."""
    taught = training_rows(deployment, day)
    table = pa.Table.from_pandas(taught.rows, preserve_index=False)
    version = deployment.store.put_day(TRAINING_SET, day, table.to_batches(), table.schema)
    if recorded_dataset(deployment.store, version.content) is None:
        contents = {"features_at": taught.made_from.features, "labels_at": taught.made_from.labels}
        dataset = Dataset(
            version.content,
            version.rows,
            day,
            _deciding(deployment.settings),
            {table: {day: one.content for day, one in found.items()} for table, found in contents.items()},
            taught.tables.inputs,
            taught.draw,
        )
        record(deployment.store, dataset)
    return taught, version


def _deciding(settings: Settings) -> dict[str, Any]:
    return {
        "horizon_days": settings.americano_horizon_days,
        "struggle_below": settings.americano_struggle_below,
        "training_rows": settings.americano_training_rows,
        "training_weeks": settings.americano_training_weeks,
        "timezone": settings.americano_timezone,
        "start_day": settings.americano_start_day.isoformat(),
    }
