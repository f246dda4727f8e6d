"""Who may open a home: its modes whatever the umask, homes of before, and root among another user's files."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration.dagster_home import prepare_dagster_home
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, open_home
from americano_assets.resources.postgres.connection import bind_anew, prepare, require_usable
from americano_assets.resources.postgres.embedded import identity
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.cli.test_cli import run_under
from americano_assets_tests.folders import SHORT

_ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


_OLD_POINTER = "data/interactions/day=2026-01-01/current.json"
_HASH = "0123456789abcdef" * 2


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in a home within it."""
    folder = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_what_a_command_writes_is_private_whatever_the_umask(database: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run_under(0, "home", "adopt", DATABASE_URL=database, AMERICANO_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert modes(home) == {".": 0o700, "data": 0o700, f"data/{STORE_CLAIM_FILE}": 0o600, CLAIM_FILE: 0o600}


def test_a_home_of_before_is_closed_and_a_strangers_file_in_it_is_left(settings: Settings) -> None:
    home = settings.americano_home
    for folder in ("data/interactions", "models", "dagster/storage"):
        (home / folder).mkdir(parents=True)
        for one in (home / folder, (home / folder).parent):
            one.chmod(0o755)
        (home / folder / "one").write_text("")
        (home / folder / "one").chmod(0o664)
    (home / "data/interactions/run").write_text("")
    (home / "data/interactions/run").chmod(0o755)
    (home / _OLD_POINTER).parent.mkdir()
    (home / _OLD_POINTER).write_text("{}")
    (home / "theirs").write_text("")
    (home / "theirs").chmod(0o644)
    home.chmod(0o755)
    prepare(settings)
    found = modes(home)
    assert found.pop("theirs") == 0o644
    assert found.pop("data/interactions/run") == 0o700
    assert found == {name: 0o700 if (home / name).is_dir() else 0o600 for name in found}


def test_a_folder_that_many_share_keeps_its_mode(settings: Settings) -> None:
    home = settings.americano_home
    home.mkdir()
    home.chmod(0o1777)
    prepare(settings)
    assert stat.S_IMODE(home.stat().st_mode) == 0o1777
    assert modes(home)[CLAIM_FILE] & 0o077 == 0


@pytest.mark.parametrize(
    "theirs",
    [
        *("data/raw/a.csv", "models/m.bin", "reports/r.tex", "exports/e.csv", "mlflow/readme", "analytics.duckdb"),
        *("postgres/data/PG_VERSION", "dagster/dagster.yaml", "database.json"),
    ],
)
def test_a_folder_with_what_others_made_is_no_home_and_stays_as_it_is(
    settings: Settings, database: str, theirs: str
) -> None:
    home = settings.americano_home
    (home / theirs).parent.mkdir(parents=True)
    (home / theirs).write_text('{"dev": {"driver": "pg"}}')  # As a migration tool's database.json has it.
    for path in (home, *home.rglob("*")):
        path.chmod(0o777)
    before = modes(home)
    embedded = Settings(_env_file=None, americano_home=home)  # type: ignore[call-arg]
    for way in (prepare, bind_anew, require_usable, prepare_dagster_home):
        for one in (settings, embedded):
            with pytest.raises(AmericanoError, match=f"is no home of ours.*{theirs.split('/')[0]}.*an empty folder"):
                way(one)
    assert modes(home) == before


@pytest.mark.parametrize(
    ("mark", "content"),
    [
        (_OLD_POINTER, "{}"),
        ("data/manifests/day=2026-01-01/inputs.json", "{}"),
        (f"data/learners/{_HASH}.parquet", ""),
        (f"models/{_HASH}.json", "{}"),
        ("postgres/lock", ""),
        ("dagster/dagster.yaml", "storage: {postgres: {postgres_url: {env: AMERICANO_DAGSTER_URL}}}"),
        ("dagster/dagster.yaml", (PROJECT_ROOT / "dagster.yaml").read_text()),
        ("settings.env", "# Written by `americano demo`; the environment and .env go first.\n"),
        (CLAIM_FILE, '{"id": "1", "database": {}}'),
    ],
)
def test_one_thing_that_only_we_write_marks_a_home_of_any_version(tmp_path: Path, mark: str, content: str) -> None:
    for path, text in ((mark, content), ("reports/theirs", "")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    for one in (tmp_path, *tmp_path.rglob("*")):
        one.chmod(0o755)
    open_home(tmp_path)
    assert all(not mode & 0o077 for mode in modes(tmp_path).values())


def test_a_disk_that_was_just_mounted_may_become_a_home(settings: Settings) -> None:
    home = settings.americano_home
    for folder in ("lost+found", "data/lost+found", "models"):
        (home / folder).mkdir(parents=True)
    (home / "notes.txt").write_text("")
    prepare(settings)
    assert (home / CLAIM_FILE).exists()


@_ROOT_ALONE
def test_root_is_refused_among_the_files_of_another_user(settings: Settings) -> None:
    home = settings.americano_home
    (home / "data").mkdir(parents=True)
    (home / "data" / "one").write_text("")
    for path in (home, *home.rglob("*")):
        os.chown(path, 12345, 12345)
    before = modes(home)
    embedded = Settings(_env_file=None, americano_home=home)  # type: ignore[call-arg]
    for open_it in (prepare, prepare_dagster_home):
        for one in (settings, embedded):
            with pytest.raises(AmericanoError, match="belongs to user id 12345, and you are root"):
                open_it(one)
    assert modes(home) == before
    assert {path.stat().st_uid for path in (home, *home.rglob("*"))} == {12345}


@_ROOT_ALONE
def test_root_starts_no_server_on_another_users_folder_in_a_volume_of_its_own(short: Path) -> None:
    server = EmbeddedServer(short)
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("18")
    for path in (server.folder, server.data, server.data / "PG_VERSION"):
        os.chown(path, 12345, 12345)
    with pytest.raises(AmericanoError, match="belongs to user id 12345, and you are root"):
        server.ensure()
    assert {path.stat().st_uid for path in (server.folder, *server.data.rglob("*"))} == {12345}


@_ROOT_ALONE
@pytest.mark.parametrize("before", [None, 0o755, 0o711])
def test_whoever_runs_the_server_for_root_passes_through_the_home_and_no_more(
    short: Path, monkeypatch: pytest.MonkeyPatch, before: int | None
) -> None:
    real = identity.Identity.obstacle

    def forbidden(self: identity.Identity, *paths: Path) -> str | None:
        return "Operation not permitted" if "--namespace" in self.options else real(self, *paths)

    monkeypatch.setattr(identity.Identity, "obstacle", forbidden)
    home = short / "home"
    if before:
        (home / "dagster").mkdir(parents=True)
        shutil.copy(PROJECT_ROOT / "dagster.yaml", home / "dagster")
        home.chmod(before)
    open_home(home, make=True)
    assert stat.S_IMODE(home.stat().st_mode) == 0o711
    if before is None:
        server = EmbeddedServer(home)
        try:
            server.ensure()
        finally:
            server.stop()
        open_home(home)
        assert stat.S_IMODE(home.stat().st_mode) == 0o711
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
