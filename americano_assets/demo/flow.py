"""What `americano demo` does, in order: load, history, replays, the last closed study day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from americano_assets.contract.catalog import read_schema
from americano_assets.contract.tables import TABLES
from americano_assets.core.study_days.catch_up import missing_days
from americano_assets.core.study_days.study_day import cutoff, days_between, last_closed, study_day_of
from americano_assets.demo.cleaning import clean_home, holds_ours
from americano_assets.demo.extent import REPLAY_WEEKS, SAMPLE_LEARNERS, SAMPLE_LOG, is_sample, replay_weeks
from americano_assets.demo.oulad import load
from americano_assets.demo.removing import accounts_of_others
from americano_assets.demo.scenarios import cohort_demo
from americano_assets.demo.scenarios.living_cohort import LivingDeployment, bring_to, record_truth
from americano_assets.demo.simulator import Arguments
from americano_assets.demo.simulator.draw.timing import ZONE
from americano_assets.errors import AmericanoError
from americano_assets.orchestration.local_runner import Runner, make_ready
from americano_assets.resources.home.claim import standing
from americano_assets.resources.home.folder import (
    CLAIM_FILE,
    STORE_CLAIM_FILE,
    is_demo_home,
    is_home,
    open_home,
    write_demo_values,
)
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import HOME_SETTINGS_FILE, Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.metadata import NIGHTLY, REPLAY
from americano_assets.stages.s6_publication.episode_ledger import record_deployment

# A holdout among students of years ago, or simulated ones, withholds nothing from anybody.
_HOLDOUT = {"AMERICANO_HOLDOUT_SHARE": "0.1"}
# So few simulated learners show their effect within nine weeks where a third of their episodes goes without help.
_LARGE_HOLDOUT = {"AMERICANO_HOLDOUT_SHARE": "0.3"}
# After its cut-off: soon enough for a night to be on time.
_NIGHT_RUNS_AT = timedelta(minutes=10)
# Before the first week that is lived through there must be something to foresee it by.
_LEAST_HISTORY = timedelta(days=14)
# Four trainings instead of ten keep the demo within minutes; an older model saw no more of the future than a new one.
_SELDOM = {"AMERICANO_RETRAIN_DAYS": "28"}
# A hand-in that never came shows seven days after its due day; the pass mark is 40 of 100.
_OULAD_SETTINGS = {"AMERICANO_HORIZON_DAYS": "14", "AMERICANO_STRUGGLE_BELOW": "0.40", **_HOLDOUT, **_SELDOM}
_SIMULATED_SETTINGS = {
    "AMERICANO_HORIZON_DAYS": f"{cohort_demo.TARGET.horizon_days}",
    "AMERICANO_STRUGGLE_BELOW": f"{cohort_demo.TARGET.struggle_below:.2f}",
    **_LARGE_HOLDOUT,
    **_SELDOM,
}


@dataclass(frozen=True)
class Plan:
    """The study days of a demo run.

    Attributes:
        history: Days without interactions yet, consecutive; empty if all are there.
        nights: (day, kind), oldest first; the last is the last closed day.
    """

    history: list[date]
    nights: list[tuple[date, str]]


def require_allowed(settings: Settings, *, into_this_database: bool) -> None:
    """Refuse to load a demo where it does not belong.

    Args:
        settings: The deployment.
        into_this_database: Whoever asks knows that `DATABASE_URL` is set.

    Raises:
        AmericanoError: It is production, a database that was not meant, or a home that is a deployment's.
    """
    if settings.environment == "production":
        raise AmericanoError(
            "ENVIRONMENT=production: a demo's learners are never loaded beside real ones. Unset it, or run the demo"
            " with an AMERICANO_HOME and a database of its own."
        )
    if settings.database_url is not None and not into_this_database:
        raise AmericanoError(
            "DATABASE_URL is set (in the environment or .env), and a demo would fill that database. Unset it to use the"
            " embedded server, or, where the database was made for a demo, say --into-this-database."
        )
    home = settings.americano_home
    if not into_this_database and holds_ours(home) and not is_demo_home(home):
        raise AmericanoError(
            f"The home {home} holds nights that are no demo's, and a demo's would mix with them: set AMERICANO_HOME to"
            " an empty folder. Nothing was changed."
        )


def start_over(settings: Settings) -> None:
    """Remove everything that a demo made, the embedded databases included; nothing where there is nothing of ours.

    Raises:
        AmericanoError: The app's database is not the embedded one, others than a demo's learners are in it, or the
            home is another database's, or no demo's: it is not ours to empty.
    """
    if settings.database_url is not None:
        raise AmericanoError(
            "--fresh empties the embedded database only; DATABASE_URL is set. Unset it, or take the demo out with"
            " --remove."
        )
    home = settings.americano_home
    open_home(home)
    if not is_home(home):
        return
    server = EmbeddedServer(home)
    if server.data.exists():
        # Whatever state it is in: this is how one begins anew.
        with connect(app_url(settings)) as connection:
            others = accounts_of_others(connection)
            found = standing(connection, settings)
        if others:
            raise AmericanoError(
                f"The embedded database holds {others:,} accounts that no demo wrote, and --fresh would remove them:"
                " take the demo out with --remove, or set AMERICANO_HOME to another folder. Nothing was removed."
            )
        obstacle = replace(found, demo_here=False).obstacle(claims=False)
        strangers = found.models_here - found.models_there
        # One that was broken off as it began has neither, and nothing that could be lost.
        is_demos = found.demo_here or found.demo_there or not holds_ours(home)
        if strangers and not obstacle:
            obstacle = (
                f"The home {home} holds {len(strangers):,} models that its embedded database does not know: nights of"
                " another database are in it too. Nothing was changed."
            )
    else:
        elsewhere = f"The home {home} belongs to another database than one of its own. Nothing was changed."
        claims = (home / CLAIM_FILE, settings.store_root / STORE_CLAIM_FILE)
        obstacle = elsewhere if any(path.exists() for path in claims) else None
        is_demos = is_demo_home(home) or not holds_ours(home)
    if not is_demos:
        obstacle = obstacle or f"The home {home} is no demo's. Nothing was changed."
    if obstacle:
        raise AmericanoError(
            "--fresh removes a demo and nothing else: for a demo set AMERICANO_HOME to an empty folder; one that is in"
            f" another database is taken out with --remove, and DATABASE_URL set to that. {obstacle}"
        )
    server.stop()
    clean_home(home)


def _require_every_column(settings: Settings) -> None:
    """Refuse a database of an app that keeps less than the contract: a demo writes all of it, a night reads a part."""
    if settings.database_url is None:
        return
    with connect(app_url(settings)) as connection:
        live, name = read_schema(connection).tables, connection.info.dbname
    there = [table for table in TABLES if table.name in live]
    missing = [f"{t.name}.{one.name}" for t in there for one in t.columns if one.name not in live[t.name].columns]
    if missing:
        raise AmericanoError(
            f'A demo writes every column of the contract, and {len(missing):,} are not in database "{name}", first'
            f" {missing[0]}: unset DATABASE_URL to load it into the embedded server. Nothing was changed."
        )


def load_students(
    settings: Settings, learners: int | None, progress: Callable[[str, int], None], *, everyone: bool = False
) -> None:
    """Load the demo's students, or what happened since; without a number those that are there, else a sample of them.

    The settings that the demo needs are written into the home, so that later commands agree with it.
    """
    _require_every_column(settings)
    with connect(make_ready(settings)) as connection:
        stored = connection.execute("SELECT learners FROM ml.demo_load").fetchone()
        if everyone:
            learners = None
        elif learners is None:
            learners = stored[0] if stored else SAMPLE_LEARNERS
        report = load.load(connection, now=Deployment(settings).now(), learners=learners, progress=progress)
        log = SAMPLE_LOG if is_sample(connection) else None
        _settle(settings, connection, _OULAD_SETTINGS, first_load=report.first, log=log)


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

    _require_every_column(settings)
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
        _settle(settings, connection, _SIMULATED_SETTINGS, first_load=report.first)


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
    path = settings.americano_home / HOME_SETTINGS_FILE
    if first_load or not path.exists():
        write_demo_values(settings.americano_home, {**values, "AMERICANO_START_DAY": first})


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
