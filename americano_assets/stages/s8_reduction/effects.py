"""Computes and writes the effects of a study day into ml.effects."""

from dataclasses import fields
from datetime import date, datetime
from typing import Any

import pandas as pd
import psycopg
from psycopg.types.json import Jsonb

from americano_assets.core.effects.effects import Effect, effects, newest_design, own_effects
from americano_assets.core.effects.randomized import Comparison
from americano_assets.core.outcomes.performance import LEARNER
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.postgres.connection import frame_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s8_reduction.performance import replace_day
from americano_assets.stages.s8_reduction.sql import query

TABLE = "effects"
# A kilobyte each where they are compared. Of so many an interval is a point wide.
MOST_EPISODES = 200_000
_FETCHED = 10_000
_KEYS = ("study_day", "evidence", "scope", "scope_id", "period", "estimand", "method")
_FIGURES = tuple(one.name for one in fields(Comparison))


def measure_effects(deployment: Deployment, day: date) -> list[Effect]:
    """Effects at the day's cut-off, written in one transaction; a learner's own are kept for the newest day only.

    Of more than MOST_EPISODES they are of a share of what chance drew, `drawn_share` in the details; each learner's own
    are of all their episodes.
    """
    cutoff = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        counted = frame_of(connection.execute(query("effect_learners"), {"cutoff": cutoff}))
        episodes = int(counted["episodes"].sum())
        share = MOST_EPISODES / episodes if episodes > MOST_EPISODES else None
        ledger = _ledger(connection, cutoff, share=share)
        found = effects(ledger, cutoff)
        if share is not None:
            found = [one for one in found if one.scope != LEARNER]
            design = newest_design(ledger[ledger["eligible"] & ledger["live"]])
            for _, part in counted["learner_id"].groupby(counted["episodes"].cumsum() // MOST_EPISODES):
                ledger = _ledger(connection, cutoff, learners=part.tolist())
                found += own_effects(ledger, cutoff, design)
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


def _ledger(
    connection: psycopg.Connection[Any],
    cutoff: datetime,
    *,
    share: float | None = None,
    learners: list[str] | None = None,
) -> pd.DataFrame:
    cursor = connection.execute(query("effect_ledger"), {"cutoff": cutoff, "share": share, "learners": learners})
    names = [column.name for column in cursor.description or []]
    known: dict[Any, Any] = {}
    parts = [pd.DataFrame(columns=names)]
    while rows := cursor.fetchmany(_FETCHED):
        # Ids and types stand there many times over: each is in memory once.
        parts.append(
            pd.DataFrame([(one, *(_shared(value, known) for value in of)) for one, *of in rows], columns=names)
        )
    # Of no rows, or none with a score, pandas knows no types, and a mask of objects selects columns.
    ledger = parts[0] if len(parts) == 1 else pd.concat(parts[1:], ignore_index=True)
    return ledger.astype(dict.fromkeys(("eligible", "live", "studied", "struggle"), bool) | {"mean_score": float})


def _shared(value: Any, known: dict[Any, Any]) -> Any:
    value = tuple(value) if isinstance(value, list) else value
    return known.setdefault(value, value) if isinstance(value, str | tuple) else value
