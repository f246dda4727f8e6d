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
# Two kilobytes each where they are compared. Of so many an interval is a point wide.
MOST_EPISODES = 200_000
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
    of = {"cutoff": cutoff, "share": share, "learners": learners}
    rows = frame_of(connection.execute(query("effect_ledger"), of))
    # Of no rows pandas knows no types, and a mask of objects selects columns.
    return rows.astype(dict.fromkeys(("eligible", "live", "studied", "struggle"), bool))
