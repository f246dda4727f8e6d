"""Indicators and interventions of flagged predictions: of a study day's from stored rows, of any from scored rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from americano_assets.core.base.records import mappings
from americano_assets.core.interventions.choose_interventions import (
    COMPLEXITY,
    NOTHING_KNOWN,
    Indicator,
    Intervention,
    indicators_of,
    interventions_of,
)
from americano_assets.core.interventions.learner_profile import Profile, profile_of
from americano_assets.core.interventions.type_priorities import TypeEffect, type_effects
from americano_assets.core.study_days.cutoff import Cutoff, naive
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s4_predictions.scored_predictions import require_day
from americano_assets.stages.s5_interventions.sql import query

PRIORITIES = "priorities"


@dataclass(frozen=True)
class Known:
    """What advice is cut to.

    Attributes:
        names: Objective texts by id.
        profiles: How learners study, by id.
        easier: An easier objective, by (learner, objective).
        shifts: What was learned about types of intervention.
    """

    names: Mapping[str, str]
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    easier: Mapping[tuple[str, str], str] = field(default_factory=dict)
    shifts: Mapping[str, int] = field(default_factory=dict)


def advise(rows: Sequence[Mapping[str, Any]], known: Known) -> list[Intervention]:
    """Interventions of rows as `flagged_rows` gives them; a night and a single learner are advised alike."""
    return [
        intervention
        for row in rows
        for intervention in interventions_of(
            row,
            known.names,
            known.profiles.get(row["learner_id"], NOTHING_KNOWN),
            known.easier.get((row["learner_id"], row["objective_id"])),
            known.shifts,
        )
    ]


def flagged_rows(scored: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows at or above the threshold, a mapping each."""
    rows = mappings(scored[scored["flagged"]])
    for row in rows:
        # A rate that nobody has is NaN in a frame.
        if row["cohort_lapse_rate"] is None or row["cohort_lapse_rate"] != row["cohort_lapse_rate"]:
            row["cohort_lapse_rate"] = None
    return rows


def as_frame(rows: Sequence[Indicator] | Sequence[Intervention], kind: type[Indicator | Intervention]) -> pd.DataFrame:
    """Indicators or interventions as a frame, with their columns also where there are none."""
    return pd.DataFrame([vars(row) for row in rows], columns=list(kind.__dataclass_fields__))


def indicators_of_day(deployment: Deployment, day: date) -> list[Indicator]:
    """Indicators of all scored rows at or above the threshold."""
    return [indicator for row in _flagged(deployment, day) for indicator in indicators_of(row)]


def interventions_of_day(
    deployment: Deployment, day: date, *, latest: bool = False
) -> tuple[list[Intervention], dict[str, TypeEffect]]:
    """Interventions of all scored rows at or above the threshold, and what was learned about their types.

    Args:
        deployment: The deployment.
        day: The study day.
        latest: Learn anew, although the day has recorded what it learned.
    """
    tables = day_tables(deployment, day).state(day).snapshot.tables
    store = deployment.store
    objectives = store.read_whole("objectives", tables["objectives"]).to_pandas()
    profiles: list[dict[str, Any]] = store.read_whole("profiles", tables["profiles"]).to_pylist()
    rows = _flagged(deployment, day)
    flagged = {row["learner_id"] for row in rows}
    effects = learned(deployment, day, latest=latest)
    known = Known(
        names=dict(zip(objectives["objective_id"], objectives["objective_text"], strict=True)),
        profiles={one["learner_id"]: profile_of(one) for one in profiles if one["learner_id"] in flagged},
        easier=_easier(deployment, day, [row for row in rows if COMPLEXITY.fires(row)]),
        shifts={kind: effect.shift for kind, effect in effects.items()},
    )
    return advise(rows, known), effects


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


def easier_objectives(
    engine: FeatureEngine, moment: Cutoff, rows: Sequence[Mapping[str, Any]], *, derived: bool = False
) -> dict[tuple[str, str], str]:
    """For each (learner, objective) of `rows` an easier objective of its topic, where there is one.

    The engine has the view `interactions` and its state loaded, and with `derived` what is kept of whole days
    (resources/duckdb/connection.py); this serves a night and a single learner alike.
    """
    pairs = {name: pa.array([row[name] for row in rows], pa.string()) for name in ("learner_id", "objective_id")}
    engine.history(moment, pa.table(pairs), derived=derived)
    found = engine.run(query("easier_objectives")).to_pylist()
    return {(one["learner_id"], one["objective_id"]): one["easier_id"] for one in found}


def _easier(deployment: Deployment, day: date, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    if not rows:
        return {}
    tables, store = day_tables(deployment, day), deployment.store
    state = tables.state(day)
    with open_feature_engine() as engine:
        engine.calendar(day, deployment.zone)
        derived = tables.view_log(engine, [day])
        engine.load_state({name: store.whole_path(name, content) for name, content in state.snapshot.tables.items()})
        return easier_objectives(engine, tables.moment(day), rows, derived=derived)


def _flagged(deployment: Deployment, day: date) -> list[dict[str, Any]]:
    return flagged_rows(require_day(deployment, "scored_predictions", day))
