"""The databases of a deployment: where they are, connecting to them, and having them ready."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psycopg

from americano_assets.contract.compare import check
from americano_assets.contract.printed.ddl import ddl
from americano_assets.contract.tables import TABLES
from americano_assets.errors import AmericanoError
from americano_assets.resources.home.claim import adopt, require_adoptable, require_own_home
from americano_assets.resources.home.folder import open_home
from americano_assets.resources.postgres.embedded.server import (
    APP_DATABASE,
    DAGSTER_DATABASE,
    MLFLOW_DATABASE,
    EmbeddedServer,
)
from americano_assets.resources.postgres.migrate import lock_database, migrate
from americano_assets.resources.postgres.session import Session, set_for_transaction, settings_of
from americano_assets.resources.postgres.urls import connection_error, connection_parameters, libpq_url
from americano_assets.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_CONNECT_SECONDS = 10


def connect(
    url: str, *, setting: str = "DATABASE_URL", begun_with: Mapping[str, str] | None = None, **options: Any
) -> psycopg.Connection[Any]:
    """A session on the database at `url`, whose transactions are in UTC and look names up where the URL says.

    Args:
        url: In libpq's form.
        setting: Name of the variable that holds it, for messages.
        begun_with: Further settings of each transaction.
        options: Of `psycopg.connect`.

    Raises:
        AmericanoError: Unreachable, refused, no such database or not a URL; the password is never in the message.
    """
    autocommit = bool(options.pop("autocommit", False))
    defaults: dict[str, Any] = {"application_name": "americano", "connect_timeout": _CONNECT_SECONDS}
    parameters = connection_parameters(url, setting)
    defaults = {name: value for name, value in defaults.items() if name not in parameters}
    address, settings = settings_of(url, **(begun_with or {}))
    try:
        connection = Session.connect(address, autocommit=autocommit, prepare_threshold=None, **(defaults | options))
    except psycopg.OperationalError as error:
        raise connection_error(url, error, setting) from None
    connection.begun_with = set_for_transaction(settings)
    return connection


def app_url(settings: Settings) -> str:
    """URL of the app's database, in libpq's form; starts the embedded server where `DATABASE_URL` is not set.

    Raises:
        AmericanoError: The URL cannot be read, or the embedded server does not start.
    """
    if settings.database_url is not None:
        return libpq_url(settings.database_url.get_secret_value())
    return _embedded_url(settings, APP_DATABASE)


def dagster_url(settings: Settings) -> str:
    """URL of the database that holds Dagster's instance."""
    if settings.americano_dagster_url is not None:
        return libpq_url(settings.americano_dagster_url.get_secret_value(), "AMERICANO_DAGSTER_URL")
    return _embedded_url(settings, DAGSTER_DATABASE)


def mlflow_uri(settings: Settings) -> str:
    """URI of the MLflow store or server."""
    if settings.mlflow_tracking_uri is not None:
        uri = settings.mlflow_tracking_uri.get_secret_value()
        is_postgresql = uri.startswith(("postgres://", "postgresql://"))
        return libpq_url(uri, "MLFLOW_TRACKING_URI") if is_postgresql else uri
    return _embedded_url(settings, MLFLOW_DATABASE)


def prepare(settings: Settings, *, claims: bool = True) -> str:
    """Have the app's database ready for the pipeline and return its URL.

    On the embedded server the contract's tables are made if there are none; on `DATABASE_URL` nothing outside
    schema `ml` ever is. Our own tables are brought up to date on either.

    Args:
        settings: The deployment.
        claims: Home and database will be written to, or read, together, and are bound to each other. Without it a home
            that holds nothing yet fits every database, and stays free: it serves an API, or makes a token.

    Raises:
        AmericanoError: Not reachable, the pipeline could not run on it, or it is not this home's; then nothing was
            changed.
    """
    open_home(settings.americano_home)
    url = app_url(settings)
    with connect(url, autocommit=True) as connection:
        require_own_home(connection, settings, claims=claims)
        if settings.database_url is None:
            bootstrap(connection)
        require_contract(connection)
        migrate(connection)
        if claims:
            adopt(connection, settings)
    return url


def bind_anew(settings: Settings) -> None:
    """As `prepare`, of a home and a database that belonged to others before, or to nobody.

    Raises:
        AmericanoError: As `prepare`, the home is a demo's and the database holds none, or it is another database's.
    """
    open_home(settings.americano_home, make=True)
    with connect(app_url(settings), autocommit=True) as connection:
        require_contract(connection)
        require_adoptable(connection, settings)
        migrate(connection)
        adopt(connection, settings, anew=True)


def require_usable(settings: Settings, *, claims: bool = True) -> None:
    """Refuse a database of the app's on which the pipeline could not run, or that is not this home's; changes nothing.

    Raises:
        AmericanoError: As `prepare`.
    """
    open_home(settings.americano_home)
    if settings.database_url is None and not EmbeddedServer(settings.americano_home).data.exists():
        return  # Nothing there yet: whoever writes first makes it.
    with connect(app_url(settings), autocommit=True) as connection:
        require_own_home(connection, settings, claims=claims)
        if settings.database_url is not None:
            require_contract(connection)


def bootstrap(connection: psycopg.Connection[Any]) -> bool:
    """Make the contract's tables in a schema that has none of them; False if it has any."""
    with connection.transaction():
        lock_database(connection)
        found = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)",
            [[table.name for table in TABLES]],
        ).fetchone()
        if found and found[0]:
            return False
        connection.execute(ddl().encode())
        return True


def require_contract(connection: psycopg.Connection[Any]) -> None:
    """Refuse a database on which the pipeline could not run.

    Raises:
        AmericanoError: Names the first obstacle and how many there are.
    """
    obstacles = [difference for difference in check(connection) if difference.severity == "error"]
    if obstacles:
        first = obstacles[0]
        raise AmericanoError(
            f'Database "{connection.info.dbname}" does not match the contract in {len(obstacles)}'
            f" {'place' if len(obstacles) == 1 else 'places'}, first {first.where}: {first.message} Run"
            " `americano check-db` for all of them; nothing was changed."
        )


def _embedded_url(settings: Settings, database: str) -> str:
    open_home(settings.americano_home, make=True)
    server = EmbeddedServer(settings.americano_home)
    server.ensure()
    return server.url(database)


def frame_of(cursor: psycopg.Cursor[Any]) -> "pd.DataFrame":
    """The rows of a query that has run, with its columns' names."""
    import pandas as pd

    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or []])
