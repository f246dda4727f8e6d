"""Indicators and interventions of flagged predictions of a study day, from stored rows, a batch after another."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.interventions.choose_interventions import ADVICE_COLUMNS, Known, interventions_of
from americano_assets.core.interventions.learner_profile import profile_of
from americano_assets.core.interventions.signs import COMPLEXITY, SIGN_COLUMNS, indicators_of
from americano_assets.core.interventions.type_priorities import TypeEffect, type_effects
from americano_assets.core.study_days.cutoff import Cutoff, naive
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s4_predictions.scored_predictions import TABLE, batches_of_day
from americano_assets.stages.s5_interventions.sql import query

PRIORITIES = "priorities"
_PAIRS = pa.schema([("learner_id", pa.string()), ("objective_id", pa.string())])


def indicators_of_day(deployment: Deployment, day: date) -> Iterator[pd.DataFrame]:
    """Indicators of all scored rows at or above the threshold, as frames of bounded size."""
    for rows in _flagged(deployment, day, *SIGN_COLUMNS):
        yield indicators_of(rows)


def interventions_of_day(
    deployment: Deployment, day: date, effects: Mapping[str, TypeEffect]
) -> Iterator[pd.DataFrame]:
    """Interventions of all scored rows at or above the threshold, as frames of bounded size.

    Args:
        deployment: The deployment.
        day: The study day.
        effects: What was `learned` about their types.
    """
    tables, store = day_tables(deployment, day).state(day).snapshot.tables, deployment.store
    objectives = store.read_whole("objectives", tables["objectives"]).to_pandas()
    names = dict(zip(objectives["objective_id"], objectives["objective_text"], strict=True))
    profiles = store.read_whole("profiles", tables["profiles"])
    shifts = {kind: effect.shift for kind, effect in effects.items()}
    easier = _easier(deployment, day)
    for rows in _flagged(deployment, day, *ADVICE_COLUMNS):
        here = pa.array(rows["learner_id"].unique(), pa.string())
        known = Known(
            names=names,
            profiles={one["learner_id"]: profile_of(one) for one in _of(here, profiles)},
            easier={(one["learner_id"], one["objective_id"]): one["easier_id"] for one in _of(here, easier)},
            shifts=shifts,
        )
        yield interventions_of(rows, known)


def learned(deployment: Deployment, day: date, *, latest: bool = False) -> dict[str, TypeEffect]:
    """What the experiment had shown about each type at the day's cut-off; recorded, so that a rerun learns the same."""
    recorded = None if latest else deployment.store.manifest(day, PRIORITIES)
    if recorded is not None:
        return {kind: TypeEffect(**values) for kind, values in recorded.items()}
    policy = deployment.settings.experiment
    effects: dict[str, TypeEffect] = {}
    if policy.is_random:
        with deployment.connect() as connection:
            cursor = connection.execute(
                query("type_outcomes"),
                {"unit": policy.unit, "share": policy.share, "cutoff": naive(deployment.moment(day).at)},
            )
            names = [column.name for column in cursor.description or []]
            effects = type_effects(pd.DataFrame(cursor.fetchall(), columns=names))
    if deployment.is_closed(day):
        deployment.store.record_manifest(day, PRIORITIES, {kind: asdict(effect) for kind, effect in effects.items()})
    return effects


def easier_objectives(engine: FeatureEngine, moment: Cutoff, pairs: pa.Table, *, derived: bool = False) -> pa.Table:
    """For each (learner, objective) of `pairs` an easier objective of its topic, `easier_id`, where there is one.

    The engine has the view `interactions` and its state loaded, and with `derived` what is kept of whole days
    (resources/duckdb/connection.py); this serves a night and a single learner alike.
    """
    engine.history(moment, pairs, derived=derived)
    return engine.run(query("easier_objectives"))


def pairs_of(rows: pd.DataFrame) -> pa.Table:
    """The (learner, objective) of each row, for `easier_objectives`."""
    return pa.Table.from_pandas(rows[_PAIRS.names], _PAIRS, preserve_index=False)


def _easier(deployment: Deployment, day: date) -> pa.Table:
    flagged = _flagged(deployment, day, *_PAIRS.names, COMPLEXITY.feature, f"observed_{COMPLEXITY.feature}")
    steep = [pairs_of(rows[COMPLEXITY.fires(rows)]) for rows in flagged]
    pairs = pa.concat_tables([_PAIRS.empty_table(), *steep])
    if not pairs.num_rows:
        return pairs
    tables, store = day_tables(deployment, day), deployment.store
    state = tables.state(day)
    with open_feature_engine() as engine:
        engine.calendar(day, deployment.zone)
        derived = tables.view_log(engine, [day])
        engine.load_state({name: store.whole_path(name, content) for name, content in state.snapshot.tables.items()})
        return easier_objectives(engine, tables.moment(day), pairs, derived=derived)


def _of(learners: pa.Array, table: pa.Table) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = table.filter(pc.is_in(table["learner_id"], learners)).to_pylist()
    return rows


def _flagged(deployment: Deployment, day: date, *columns: str) -> Iterator[pd.DataFrame]:
    for batch in batches_of_day(deployment, TABLE, day, [*columns, "flagged"]):
        yield batch.filter(batch["flagged"]).to_pandas()
