"""Commands about what is stored: `quarantine`, `dataset list`, `dataset show`, `dataset restore`.

Belongs here: their options and output. Does not: what they do (resources/).
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table


PANEL = "Data"
commands = typer.Typer()
dataset = typer.Typer(no_args_is_help=True, help="Training sets of the past, each with everything it was made from.")
_DAY: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}
_VERSION = Annotated[str, typer.Argument(help="A dataset version, or how it begins.")]
_SHORT = 12


@commands.command(rich_help_panel=PANEL)
def quarantine(
    day: Annotated[datetime | None, typer.Option(**_DAY, help="Day (UTC) of the reading; without it all.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="The rows themselves, as CSV.")] = False,
) -> None:
    """Show rows that were set aside because they break a rule: where, which rule, how many, which."""
    from americano_assets.resources.parquet_store import ParquetStore
    from americano_assets.resources.quarantine import readings, rows_of
    from americano_assets.settings import load_settings

    store = ParquetStore(load_settings().store_root)
    found = list(readings(store, day.date() if day else None))
    if not found:
        typer.echo(f"Nothing was set aside{f' on {day.date()}' if day else ''}.")
        return
    if rows:
        for reading in found:
            table = rows_of(store, reading)
            table.insert(0, "table", reading.table)
            typer.echo(table.to_csv(index=False), nl=False)
        return
    shown = _table("read at (UTC)", "table", "column", "rule", "rows", "of", "examples")
    for reading in found:
        at = f"{reading.read_at:%Y-%m-%d %H:%M}" + (" refused" if reading.refused else "")
        for one in reading.report():
            cells = (one["table"], one["column"], one["rule"], one["rows"], reading.rows, one["examples"])
            shown.add_row(at, *map(str, cells))
    _print(shown)


@dataset.command("list")
def list_() -> None:
    """List all dataset versions by study day, with the models trained on them."""
    from americano_assets.resources.datasets import datasets
    from americano_assets.resources.parquet_store import ParquetStore
    from americano_assets.settings import load_settings

    settings = load_settings()
    store = ParquetStore(settings.store_root)
    models = _models(settings.models_root)
    shown = _table("version", "study day", "rows", "cut-offs", "day files", "models")
    for one in datasets(store):
        cutoffs = len(one.made_from.get("labels_at", {}))
        files = sum(map(len, one.inputs.days.values()))
        trained = ", ".join(version[:_SHORT] for version in models.get(one.version, [])) or "—"
        shown.add_row(one.version, str(one.day), f"{one.rows:,}", str(cutoffs), f"{files:,}", trained)
    if not shown.row_count:
        typer.echo("No dataset version yet: `americano nightly` makes the first.")
        return
    _print(shown)


@dataset.command()
def show(version: _VERSION) -> None:
    """Show what a dataset version is made from, and whether all of it is still there."""
    from americano_assets.resources.datasets import find_dataset
    from americano_assets.resources.parquet_store import ParquetStore
    from americano_assets.settings import load_settings

    settings = load_settings()
    store = ParquetStore(settings.store_root)
    found = find_dataset(store, version)
    paths = found.paths(store)
    here = [path for path in paths if path.exists()]
    size = sum(path.stat().st_size for path in here)
    told = {
        "version": found.version,
        "study day": found.day,
        "rows": f"{found.rows:,}",
        **{name.replace("_", " "): value for name, value in found.settings.items()},
        "training set": paths[0],
        **{f"{table}, day files": _span(versions) for table, versions in found.inputs.days.items()},
        **{f"{table}, cut-offs": _span(contents) for table, contents in found.made_from.items()},
        "state snapshots": len(found.inputs.state),
        "models": ", ".join(_models(settings.models_root).get(found.version, [])) or "none",
        "files": f"{len(here):,} of {len(paths):,} are there, {_megabytes(size)}",
    }
    shown = _table("", "")
    shown.show_header = False
    for name, value in told.items():
        shown.add_row(name, str(value))
    _print(shown)


@dataset.command()
def restore(
    version: _VERSION,
    to: Annotated[Path | None, typer.Option(help="A new folder. Without it dataset-VERSION, here.")] = None,
) -> None:
    """Bring a dataset version back, bit by bit: the training set, and every file it was made from."""
    from americano_assets.resources.datasets import find_dataset
    from americano_assets.resources.datasets import restore as restore_dataset
    from americano_assets.resources.parquet_store import ParquetStore
    from americano_assets.settings import load_settings

    store = ParquetStore(load_settings().store_root)
    found = find_dataset(store, version)
    folder = (to or Path(f"dataset-{found.version[:_SHORT]}")).absolute()
    done = restore_dataset(store, found, folder)
    typer.echo(f"{done.training_set}: {found.rows:,} rows of study day {found.day}, version {found.version}")
    typer.echo(f"Beside it what it was made from: {done.files:,} files, {_megabytes(done.size)}, each proven by hash.")
    if done.without_forgotten:
        typer.echo(f"{done.without_forgotten:,} of them lack the rows of learners who were forgotten since.")


def _models(root: Path) -> dict[str, list[str]]:
    """Model versions by the dataset they were trained on, as the model files themselves say."""
    import json

    found: dict[str, list[str]] = {}
    for path in sorted(root.glob("*.json")):
        try:
            found.setdefault(json.loads(path.read_text())["dataset_version"], []).append(path.stem)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # A model that cannot be read is told when it is loaded.
    return found


def _span(days: "dict[Any, Any]") -> str:
    return f"{len(days):,}, {min(days)} to {max(days)}" if days else "none"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _table(*columns: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown


def _print(shown: "Table") -> None:
    from rich.console import Console

    console = Console()
    # A terminal's width is its own; what is piped on is not cut.
    console.print(shown, width=None if console.is_terminal else 200)
