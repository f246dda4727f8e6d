"""What `americano demo` does, in order: load, history, replays, the last closed study day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from americano_assets.core.study_days.catch_up import missing_days
from americano_assets.core.study_days.study_day import cutoff, days_between, last_closed, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.loading.demo.extent import REPLAY_WEEKS, SAMPLE_LEARNERS, SAMPLE_LOG, is_sample, replay_weeks
from americano_assets.loading.demo.homes import OULAD_SETTINGS, SIMULATED_SETTINGS, of_its_own, require_every_column
from americano_assets.loading.demo.oulad import load
from americano_assets.loading.demo.scenarios import cohort_demo
from americano_assets.loading.demo.scenarios.living_cohort import LivingDeployment, bring_to, record_truth
from americano_assets.loading.demo.simulator import Arguments
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.orchestration.local_runner import Runner, make_ready
from americano_assets.resources.home.folder import write_demo_values
from americano_assets.resources.postgres.connection import connect
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.metadata import NIGHTLY, REPLAY
from americano_assets.stages.s6_publication.episode_ledger import record_deployment

# After its cut-off: soon enough for a night to be on time.
_NIGHT_RUNS_AT = timedelta(minutes=10)
# Before the first week that is lived through there must be something to foresee it by.
_LEAST_HISTORY = timedelta(days=14)


@dataclass(frozen=True)
class Plan:
    """The study days of a demo run.

    Attributes:
        history: Days without interactions yet, consecutive; empty if all are there.
        nights: (day, kind), oldest first; the last is the last closed day.
    """

    history: list[date]
    nights: list[tuple[date, str]]


def load_students(
    settings: Settings, learners: int | None, progress: Callable[[str, int], None], *, everyone: bool = False
) -> None:
    """Load the demo's students, or what happened since; without a number those that are there, else a sample of them.

    The settings that the demo needs are written into the home, so that later commands agree with it.
    """
    require_every_column(settings)
    with connect(make_ready(settings)) as connection:
        stored = connection.execute("SELECT learners FROM ml.demo_load").fetchone()
        if everyone:
            learners = None
        elif learners is None:
            learners = stored[0] if stored else SAMPLE_LEARNERS
        report = load.load(connection, now=Deployment(settings).now(), learners=learners, progress=progress)
        log = SAMPLE_LOG if is_sample(connection) else None
        _settle(settings, connection, OULAD_SETTINGS, first_load=report.first, log=log)


def load_cohort(
    settings: Settings,
    learners: int | None,
    days: int | None,
    seed: int | None,
    help_logits: float | None,
    progress: Callable[[str, int], None],
) -> None:
    """As `load_students`, with the simulated cohort; the first time up to the first week that it lives through."""
    now = Deployment(settings).now()

    def until(arguments: Arguments) -> datetime:
        weeks = (last_closed(now, ZONE) - timedelta(weeks=week) for week in range(REPLAY_WEEKS, 0, -1))
        lived = (day for day in weeks if day >= arguments.first + _LEAST_HISTORY)
        return next((cutoff(day, ZONE) for day in lived), now)

    require_every_column(settings)
    with connect(make_ready(settings)) as connection:
        report = cohort_demo.load(
            connection,
            now=now,
            learners=learners,
            days=days,
            seed=seed,
            help_logits=help_logits,
            until=until,
            progress=progress,
        )
        _settle(settings, connection, SIMULATED_SETTINGS, first_load=report.first)


def _settle(
    settings: Settings,
    connection: psycopg.Connection[Any],
    values: Mapping[str, str],
    *,
    first_load: bool,
    log: timedelta | None = None,
) -> None:
    row = connection.execute(
        'SELECT least((SELECT min("timestamp") FROM behavioral_events), '
        '(SELECT min("respondedAt") FROM validation_responses))'
    ).fetchone()
    if row is None or row[0] is None:
        raise AmericanoError("None of these students has done anything yet: take more of them (--learners).")
    first: date = row[0].date() - timedelta(days=1)
    if log is not None:
        first = max(first, Deployment(settings).now().date() - log)
    home = settings.americano_home
    path = home / HOME_SETTINGS_FILE
    if first_load or not path.exists():
        more = of_its_own(settings)
        write_demo_values(home, {**values, **more, "AMERICANO_START_DAY": first}, alone=bool(more))
    path.touch()  # The demo that ran last is what later commands work on.


def plan(runner: Runner) -> Plan:
    """What is still to be done up to the last closed study day."""
    deployment = runner.deployment
    closed = last_closed(deployment.now(), deployment.zone)
    with deployment.connect() as connection:
        began = record_deployment(connection, closed)
        done = {row[0] for row in connection.execute("SELECT study_day FROM ml.study_days")}
        first = _first_event_day(deployment)
        weeks = replay_weeks(connection)
    days = days_between(first, closed)
    known = deployment.store.current_days("interactions", days)
    missing = [day for day in days if day not in known]
    replays = [began - timedelta(weeks=week) for week in weeks]
    nights = [(day, REPLAY) for day in replays if day not in done and day >= first]
    nights += [(day, NIGHTLY) for day in missing_days(closed, began, done | {closed})]
    return Plan(days_between(missing[0], closed) if missing else [], [*nights, (closed, NIGHTLY)])


def lived(deployment: LivingDeployment, todo: Plan) -> Iterator[Plan]:
    """A simulated cohort's days one night at a time: run each plan that is yielded before the next is asked for.

    The weeks before the deployment began are lived through: the clock stands at each one's cut-off, the app holds what
    happened until then, the night is on time, and the help that it publishes eases what its learners do next. A week
    that the tables are past already is replayed from what they hold: to bring them further would take the weeks after
    it from those who are to live through them.
    """
    lives = deployment.zone == ZONE
    days = iter(todo.history)
    waiting = next(days, None)
    for day, kind in todo.nights:
        at = cutoff(day, ZONE)
        deployment.clock = None
        with deployment.connect() as connection:
            row = connection.execute("SELECT loaded_through FROM ml.demo_load").fetchone()
            past = kind == REPLAY and lives and row is not None and row[0].replace(tzinfo=UTC) <= at
            if past or kind != REPLAY or not lives:
                bring_to(connection, at if past else deployment.now())
            record_truth(connection, day)
        deployment.clock = at + _NIGHT_RUNS_AT if past else None
        history = []
        while waiting is not None and waiting <= day:
            history.append(waiting)
            waiting = next(days, None)
        yield Plan(history, [(day, NIGHTLY if past else kind)])
    deployment.clock = None


def _first_event_day(deployment: Deployment) -> date:
    with deployment.connect() as connection:
        row = connection.execute('SELECT min("respondedAt") FROM validation_responses').fetchone()
    if row is None or row[0] is None:
        return deployment.first_day
    return max(deployment.first_day, study_day_of(row[0].replace(tzinfo=deployment.now().tzinfo), deployment.zone))
