"""The commands `store show` and `store move`: where study days and models are kept."""

from typing import Annotated

import typer

from americano_assets.cli.display.terminal import echo

commands = typer.Typer(no_args_is_help=True, help="Where study days, results and models are kept.")
_HOME = "home"


@commands.command()
def show() -> None:
    """Show where the store is, what is in it, and whether that place keeps what was removed."""
    from americano_assets.resources.home.folder import STORE_CLAIM_FILE
    from americano_assets.resources.parquet_store.places import model_files, store_files, told_of_versions
    from americano_assets.settings import load_settings

    settings = load_settings()
    for what, files in (("Study days and results", store_files(settings)), ("Models", model_files(settings))):
        sizes = [one.size for one in files.walk()]
        echo(f"{what}: {files.place}, {len(sizes):,} files, {sum(sizes) / 1e6:,.1f} MB")
    if settings.store_bucket is not None:
        echo(f"Copies on this machine: {settings.cache_folder}, {settings.americano_cache_gb:g} GB at most")
    if warning := told_of_versions(store_files(settings), STORE_CLAIM_FILE):
        echo(warning)


@commands.command()
def move(
    to: Annotated[
        str, typer.Argument(help="A folder, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or `home`.")
    ],
    keep: Annotated[bool, typer.Option("--keep", help="Remove nothing where it was.")] = False,
) -> None:
    """Move the store to another place: every file is copied, compared by its bytes, then removed where it was."""
    from americano_assets.cli.runs import require_no_run
    from americano_assets.errors import AmericanoError
    from americano_assets.resources.home.alone import working_alone
    from americano_assets.resources.home.folder import STORE_CLAIM_FILE
    from americano_assets.resources.home.moving import move_store, was_broken_off
    from americano_assets.resources.parquet_store.places import store_files, told_of_versions
    from americano_assets.resources.postgres.connection import require_usable
    from americano_assets.settings import load_settings
    from americano_assets.settings.store import place_of

    try:
        place = None if to == _HOME else place_of(to)
    except ValueError as error:
        raise AmericanoError(f"Where to {error}.") from None
    settings = load_settings()
    there = settings.model_copy(update={"americano_store": place})
    # One that was broken off as it removed has left here what is nobody's store any more.
    require_usable(there if was_broken_off(settings, place) else settings)
    with working_alone(settings):
        require_no_run(settings, "write where the store was")
        done = move_store(settings, place, keep=keep)
    echo(f"{done.files:,} files, {done.size / 1e6:,.1f} MB, are in {done.target} now, each compared by its bytes.")
    if keep:
        echo(f"What is in {done.source} is as it was: `forget` does not reach it from there on.")
    echo(
        "Unset AMERICANO_STORE, in .env or the environment, before the next command."
        if place is None
        else f"Set AMERICANO_STORE={place}, in .env or the environment, before the next command."
    )
    if warning := told_of_versions(store_files(there), STORE_CLAIM_FILE):
        echo(warning)
