"""`close-runs`, and what other commands say of runs that they had to close."""

from typing import TYPE_CHECKING, Annotated

import typer

from americano_assets.cli.display.terminal import echo

if TYPE_CHECKING:
    from americano_assets.settings import Settings

commands = typer.Typer()


@commands.command("close-runs", rich_help_panel="Servers")
def close_runs(
    run_ids: Annotated[
        list[str] | None, typer.Argument(help="Also these, of which it cannot be told whether they still run.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Close runs whose process was killed, so that the queue goes on; list those that nothing here can tell of."""
    from americano_assets.errors import AmericanoError
    from americano_assets.orchestration.run_processes import close, close_dead, opened_instance, unfinished
    from americano_assets.settings import load_settings

    named = set(run_ids or ())
    with opened_instance(load_settings()) as instance:
        closed = close_dead(instance)
        left = unfinished(instance)
        if missing := named - {one.run.run_id for one in (*closed, *left)}:
            raise AmericanoError(f"There is no run in progress with the id {sorted(missing)[0]}.")
        for one in closed:
            echo(f"Closed {one.name}: {one.where} has ended.")
        for one in left:
            if one.run.run_id not in named:
                state = "still runs" if one.dead is False else "may still run"
                echo(f"Left {one.name}: {one.where} {state}.")
                continue
            if one.dead is False:
                raise AmericanoError(f"{one.name} is alive, in {one.where}: end it in Dagster's UI.")
            if not yes:
                typer.confirm(f"Has {one.where}, which worked on {one.name}, ended for certain?", abort=True)
            close(instance, one)
            echo(f"Closed {one.name}.")
    if not closed and not left:
        echo("No run is in progress.")


def close_dead_runs(settings: "Settings") -> None:
    """Close runs of dead processes before something that they would keep waiting, and say so on standard error."""
    from americano_assets.orchestration.run_processes import close_dead, opened_instance

    with opened_instance(settings) as instance:
        for one in close_dead(instance):
            echo(f"Closed {one.name}: {one.where} has ended.", err=True)


def require_no_run(settings: "Settings", could: str) -> None:
    """Refuse while a run is in progress, which could do what is named behind our back; dead ones are closed first.

    Raises:
        AmericanoError: One is in progress, or may be.
    """
    from americano_assets.errors import AmericanoError
    from americano_assets.orchestration.run_processes import blocking, opened_instance

    close_dead_runs(settings)
    with opened_instance(settings) as instance:
        found = blocking(instance)
    if found:
        number = f"{len(found):,} run" + ("" if len(found) == 1 else "s")
        raise AmericanoError(
            f"{number} in progress could {could}, first {found[0].name} in {found[0].where}: wait until none is, or end"
            " it in Dagster's UI; where its process is gone, by `americano close-runs` with the run's id."
        )
