"""Commands that run the pipeline: `demo`, `nightly`, `backfill`."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from americano_assets.cli.display.terminal import echo, progress_bars

if TYPE_CHECKING:
    from rich.progress import Progress

    from americano_assets.orchestration.local_runner import Runner
    from americano_assets.settings import Settings

commands = typer.Typer()
_PANEL = "Pipeline"
# So much of a history is read again at most where reading it was broken off.
_DAYS_AT_ONCE = 91
_DAY: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


class DemoCohort(StrEnum):
    """Whom a demo shows."""

    OULAD = "oulad"
    SIMULATED = "simulated"


@commands.command(rich_help_panel=_PANEL)
def demo(
    context: typer.Context,
    cohort: Annotated[
        DemoCohort | None,
        typer.Option(help="Real students (oulad, without it), or simulated ones of whom everything is known."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="All 28,785 real students and nine weekly nights: minutes. Real ones only.")
    ] = False,
    learners: Annotated[
        int | None, typer.Option(min=1, help="Only so many learners; without it 10,000 real ones, 250 simulated.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=30, help="Study days before the first load; without it 150. Simulated only.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of every draw; without it 1. Simulated only.")] = None,
    help_logits: Annotated[
        float | None,
        typer.Option(help="By how much help eases an answer; 0: it does nothing; without it 1.3. Simulated only."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove what earlier demos made and start over.")] = False,
    into_this_database: Annotated[
        bool,
        typer.Option("--into-this-database", help="Not into one of its own, but into the one that DATABASE_URL names."),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the demo out of database and home; nobody else's rows go.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask (--remove).")] = False,
) -> None:
    """Load learners, replay nights, score the last closed study day, and show who needs help."""
    simulated = cohort is DemoCohort.SIMULATED
    if not simulated and (days, seed, help_logits) != (None, None, None):
        raise typer.BadParameter("--days, --seed and --help-logits belong to --cohort simulated.")
    if everyone and (simulated or learners is not None):
        raise typer.BadParameter("--all means all real students: without --learners, and without --cohort simulated.")
    from americano_assets.cli.home import of_a_demo, to_remove
    from americano_assets.settings import load_settings

    if remove:
        _remove_demo(to_remove(cohort), asks=not yes)
        return
    given = context.find_root().params["home"]
    settings, chooses = of_a_demo(cohort or DemoCohort.OULAD, given, into_this_database=into_this_database)
    from americano_assets.cli.display.run_summary import show_demo
    from americano_assets.definitions import build_defs
    from americano_assets.loading.demo.flow import lived, load_cohort, load_students, plan
    from americano_assets.loading.demo.homes import start_over
    from americano_assets.loading.demo.scenarios.living_cohort import LivingDeployment
    from americano_assets.orchestration.local_runner import Runner

    if fresh:
        start_over(settings)
    with progress_bars() as progress:
        task = progress.add_task(f"Loading learners ({cohort or DemoCohort.OULAD})", total=None)

        def tell(table: str, rows: int) -> None:
            progress.update(task, description=f"Loading {rows:,} rows of {table}")

        if simulated:
            load_cohort(settings, learners, days, seed, help_logits, tell)
        else:
            load_students(settings, learners, tell, everyone=everyone)
        progress.update(task, description=f"Learners loaded ({cohort or DemoCohort.OULAD})", total=1, completed=1)
        settings = load_settings(settings.americano_home)
        deployment = LivingDeployment(settings)
        with Runner(settings, build_defs, deployment) as runner:
            todo = plan(runner)
            parts = lived(deployment, todo) if simulated else [todo]
            done = 0
            for part in parts:
                if part.history:
                    _history(progress, runner, part.history)
                _nights(progress, runner, part.nights, before=done, of=len(todo.nights))
                done += len(part.nights)
    show_demo(settings, todo.nights[-1][0], chooses)


@commands.command(rich_help_panel=_PANEL)
def nightly(
    day: Annotated[
        datetime | None, typer.Option(**_DAY, help="Study day, named by the day on which it opens at 23:00.")
    ] = None,
    latest_inputs: Annotated[
        bool,
        typer.Option("--latest-inputs", help="Forget what the day was computed from before; take what is current."),
    ] = False,
    analysis_run: Annotated[
        str | None, typer.Option(help="Id of a row of the app's analysis_runs to link with the MLflow run.")
    ] = None,
) -> None:
    """Run one closed study day from the app's tables to reduction metrics; without --day the last closed one.

    What no night has read yet of the log, as before the first one, is read before; broken off, it goes on where it was.
    """
    from americano_assets.settings import load_settings

    settings = load_settings()
    closed = _last_closed(settings)
    chosen = day.date() if day else closed
    _require_day(chosen, settings, closed)
    from americano_assets.cli.display.run_summary import show_night, show_set_aside
    from americano_assets.definitions import build_defs
    from americano_assets.orchestration.local_runner import Runner
    from americano_assets.stages.common.metadata import NIGHTLY
    from americano_assets.stages.s1_snapshots.snapshots import require_rows, unread_days

    with progress_bars() as progress, Runner(settings, build_defs) as runner:
        began = runner.deployment.now()
        with runner.deployment.connect() as connection:
            require_rows(connection)
            store, first = runner.deployment.store, settings.americano_start_day
            unread = unread_days(connection, store, settings.zone, first, chosen)
        _unread(progress, runner, unread)
        _nights(progress, runner, [(chosen, NIGHTLY)], latest_inputs=latest_inputs, analysis_run=analysis_run)
    show_night(settings, chosen)
    show_set_aside(settings, chosen, began)


@commands.command(rich_help_panel=_PANEL)
def backfill(
    from_: Annotated[datetime, typer.Option("--from", **_DAY, help="First study day.")],
    to: Annotated[datetime, typer.Option("--to", **_DAY, help="Last study day, included.")],
    history_only: Annotated[
        bool, typer.Option("--history-only", help="Snapshots and interactions only, in one run; no predictions.")
    ] = False,
) -> None:
    """Read the log of past study days, then replay each of their nights; what newer nights published stays."""
    from americano_assets.core.study_days.study_day import days_between
    from americano_assets.errors import AmericanoError
    from americano_assets.settings import load_settings

    settings = load_settings()
    first, last = from_.date(), to.date()
    if last < first:
        raise AmericanoError(f"--from {first} is after --to {last}.")
    closed = _last_closed(settings)
    for day in (first, last):
        _require_day(day, settings, closed)
    from americano_assets.cli.display.run_summary import show_night, show_set_aside
    from americano_assets.definitions import build_defs
    from americano_assets.orchestration.local_runner import Runner
    from americano_assets.stages.common.metadata import REPLAY
    from americano_assets.stages.s1_snapshots.snapshots import require_rows

    with progress_bars() as progress, Runner(settings, build_defs) as runner:
        began = runner.deployment.now()
        with runner.deployment.connect() as connection:
            require_rows(connection)
        days = days_between(first, last)
        _history(progress, runner, days)
        if not history_only:
            _nights(progress, runner, [(day, REPLAY) for day in days])
    if not history_only:
        show_night(settings, last)
    show_set_aside(settings, last, began)


def _remove_demo(settings: "Settings", *, asks: bool) -> None:
    from americano_assets.cli.runs import require_no_run
    from americano_assets.installation import is_a_demos_alone
    from americano_assets.loading.demo.homes import holds_others, start_over
    from americano_assets.loading.demo.removing import remove

    require_no_run(settings, "write what the demo made again")
    if asks:
        what = f"Take the demo out of its database, and what was made of it out of the home {settings.americano_home}?"
        typer.confirm(f"{what} It cannot be undone.", abort=True)
    alone = is_a_demos_alone(settings.americano_home)
    removed = remove(settings)
    if alone and not holds_others(settings):
        start_over(settings)
    for table, rows in sorted(removed.items()):
        if rows:
            echo(f"{rows:>9,} rows of {table}")
    echo("The demo is gone from the database and from the home, with the history of its runs on the home's server.")


def _last_closed(settings: "Settings") -> date:
    from americano_assets.core.study_days.study_day import last_closed

    return last_closed(datetime.now(UTC), settings.zone)


def _require_day(day: date, settings: "Settings", closed: date) -> None:
    from americano_assets.core.study_days.study_day import cutoff
    from americano_assets.errors import AmericanoError

    first = settings.americano_start_day
    if day < first:
        raise AmericanoError(
            f"Study day {day} is before the first one, {first}: set AMERICANO_START_DAY to an earlier day."
        )
    if day > closed:
        closes = cutoff(day, settings.zone).astimezone(settings.zone)
        raise AmericanoError(
            f"Study day {day} is not closed before {closes:%Y-%m-%d %H:%M %Z}; the last closed one is {closed}."
        )


def _history(progress: "Progress", runner: "Runner", days: list[date]) -> None:
    task = progress.add_task(f"Reading the log of {len(days)} study days", total=2)
    runner.history(days, _advance(progress, task))
    progress.update(task, completed=2)


def _unread(progress: "Progress", runner: "Runner", days: list[date]) -> None:
    """Read the span of unread study days piece by piece, each current once read: little is lost by breaking off."""
    if not days:
        return
    from americano_assets.core.study_days.study_day import days_between

    span = days_between(days[0], days[-1])
    task = progress.add_task(f"Reading {len(span):,} study days of the past, {days[0]} to {days[-1]}", total=len(span))
    for at in range(0, len(span), _DAYS_AT_ONCE):
        piece = span[at : at + _DAYS_AT_ONCE]
        progress.update(task, step=f"{piece[0]} to {piece[-1]}")
        if not set(days).isdisjoint(piece):
            runner.history(piece, lambda _: None)
        progress.update(task, advance=len(piece), step="")


def _nights(
    progress: "Progress",
    runner: "Runner",
    nights: list[tuple[date, str]],
    *,
    latest_inputs: bool = False,
    analysis_run: str | None = None,
    before: int = 0,
    of: int | None = None,
) -> None:
    steps = runner.steps()
    for number, (day, kind) in enumerate(nights, before + 1):
        task = progress.add_task(f"Study day {day} ({kind}, {number} of {of or len(nights)})", total=steps)
        runner.night(day, kind, _advance(progress, task), latest_inputs=latest_inputs, analysis_run=analysis_run)
        progress.update(task, completed=steps, step="")


def _advance(progress: "Progress", task: int) -> Callable[[str], None]:
    from rich.progress import TaskID

    def follow(step: str) -> None:
        progress.update(TaskID(task), advance=1, step=step.replace("__", "/"))

    return follow
