"""Commands about predictions that are long over: `archive run`, `archive restore`."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from americano_assets.cli.display.terminal import echo

if TYPE_CHECKING:
    from americano_assets.stages.maintenance.archive import Moved

commands = typer.Typer(no_args_is_help=True, help="Predictions that are long over: out of the app's tables, and back.")
_DAY: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


@commands.command("run")
def run() -> None:
    """Do now what is done once a month: move predictions with an outcome that are older than AMERICANO_ARCHIVE_DAYS."""
    from americano_assets.core.study_days.cutoff import naive
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings
    from americano_assets.stages.maintenance.archive import archive

    settings = load_settings()
    now = datetime.now(UTC)
    before = now - timedelta(days=settings.americano_archive_days)
    with connect(prepare(settings), autocommit=True) as connection:
        moved = archive(connection, naive(before), naive(now))
    echo(f"To the archive, from before {before:%Y-%m-%d %H:%M} UTC: {_told(moved)}.")
    if moved.left:
        echo(f"{moved.left:,} stay, because tables of the app refer to them.")


@commands.command("restore")
def restore(
    since: Annotated[
        datetime | None, typer.Option(**_DAY, help="Only predictions for this day (UTC) or later.")
    ] = None,
) -> None:
    """Put archived predictions back as they were, all or the later ones; the next month archives them again."""
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings
    from americano_assets.stages.maintenance.archive import restore as put_back

    with connect(prepare(load_settings()), autocommit=True) as connection:
        moved = put_back(connection, since)
    echo(f"Back in the app's tables: {_told(moved)}.")
    if moved.left:
        echo(f"{moved.left:,} stay in the archive: their objective is no longer in the app, or their id is taken.")


def _told(moved: "Moved") -> str:
    return (
        f"{moved.predictions:,} predictions, {moved.indicators:,} indicators, {moved.recommendations:,} recommendations"
    )
