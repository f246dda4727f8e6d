"""What is another database's, or lies in another store, is never worked on besides."""

from pathlib import Path

import psycopg
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.resources.home.claim_records import HomeError
from americano_assets.resources.home.folder import CLAIM_FILE
from americano_assets.resources.home.moving import move_store
from americano_assets.resources.postgres.connection import bind_anew, prepare
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.resources.home.test_home_claim import another, on, other
from americano_assets_tests.s3_server import BUCKET, S3Server

__all__ = ["other"]


def at(settings: Settings, place: Path | str | None) -> Settings:
    return settings.model_copy(update={"americano_store": None if place is None else str(place)})


@pytest.mark.parametrize("by", ["its record", "its files"])
@pytest.mark.parametrize("claims", [True, False])
def test_a_home_serves_no_other_database_because_that_has_a_store_of_its_own(
    settings: Settings, other: str, tmp_path: Path, by: str, *, claims: bool
) -> None:
    prepare(settings)
    theirs = at(on(settings, other, tmp_path / "their home"), tmp_path / "disk")
    prepare(theirs)
    # As somebody has it who sets two variables in a shell to look at another school.
    mixed = theirs.model_copy(update={"americano_home": settings.americano_home})
    record = settings.americano_home / CLAIM_FILE
    if by == "its files":
        record.rename(tmp_path / CLAIM_FILE)
    kept = {path: path.read_bytes() for path in settings.americano_home.rglob("*.json")}
    with pytest.raises(HomeError, match=r"belongs to another database.* than the store .*Set AMERICANO_HOME"):
        prepare(mixed, claims=claims)
    with pytest.raises(HomeError, match="belongs to another database"):
        bind_anew(mixed)
    assert {path: path.read_bytes() for path in settings.americano_home.rglob("*.json")} == kept
    if by == "its files":
        (tmp_path / CLAIM_FILE).rename(record)
    prepare(settings)
    prepare(theirs)


def test_a_home_of_another_machine_goes_on_after_its_database_was_bound_anew(
    settings: Settings, tmp_path: Path
) -> None:
    first = at(settings, tmp_path / "disk")
    second = first.model_copy(update={"americano_home": tmp_path / "second"})
    prepare(first)
    prepare(second)
    bind_anew(first)
    prepare(second)
    move_store(second, None)
    prepare(at(second, None))


@pytest.mark.parametrize("outer", ["disk", f"s3://{BUCKET}"])
@pytest.mark.parametrize("below", ["data", "data/of/physics", "models"])
@pytest.mark.parametrize("inner_first", [True, False])
def test_no_store_lies_in_another(
    settings: Settings, other: str, tmp_path: Path, s3: S3Server, outer: str, below: str, *, inner_first: bool
) -> None:
    place = outer.replace("disk", str(tmp_path / "disk"))
    mine, theirs = at(settings, place), at(on(settings, other, tmp_path / "their home"), f"{place}/{below}")
    first, then = (theirs, mine) if inner_first else (mine, theirs)
    prepare(first)
    for refused in (prepare, bind_anew):
        with pytest.raises(HomeError, match=r"lie in each other, so `forget`.*place apart"):
            refused(then)
    prepare(home := at(then, None))
    with pytest.raises(AmericanoError, match="lie in each other"):
        move_store(home, then.americano_store)
    prepare(first)
    beside = at(then, f"{place}-beside" if outer == "disk" else f"{place}/beside")
    move_store(home, beside.americano_store)
    prepare(beside)
    prepare(first)


def test_whoever_takes_a_store_over_is_told_from_whom(
    settings: Settings, server: EmbeddedServer, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = at(settings, tmp_path / "disk")
    prepare(mine)
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with another(server, str(name)) as clone:
        staging = on(mine, clone, tmp_path / "staging")
        with pytest.raises(HomeError, match="is a copy of the one"):
            prepare(staging)
        capsys.readouterr()
        bind_anew(staging)
        assert f'The store was that of database "{name}" of server ' in capsys.readouterr().err
        with pytest.raises(HomeError, match="belongs to another home"):
            prepare(mine)
    bind_anew(mine)
    prepare(mine)
