"""The command line as a person meets it: exit codes, what goes to stdout, one line where something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run_under(None, *arguments, **environment)


def run_under(umask: int | None, /, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """As `run`, started with a umask of its own."""
    command = [sys.executable, "-P", "-m", "americano_assets", *arguments]
    variables = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)} | environment
    return subprocess.run(
        command,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        umask=-1 if umask is None else umask,
    )


def test_db_url_prints_nothing_but_the_url(server: EmbeddedServer) -> None:
    done = run("db-url", AMERICANO_HOME=str(server.folder.parent))
    assert (done.returncode, done.stdout, done.stderr) == (0, server.url() + "\n", "")


def test_an_unreachable_database_is_one_line_without_the_password() -> None:
    done = run("check-db", DATABASE_URL="postgresql://u:hunter2@localhost:1/d")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("americano: No PostgreSQL at localhost:1 answers")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_a_wrong_setting_is_one_line_with_what_is_allowed() -> None:
    done = run("check-db", ENVIRONMENT="prod")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "ENVIRONMENT" in done.stderr
    assert "'development', 'staging' or 'production'" in done.stderr


def test_stop_without_a_server_says_so_and_is_no_failure(tmp_path: Path) -> None:
    done = run("stop", AMERICANO_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"The embedded PostgreSQL of {tmp_path} was not running.\n")
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from americano_assets import cli; from typer.testing import CliRunner;"
        "result = CliRunner().invoke(cli.app, ['--help']); assert result.exit_code == 0;"
        "print([name for name in ('dagster', 'mlflow', 'pandas', 'psycopg', 'fastapi', 'sklearn', 'duckdb')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_check_db_ends_by_the_gravest_difference(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    fine = runner.invoke(cli.app, ["check-db"])
    assert fine.exit_code == 0
    assert "matches the contract." in fine.output
    with connect(database, autocommit=True) as connection:
        connection.execute('DROP INDEX "struggle_predictions_topicId_idx"')
        warned = runner.invoke(cli.app, ["check-db"])
        assert warned.exit_code == 0
        assert "no index over (topicId)" in warned.output
        connection.execute('ALTER TABLE "reviews" DROP COLUMN "rating"')
    wrong = runner.invoke(cli.app, ["check-db"])
    assert wrong.exit_code == 1
    assert "reviews.rating" in wrong.output
    assert "cannot run" in wrong.output


class RefusedError(AmericanoError):
    exit_code = 7


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (RefusedError("No such day [red]here[/red]."), 7, "americano: No such day [red]here[/red].\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_how_a_command_ends(
    raised: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == line


def test_a_database_that_fails_in_the_middle_is_one_line(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        with connect(database) as connection:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("americano: The database could not go on: ")


@pytest.mark.parametrize("option", ["--rows", "--json"])
def test_evaluate_never_writes_over_the_log_that_it_was_given(option: str, tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    log.write_bytes(b"a term of answers")
    done = CliRunner().invoke(cli.app, ["evaluate", str(log), option, str(tmp_path / "." / "log.parquet")])
    assert "is the log itself" in str(done.exception)
    assert log.read_bytes() == b"a term of answers"
