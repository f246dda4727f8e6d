"""Computes and writes the effects of a study day into ml.effects."""

from dataclasses import fields
from datetime import date

import pandas as pd
from psycopg.types.json import Jsonb

from americano_assets.core.effects.effects import Effect, effects
from americano_assets.core.effects.randomized import Comparison
from americano_assets.core.study_days.cutoff import naive
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s8_reduction.performance import replace_day
from americano_assets.stages.s8_reduction.sql import query

TABLE = "effects"
_KEYS = ("study_day", "evidence", "scope", "scope_id", "period", "estimand", "method")
_FIGURES = tuple(one.name for one in fields(Comparison))


def measure_effects(deployment: Deployment, day: date) -> list[Effect]:
    """Effects at the day's cut-off, written in one transaction; a learner's own are kept for the newest day only."""
    cutoff = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        cursor = connection.execute(query("effect_ledger"), {"cutoff": cutoff})
        columns = [column.name for column in cursor.description or []]
        ledger = pd.DataFrame(cursor.fetchall(), columns=columns)
        # Of no rows pandas knows no types, and a mask of objects selects columns.
        found = effects(ledger.astype(dict.fromkeys(("eligible", "live", "studied", "struggle"), bool)), cutoff)
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
                    Jsonb(one.details),
                    cutoff,
                )
                for one in found
            ],
        )
    return found
