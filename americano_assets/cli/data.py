"""Commands about what is stored: `export-events`, `forget`, `quarantine`, `dataset list`, `show`, `restore`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from americano_assets.cli.display.terminal import Table, echo

if TYPE_CHECKING:
    from americano_assets.stages.maintenance.erasure.findings import Survey

PANEL = "Data"
commands = typer.Typer()
dataset = typer.Typer(no_args_is_help=True, help="Training sets of the past, each with everything it was made from.")
_DAY: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}
_VERSION = Annotated[str, typer.Argument(help="A dataset version, or how it begins.")]
_SHORT = 12


@commands.command("export-events", rich_help_panel=PANEL)
def export_events(
    days: Annotated[int | None, typer.Option(min=1, help="The last so many study days that were read.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Only this learner.")] = None,
    sync_duckdb: Annotated[bool, typer.Option("--sync-duckdb", help="Rebuild the researchers' file too.")] = False,
    output: Annotated[Path | None, typer.Option(help="Without it exports/events.parquet in the home.")] = None,
) -> None:
    """Write events of the snapshots into one Parquet file; never of learners who opted out, never free text."""
    from americano_assets.resources.postgres.connection import require_usable
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.s9_report.event_export import export_events as export
    from americano_assets.stages.s9_report.research_database import build_analytics

    settings = load_settings()
    require_usable(settings, claims=False)
    deployment = Deployment(settings, claims=False)
    target = (output or settings.americano_home / "exports" / "events.parquet").expanduser().absolute()
    done = export(deployment, target, days=days, learner=user_id)
    span = f"study days {done.first} to {done.last}"
    if done.rows:
        echo(f"{done.path}: {_count(done.rows, 'event')} of {_count(done.learners, 'learner')}, {span}")
    else:
        echo(f"No event in {span}. {done.path} has the columns and no row.")
    if sync_duckdb:
        built = build_analytics(deployment, anew=True)
        rows = ", ".join(f"{count:,} {table}" for table, count in built.rows.items())
        echo(f"{built.path}: {rows}")


@commands.command(rich_help_panel=PANEL)
def forget(
    user: Annotated[str, typer.Argument(help="The id of the learner's account.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a learner from everything of ours: files of every date, models' rows, tables, published predictions."""
    from americano_assets.cli.runs import require_no_run
    from americano_assets.resources.home.alone import working_alone
    from americano_assets.resources.home.folder import STORE_CLAIM_FILE
    from americano_assets.resources.parquet_store.places import told_of_versions
    from americano_assets.resources.postgres.connection import require_usable
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.maintenance.erasure.forgetting import forget as forget_learner
    from americano_assets.stages.maintenance.erasure.survey import survey

    settings = load_settings()
    require_usable(settings)
    deployment = Deployment(settings)
    could = "write the learner's rows again"
    with working_alone(settings):
        require_no_run(settings, could)
        found = survey(deployment, user)
        _show_found(found)
        if not found.rows and not found.unreadable:
            return
        done = forget_learner(deployment, user, found) if yes else None
    if done is None:
        typer.confirm("Remove all of this? It cannot be undone.", abort=True)
        with working_alone(settings):
            require_no_run(settings, could)
            done = forget_learner(deployment, user)  # Looks again: a night may have run until the answer came.
    echo(
        f"{_count(sum(done.rows.values()), 'row')} removed, {_count(done.files, 'file')} written anew or removed."
        " Files outside the home, if any were made, are yours."
    )
    _tell_left_alone(done.not_ours)
    if warning := told_of_versions(deployment.store.files, STORE_CLAIM_FILE):
        echo(warning)
    if done.still_active:
        echo(
            "The account is still in the app and allows analysis, so the next nights read it again: have it deleted"
            " there, or its behavioralAnalysisEnabled switched off."
        )


