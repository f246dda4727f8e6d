"""URLs, what people are told when a connection fails, bootstrap and migrations."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.contract import TABLES
from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.connection import app_url, connect, dagster_url, mlflow_uri, prepare
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.migrate import MIGRATIONS, migrate
from americano_assets.resources.postgres.urls import libpq_url
from americano_assets.settings import Settings


def settings_of(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def tables_of(url: str, schema: str) -> set[str]:
    with connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    return {name for (name,) in rows}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://u:p%40w?x@h:5/d?schema=public&connection_limit=5", "postgresql://u:p%40w?x@h:5/d"),
        ("postgresql://h/d?pgbouncer=true&sslmode=require", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?host=%2Frun%2Fpg", "postgresql://h/d?host=%2Frun%2Fpg"),
        ("postgresql://h/d?sslaccept=accept_invalid_certs", "postgresql://h/d"),
        ("postgresql://h/d?sslmode=require&uselibpqcompat=true", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?sslmode=no-verify&supa=base-pooler.x", "postgresql://h/d?sslmode=require"),
        (
            "postgresql://h/d?pool_timeout=2&statement_cache_size=0&socket_timeout=9&connect_timeout=4",
            "postgresql://h/d?connect_timeout=4",
        ),
        ("postgresql://h/d?schema=My%20App", "postgresql://h/d?options=-c%20search_path%3D%22My%5C%20App%22"),
    ],
)
def test_prismas_parameters_are_left_out_or_translated(given: str, expected: str) -> None:
    assert libpq_url(given) == expected


def test_prismas_schema_is_where_unqualified_names_are_looked_up(empty_database: str) -> None:
    with connect(empty_database, autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "My Schema"')
    with connect(libpq_url(f"{empty_database}&schema=My%20Schema&connection_limit=1")) as connection:
        assert connection.execute("SELECT current_schema()").fetchone() == ("My Schema",)


SECRET = "hunter2secret"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"postgresql://u:{SECRET}@localhost:1/d", "No PostgreSQL at localhost:1 answers"),
        (f"postgresql://u:{SECRET}@localhost/d?host=%2Fnowhere", "No PostgreSQL at /nowhere answers"),
        (f"postgresql://nobody:{SECRET}@localhost/americano?host=FOLDER", 'refuses user "nobody"'),
        (f"postgresql://postgres:{SECRET}@localhost/database_x?host=FOLDER", 'has no database "database_x"'),
        (f"postgresql://u:pa@{SECRET}@h/d", "cannot be read"),
        (f"postgresql://u:pa/{SECRET}@h/d", "cannot be read"),
        (f"postgresql://u:{SECRET}%zz@h/d", "cannot be read"),
        (f"postgresql://u:{SECRET}@h:port/d", "cannot be read"),
        (f"postgresql://u:{SECRET}@h/d?no_such=1", 'the parameter "no_such", which neither'),
        (f"postgresql://u:p@?{SECRET}=x@h/d", "cannot be read"),
        (f"postgresql://u:{SECRET}@h/d?sslidentity=me.p12&sslpassword={SECRET}", "PKCS #12"),
        (f"postgresql://u:{SECRET}@h/d?sslmode=require&sslrootcert=%2Fnowhere.crt", "not there, /nowhere.crt"),
        (f"postgresql://u:{SECRET}@localhost:1/d?sslmode=never", 'holds an invalid sslmode value: "never"'),
    ],
)
def test_a_failed_connection_is_told_apart_without_the_password(
    server: EmbeddedServer, address: str, words: str
) -> None:
    folder = server.url().partition("host=")[2]
    with pytest.raises(AmericanoError, match=words) as raised:
        connect(libpq_url(address.replace("FOLDER", folder)))
    assert SECRET not in str(raised.value)
    assert "DATABASE_URL" in str(raised.value)
    # Nor may a traceback carry it.
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_a_session_is_in_utc_whatever_the_database_prefers(empty_database: str) -> None:
    with connect(empty_database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{connection.info.dbname}\" SET timezone = 'Asia/Tokyo'".encode())
    with connect(empty_database) as connection:
        assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.execute("SHOW application_name").fetchone() == ("americano",)


def test_each_store_is_pointed_elsewhere_by_its_own_variable(tmp_path: Path) -> None:
    settings = settings_of(
        americano_home=tmp_path,
        database_url=SecretStr("postgres://h/app?schema=public"),
        americano_dagster_url=SecretStr("postgres://h/runs"),
        mlflow_tracking_uri=SecretStr("https://mlflow.example"),
    )
    assert app_url(settings) == "postgresql://h/app"
    assert dagster_url(settings) == "postgresql://h/runs"
    assert mlflow_uri(settings) == "https://mlflow.example"
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_database_is_made_ready_and_stays_so(server: EmbeddedServer) -> None:
    settings = settings_of(americano_home=server.folder.parent)
    url = prepare(settings)
    assert url == server.url()
    with connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO users VALUES ('u', NULL, NULL, now(), true, true, true, now())")
    assert prepare(settings) == url
    assert {each.name for each in TABLES} == tables_of(url, "public")
    with connect(url) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [("u",)]


def test_nothing_is_made_on_a_database_url_without_the_apps_tables(empty_database: str) -> None:
    with pytest.raises(AmericanoError, match=r"does not match the contract in 18 places.*check-db"):
        prepare(settings_of(database_url=SecretStr(empty_database)))
    assert tables_of(empty_database, "public") == set()
    with connect(empty_database) as connection:
        assert connection.execute("SELECT to_regnamespace('ml')").fetchone() == (None,)


def test_a_database_url_gets_schema_ml_and_nothing_else(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA ml CASCADE")
    before = tables_of(database, "public")
    assert prepare(settings_of(database_url=SecretStr(f"{database}&schema=public"))) == database
    assert tables_of(database, "public") == before
    assert "published" in tables_of(database, "ml")


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    with connect(empty_database) as connection:
        assert migrate(connection) == [path.name for path in sorted(MIGRATIONS.glob("*.sql"))]
        assert migrate(connection) == []


def test_migrating_from_two_sessions_at_once_applies_each_once(empty_database: str) -> None:
    applied: list[list[str]] = []

    def run() -> None:
        with connect(empty_database) as connection:
            applied.append(migrate(connection))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, applied)) == [0, 0, 0, len(list(MIGRATIONS.glob("*.sql")))]


def test_a_failed_migration_leaves_nothing(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE ml.a (x int);")
    (tmp_path / "002_b.sql").write_text("CREATE TABLE ml.b (x int); SELECT 1 / 0;")
    with connect(empty_database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, tmp_path)
        assert tables_of(empty_database, "ml") == set()
        (tmp_path / "002_b.sql").write_text("CREATE TABLE ml.b (x int);")
        assert migrate(connection, tmp_path) == ["001_a.sql", "002_b.sql"]


@pytest.mark.long
def test_a_process_killed_within_a_migration_leaves_nothing_and_the_next_applies_all(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE ml.a (x int);")
    (tmp_path / "002_b.sql").write_text("CREATE TABLE ml.b (x int); SELECT pg_sleep(3);")
    script = (
        "import sys; from pathlib import Path; from americano_assets.resources.postgres.connection import connect;"
        " from americano_assets.resources.postgres.migrate import migrate;"
        " migrate(connect(sys.argv[1], autocommit=True), Path(sys.argv[2]))"
    )
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with (
        subprocess.Popen([sys.executable, "-c", script, empty_database, str(tmp_path)], cwd=PROJECT_ROOT) as process,
        connect(empty_database, autocommit=True) as connection,
    ):
        while connection.execute(asleep).fetchone() != (1,):
            assert process.poll() is None
        process.kill()
        process.wait()
        assert tables_of(empty_database, "ml") == set()
        # It waits for the server to notice, and finds nothing of the killed one.
        assert migrate(connection, tmp_path) == ["001_a.sql", "002_b.sql"]


def test_a_schema_that_somebody_restored_in_part_is_told(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE ml.a (x int);")
    (tmp_path / "002_b.sql").write_text("CREATE TABLE ml.c (x int); CREATE TABLE ml.b (x int);")
    with connect(empty_database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA ml; CREATE TABLE ml.b (x int)")
        with pytest.raises(AmericanoError, match=r"002_b\.sql does not fit the schema ml .*\"b\" already exists"):
            migrate(connection, tmp_path)
        assert tables_of(empty_database, "ml") == {"b"}


def test_an_applied_migration_must_not_change_or_vanish(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE ml.a (x int);")
    with connect(empty_database, autocommit=True) as connection:
        migrate(connection, tmp_path)
        (tmp_path / "001_a.sql").write_text("CREATE TABLE ml.a (x bigint);")
        with pytest.raises(AmericanoError, match=r"001_a\.sql was changed"):
            migrate(connection, tmp_path)
        (tmp_path / "001_a.sql").rename(tmp_path / "001_b.sql")
        with pytest.raises(AmericanoError, match=r"001_a\.sql was applied .* by another version"):
            migrate(connection, tmp_path)


def test_a_user_who_may_not_create_schema_ml_is_told_who_may(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA ml CASCADE")
        connection.execute("CREATE ROLE plain LOGIN")
        try:
            with pytest.raises(AmericanoError, match="CREATE SCHEMA ml AUTHORIZATION"):
                prepare(settings_of(database_url=SecretStr(database.replace("postgres:@", "plain:@"))))
        finally:
            connection.execute("DROP ROLE plain")
