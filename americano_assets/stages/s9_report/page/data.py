"""What a night's report shows, read from the tables that the night wrote. Nothing is computed that a table holds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK
from americano_assets.core.morning_list.capacity import Reach, reached
from americano_assets.core.outcomes.drift_told import nothing_told, table
from americano_assets.core.outcomes.fairness import Gap, told
from americano_assets.core.outcomes.performance import MODEL_TYPE
from americano_assets.core.statistics.metrics import LEAST_ROWS, share
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.training.flagging import nobody_told
from americano_assets.resources.home.folder import demo_sentence
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import course_names, drift_of
from americano_assets.stages.s1_snapshots.quarantine import bad_rows, readings
from americano_assets.stages.s4_predictions.scored_predictions import TABLE as SCORED
from americano_assets.stages.s8_reduction.coverage import nights_that_reach
from americano_assets.stages.s8_reduction.list_outcomes import kept_lists
from americano_assets.stages.s9_report.sql import query

DAYS = 30
REASONS = 2
# Said of open predictions of a night that was not the last.
LATER_NIGHTS = "Later nights stand: what they made anew, or closed, is not counted here."


@dataclass(frozen=True)
class Struggles:
    """Struggles of the newest closed window, and whether nights had scored their pairs.

    Attributes:
        window: First and last study day of the window.
        count: Struggles in it.
        unscored: Those of pairs that none of the nights had scored.
        nights: First and last study day whose night could have: its horizon reached into the window.
        ran: How many of these nights ran.
    """

    window: tuple[date, date]
    count: int
    unscored: int
    nights: tuple[date, date]
    ran: int


@dataclass(frozen=True)
class Report:
    """A night's report; every list may be empty, every row None.

    `performance` has a row a kind of model, that of the newest matured prediction first.
    """

    day: date
    cutoff: datetime
    demo_cohort: str | None
    demo_settings: str | None
    simulated_help: int
    courses: list[dict[str, Any]]
    objectives: list[dict[str, Any]]
    scoring: dict[str, Any] | None
    nobody_told: str
    performance: list[dict[str, Any]]
    struggles: Struggles | None
    fairness: str
    fairness_by: dict[str, str]
    flags: dict[str, Any]
    drift: list[dict[str, Any]]
    drift_told: str
    effects: list[dict[str, Any]]
    effect_by_night: list[dict[str, Any]]
    before_after: dict[str, Any] | None
    planted: dict[str, Any] | None
    nights: dict[str, Any]
    reach: list[Reach]
    list_struggles: int
    list_capacity: int | None
    cold_share: float | None
    scored: int
    bad_rows: dict[str, int]


def gather(deployment: Deployment, day: date) -> Report:
    """Everything that the report of a study day shows."""
    moment = deployment.moment(day)
    cutoff = naive(moment.at)
    since = cutoff - timedelta(days=DAYS)
    given = {
        "cutoff": cutoff,
        "since": since,
        "day": day,
        "high": HIGH_RISK,
        "medium": MEDIUM_RISK,
        "least": LEAST_ROWS,
        "zone": deployment.zone.key,
        "horizon": deployment.target.horizon_days,
        "reasons": REASONS,
    }
    with deployment.connect() as connection:

        def rows(statement: str, **own: Any) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(statement.encode(), {**given, **own}).fetchall()

        cohort = connection.execute("SELECT cohort FROM ml.demo_load").fetchone()
        nights = rows(query("nights"), since=day - timedelta(days=DAYS))[0]
        helped = connection.execute("SELECT count(*) FROM ml.simulated_help").fetchone()
        shifts, names = drift_of(connection, day), course_names(connection)
        performance, before_after = rows(query("performance")), rows(query("before_after"))
        courses, flags = rows(query("who_needs_help")), rows(query("false_alarms"))[0]
        objectives, scoring = rows(query("at_risk")), rows(query("scoring_model"))
        effects, planted = rows(query("effects")), rows(query("planted_effect"))
        by_night = rows(query("effect_by_night"))
        lists = kept_lists(connection, day, deployment.target.horizon_days)
        reach = nights_that_reach(day, deployment.target.horizon_days)
        ran = connection.execute(
            "SELECT count(*) FROM ml.study_days WHERE study_day BETWEEN %s AND %s", [reach[0], reach[-1]]
        ).fetchone()
    scored = deployment.store.read_day(SCORED, day)
    cold = scored["cold_start"].to_pandas() if scored is not None and scored.num_rows else None
    late = (one for one in readings(deployment.store) if one.bad and one.read_at.date() > since.date())
    overall = next((one for one in performance if one["scope"] == "all"), None)
    makers = [one for one in performance if one["scope"] == MODEL_TYPE]
    gaps = [Gap(**gap) for gap in (makers[0]["gaps"] if makers else None) or []]
    for made in makers:
        made["slices"] = [{**part, "part": names.get(part["part"], part["part"])} for part in made["slices"] or []]
    return Report(
        day=day,
        cutoff=moment.at.astimezone(deployment.zone),
        demo_cohort=cohort[0] if cohort else None,
        demo_settings=demo_sentence(deployment.settings),
        simulated_help=helped[0] if helped else 0,
        courses=courses,
        objectives=[_local(one, deployment.zone) for one in objectives],
        scoring=scoring[0] if scoring else None,
        nobody_told=nobody_told(scoring[0]["threshold"] if scoring else None, scored=cold is not None),
        performance=makers,
        struggles=_struggles(overall, day, deployment.target.horizon_days, ran[0] if ran else 0),
        fairness=told(gaps[0] if gaps else None, names),
        fairness_by={gap.by: told(gap, names) for gap in gaps[1:]},
        flags=flags,
        drift=table(shifts, names),
        drift_told=nothing_told(shifts),
        effects=effects,
        effect_by_night=by_night,
        before_after=before_after[0] if before_after else None,
        planted=planted[0] if planted else None,
        nights=nights,
        reach=reached(lists),
        list_struggles=sum(one.struggled for one in lists),
        list_capacity=deployment.settings.americano_list_capacity,
        cold_share=None if cold is None else share(cold),
        scored=0 if cold is None else len(cold),
        bad_rows=bad_rows(deployment.store, late),
    )


def _local(objective: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The row with the local date of its first plan."""
    first = objective["planned_from"]
    return {**objective, "planned_from": first and first.replace(tzinfo=UTC).astimezone(zone).date()}


def _struggles(overall: dict[str, Any] | None, day: date, horizon_days: int, ran: int) -> Struggles | None:
    if overall is None or not overall["struggles"]:
        return None
    nights = nights_that_reach(day, horizon_days)
    window = day - timedelta(days=horizon_days - 1), day
    return Struggles(
        window, overall["struggles"], overall["struggles"] - overall["struggles_scored"], (nights[0], nights[-1]), ran
    )