def _show_found(found: "Survey") -> None:
    shown = _table("found in", "which is", "rows")
    for place, rows in sorted(found.rows.items()):
        shown.add(place, found.whose(place), f"{rows:,}")
    if found.rows:
        shown.show()
    else:
        echo("Nothing of this learner was found.")
        _tell_left_alone(found.not_ours)
    if found.unreadable:
        named = ", ".join(found.unreadable)
        echo(f"{_count(len(found.unreadable), 'file')} cannot be read, so what of it is theirs is not known: {named}")


def _tell_left_alone(not_ours: list[str]) -> None:
    if not_ours:
        echo(f"None of ours, and left alone: {', '.join(not_ours)}")


@commands.command(rich_help_panel=PANEL)
def quarantine(
    day: Annotated[datetime | None, typer.Option(**_DAY, help="Day (UTC) of the reading; without it all.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="The rows themselves, as CSV.")] = False,
) -> None:
    """Show rows that were set aside because they break a rule: where, which rule, how many, which."""
    from americano_assets.core.base.escaping import csv
    from americano_assets.resources.parquet_store.places import store_files
    from americano_assets.resources.parquet_store.store import ParquetStore
    from americano_assets.settings import load_settings
    from americano_assets.stages.s1_snapshots.quarantine import bad_rows, readings, rows_of

    store = ParquetStore(store_files(load_settings()))
    found = list(readings(store, day.date() if day else None))
    if not found:
        echo(f"Nothing was set aside{f' on {day.date()}' if day else ''}.")
        return
    if rows:
        for reading in found:
            table = rows_of(store, reading)
            table.insert(0, "table", reading.table)
            echo(csv(table), nl=False)
        return
    shown = _table("read at (UTC)", "table", "column", "rule", "rows", "of rows read", "examples")
    for reading in found:
        at = f"{reading.read_at:%Y-%m-%d %H:%M}" + (" refused" if reading.refused else "")
        for one in reading.report():
            cells = (one["table"], one["column"], one["rule"], one["rows"], reading.rows, one["examples"])
            shown.add(at, *map(str, cells))
    shown.show()
    once = sum(bad_rows(store, found).values())
    echo(f"{_count(once, 'bad row')}, each counted once; a day that is read anew meets its own again.")


@commands.command("prune", rich_help_panel=PANEL)
def prune_store(
    days: Annotated[int | None, typer.Option(min=30, help="Without it AMERICANO_SNAPSHOT_DAYS.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
) -> None:
    """Remove files older than so many days that no record names, and the log as it was read before them."""
    from americano_assets.cli.runs import require_no_run
    from americano_assets.errors import AmericanoError
    from americano_assets.resources.postgres.connection import require_usable
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.maintenance.prune import prune

    settings = load_settings()
    keep = days or settings.americano_snapshot_days
    if keep is None:
        raise AmericanoError("How old is too old? Give --days, or set AMERICANO_SNAPSHOT_DAYS.")
    require_usable(settings)
    require_no_run(settings, "be about to name a file that would go")
    done = prune(Deployment(settings), keep, dry_run=dry_run)
    echo(
        f"{'Would be removed' if dry_run else 'Removed'}: {_count(done.contents, 'content')} that nothing names,"
        f" the pointers of {_count(done.log_days, 'day')} of the log, {_count(done.leftovers, 'leftover')};"
        f" {done.bytes / 1e6:,.1f} MB."
    )


@commands.command("rebucket", rich_help_panel=PANEL)
def rebucket_store(
    buckets: Annotated[int, typer.Argument(min=1, help="Files of each study day, by learner.")],
) -> None:
    """Put every stored study day of the log into so many files, by learner."""
    from americano_assets.cli.runs import require_no_run
    from americano_assets.resources.postgres.connection import require_usable
    from americano_assets.settings import load_settings, validated
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.maintenance.rebucket import rebucket

    settings = load_settings()
    validated(americano_buckets=buckets)
    require_usable(settings)
    require_no_run(settings, "read or write a day meanwhile")
    days = rebucket(Deployment(settings), buckets)
    echo(f"Written anew: {_count(days, 'day')} of the log's tables. Set AMERICANO_BUCKETS={buckets} for those to come.")


@dataset.command("list")
def list_() -> None:
    """List all dataset versions by study day, with the models trained on them."""
    from americano_assets.resources.parquet_store.places import model_files, store_files
    from americano_assets.resources.parquet_store.store import ParquetStore
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.model_files import ModelStore
    from americano_assets.stages.s3_training.dataset_versions import datasets

    settings = load_settings()
    store, models = ParquetStore(store_files(settings)), ModelStore(model_files(settings)).trained_on()
    shown = _table("version", "study day", "rows", "cut-offs", "day files", "models")
    for one in datasets(store):
        cutoffs = len(one.made_from.get("labels_at", {}))
        files = sum(map(len, one.inputs.days.values()))
        trained = ", ".join(version[:_SHORT] for version in models.get(one.version, [])) or "—"
        shown.add(one.version, str(one.day), f"{one.rows:,}", str(cutoffs), f"{files:,}", trained)
    if not shown.rows:
        echo("No dataset version yet: `americano nightly` makes the first.")
        return
    shown.show()


@dataset.command()
def show(version: _VERSION) -> None:
    """Show what a dataset version is made from, and whether all of it is still there."""
    from americano_assets.resources.parquet_store.places import model_files, store_files
    from americano_assets.resources.parquet_store.store import ParquetStore
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.model_files import ModelStore
    from americano_assets.stages.s3_training.dataset_versions import find_dataset

    settings = load_settings()
    store, models = ParquetStore(store_files(settings)), ModelStore(model_files(settings)).trained_on()
    found = find_dataset(store, version)
    names = found.names(store)
    sizes = {one.name: one.size for one in store.files.walk()}
    here = [sizes[name] for name in names if name in sizes]
    told = {
        "version": found.version,
        "study day": found.day,
        "rows": f"{found.rows:,}",
        **{name.replace("_", " "): value for name, value in found.settings.items()},
        "training set": f"{store.files.place}/{names[0]}",
        **{f"{table}, day files": _span(versions) for table, versions in found.inputs.days.items()},
        **{f"{table}, cut-offs": _span(contents) for table, contents in found.made_from.items()},
        "state snapshots": len(found.inputs.state),
        "models": ", ".join(models.get(found.version, [])) or "none",
        "files": f"{len(here):,} of {len(names):,} are there, {_megabytes(sum(here))}",
    }
    shown = Table(is_wide=True)
    for name, value in told.items():
        shown.add(name, str(value))
    shown.show()


@dataset.command()
def restore(
    version: _VERSION,
    to: Annotated[
        Path | None, typer.Option(help="A new folder. Without it exports/dataset-VERSION in the home.")
    ] = None,
) -> None:
    """Bring a dataset version back, bit by bit: the training set, and every file it was made from."""
    from americano_assets.resources.parquet_store.places import store_files
    from americano_assets.resources.parquet_store.store import ParquetStore
    from americano_assets.settings import load_settings
    from americano_assets.stages.s3_training.dataset_versions import find_dataset
    from americano_assets.stages.s3_training.dataset_versions import restore as restore_dataset

    settings = load_settings()
    store = ParquetStore(store_files(settings))
    found = find_dataset(store, version)
    folder = (to or settings.americano_home / "exports" / f"dataset-{found.version[:_SHORT]}").absolute()
    done = restore_dataset(store, found, folder)
    echo(f"{done.training_set}: {found.rows:,} rows of study day {found.day}, version {found.version}")
    echo(f"Beside it what it was made from: {done.files:,} files, {_megabytes(done.size)}, each proven by hash.")
    if done.without_forgotten:
        echo(f"{done.without_forgotten:,} of them lack the rows of learners who were forgotten since.")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _span(days: "dict[Any, Any]") -> str:
    return f"{len(days):,}, {min(days)} to {max(days)}" if days else "none"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _table(*columns: str) -> Table:
    from rich.table import Column

    return Table(*(Column(column, overflow="fold") for column in columns), is_wide=True)
