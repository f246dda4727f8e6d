"""What a night's report shows, read from the tables that the night wrote. Nothing is computed that a table holds."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK
from americano_assets.core.outcomes.drift import TOO_FEW, table
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import days_between
from americano_assets.core.training.flagging import nobody_told
from americano_assets.resources.home.folder import demo_sentence
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import course_names, drift_of
from americano_assets.stages.s1_snapshots.quarantine import readings
from americano_assets.stages.s4_predictions.scored_predictions import TABLE as SCORED
from americano_assets.stages.s9_report.sql import query

DAYS = 30


@dataclass(frozen=True)
class Report:
    """A night's report; every list may be empty, every row None."""

    day: date
    cutoff: datetime
    demo_cohort: str | None
    demo_settings: str | None
    simulated_help: int
    courses: list[dict[str, Any]]
    nobody_told: str
    performance: dict[str, Any] | None
    flags: dict[str, Any]
    drift: list[dict[str, Any]]
    drift_measured: int
    effects: list[dict[str, Any]]
    effect_by_night: list[dict[str, Any]]
    before_after: dict[str, Any] | None
    planted: dict[str, Any] | None
    nights: dict[str, Any]
    nights_expected: int
    cold_share: float | None
    scored: int
    bad_rows: dict[str, int]


def gather(deployment: Deployment, day: date) -> Report:
    """Everything that the report of a study day shows."""
    moment = deployment.moment(day)
    cutoff = naive(moment.at)
    since = cutoff - timedelta(days=DAYS)
    given = {"cutoff": cutoff, "since": since, "day": day, "high": HIGH_RISK, "medium": MEDIUM_RISK}
    with deployment.connect() as connection:

        def rows(statement: str, **own: Any) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(statement.encode(), {**given, **own}).fetchall()

        cohort = connection.execute("SELECT cohort FROM ml.demo_load").fetchone()
        nights = rows(query("nights"), since=day - timedelta(days=DAYS))[0]
        helped = connection.execute("SELECT count(*) FROM ml.simulated_help").fetchone()
        began = connection.execute("SELECT first_study_day FROM ml.deployment").fetchone()
        shifts, names = drift_of(connection, day), course_names(connection)
        performance, before_after = rows(query("performance")), rows(query("before_after"))
        courses, flags = rows(query("who_needs_help")), rows(query("false_alarms"))[0]
        scoring = rows(query("scoring_model"))
        effects, planted = rows(query("effects")), rows(query("planted_effect"))
        by_night = rows(query("effect_by_night"))
    first = max(began[0] if began else day, day - timedelta(days=DAYS - 1))
    scored = deployment.store.read_day(SCORED, day)
    cold = scored["cold_start"].to_pandas() if scored is not None and scored.num_rows else None
    bad: dict[str, int] = {}
    for one in readings(deployment.store):
        if one.read_at.date() > since.date():
            bad[one.table] = bad.get(one.table, 0) + one.bad
    return Report(
        day=day,
        cutoff=moment.at.astimezone(deployment.zone),
        demo_cohort=cohort[0] if cohort else None,
        demo_settings=demo_sentence(deployment.settings),
        simulated_help=helped[0] if helped else 0,
        courses=courses,
        nobody_told=nobody_told(scoring[0]["threshold"] if scoring else None),
        performance=performance[0] if performance else None,
        flags=flags,
        drift=table(shifts, names),
        drift_measured=len({(one.scope, one.scope_id) for one in shifts if one.status != TOO_FEW}),
        effects=effects,
        effect_by_night=by_night,
        before_after=before_after[0] if before_after else None,
        planted=planted[0] if planted else None,
        nights=nights,
        nights_expected=len(days_between(first, day)) if first <= day else 0,
        cold_share=float(cold.mean()) if cold is not None else None,
        scored=0 if cold is None else len(cold),
        bad_rows=bad,
    )
