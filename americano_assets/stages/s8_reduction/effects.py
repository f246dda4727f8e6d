"""Computes and writes the effects of a study day into ml.effects."""

from dataclasses import fields
from datetime import date, datetime
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

from americano_assets.core.effects.effects import Effect, effects, newest_design, own_effects
from americano_assets.core.effects.randomized import Comparison
from americano_assets.core.outcomes.performance import LEARNER
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.resources.postgres.connection import frame_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s8_reduction.performance import replace_day
from americano_assets.stages.s8_reduction.sql import query

TABLE = "effects"
# Two kilobytes each where they are compared. Of so many an interval is a point wide.
MOST_EPISODES = 500_000
_KEYS = ("study_day", "evidence", "scope", "scope_id", "period", "estimand", "method")
_FIGURES = tuple(one.name for one in fields(Comparison))


def measure_effects(deployment: Deployment, day: date) -> list[Effect]:
    """Effects at the day's cut-off, written in one transaction; a learner's own are kept for the newest day only.

    Of more than MOST_EPISODES they are of learners drawn whole by a hash of their ids, each learner's own apart;
    `drawn_share` in the details tells of which share of them.
    """
    cutoff = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        drawn, others, share = _drawn(connection, cutoff)
        ledger = _ledger(connection, cutoff, drawn)
        found = effects(ledger, cutoff)
        design = newest_design(ledger[ledger["eligible"] & ledger["live"]])
        for learners in others:
            found += own_effects(_ledger(connection, cutoff, learners), cutoff, design)
        replace_day(
            connection,
            TABLE,
            day,
            (*_KEYS, *_FIGURES, "details", "computed_at"),
            [
                (
                    day,
                    *(getattr(one, name) for name in _KEYS[1:]),
                    *(getattr(one.comparison, name) for name in _FIGURES),
                    Jsonb(
                        one.details if share is None or one.scope == LEARNER else {**one.details, "drawn_share": share}
                    ),
                    cutoff,
                )
                for one in found
            ],
        )
    return found


def _ledger(connection: psycopg.Connection[Any], cutoff: datetime, learners: list[str] | None) -> pd.DataFrame:
    rows = frame_of(connection.execute(query("effect_ledger"), {"cutoff": cutoff, "drawn": learners}))
    # Of no rows pandas knows no types, and a mask of objects selects columns.
    return rows.astype(dict.fromkeys(("eligible", "live", "studied", "struggle"), bool))


def _drawn(
    connection: psycopg.Connection[Any], cutoff: datetime
) -> tuple[list[str] | None, list[list[str]], float | None]:
    """Who is drawn (None: everybody), the others in portions of as many episodes, what share of learners is drawn."""
    counted = frame_of(connection.execute(query("effect_learners"), {"cutoff": cutoff}))
    if int(counted["episodes"].sum()) <= MOST_EPISODES:
        return None, [], None
    counted = counted.assign(key=keys_of(pa.array(counted["learner_id"], pa.string()))).sort_values("key")
    place = counted["episodes"].cumsum() // (MOST_EPISODES + 1)
    portions = [part.tolist() for _, part in counted["learner_id"].groupby(place)]
    return portions[0], portions[1:], len(portions[0]) / len(counted)
