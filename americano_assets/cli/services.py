"""Commands that serve until they are ended: `dev`, `api`."""

import os
import sys
from typing import TYPE_CHECKING

import typer

from americano_assets.cli.display.terminal import echo

if TYPE_CHECKING:
    from americano_assets.cli.process_group import Service
    from americano_assets.settings import Settings

commands = typer.Typer()
_PANEL = "Servers"
_HOST = "127.0.0.1"
# Requests under way may finish; none takes longer than the database lets it.
_GRACE_SECONDS = 10


@commands.command(rich_help_panel=_PANEL)
def api() -> None:
    """Serve the HTTP API until Ctrl-C, on 127.0.0.1 unless AMERICANO_API_HOST says otherwise."""
    from datetime import UTC, datetime

    import uvicorn

    from americano_assets.api.middleware.connection_limits import KEEP_ALIVE_SECONDS, raise_descriptor_limit
    from americano_assets.api.tokens import require_token
    from americano_assets.cli.process_group import require_free_ports
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings

    settings = load_settings()
    require_free_ports([_api_service(settings)])
    url = prepare(settings, claims=False)
    if settings.environment == "production" or settings.americano_api_host != _HOST:
        with connect(url) as connection:
            require_token(connection, datetime.now(UTC))
    raise_descriptor_limit()
    uvicorn.run(
        "americano_assets.api.app:create_app",
        factory=True,
        host=settings.americano_api_host,
        port=settings.port,
        workers=settings.americano_api_workers,
        http="americano_assets.api.middleware.connection_limits:LimitedConnection",
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        # Who asks is who has sent it: a header that says otherwise would open the door of the trusted proxy.
        proxy_headers=False,
    )


@commands.command(rich_help_panel=_PANEL)
def dev() -> None:
    """Serve the Dagster UI and daemon, the API and the MLflow UI on 127.0.0.1 until Ctrl-C."""
    from americano_assets.cli.process_group import require_free_ports, run_together
    from americano_assets.cli.runs import close_dead_runs
    from americano_assets.orchestration.dagster_home import prepare_dagster_home
    from americano_assets.resources.postgres.connection import mlflow_uri, prepare
    from americano_assets.settings import load_settings

    settings = load_settings()
    tracking = _tracking_uri_given(settings)
    require_free_ports(services(settings, tracking or ""))
    prepare(settings)
    prepare_dagster_home(settings)
    close_dead_runs(settings)
    started = services(settings, tracking or mlflow_uri(settings))
    for service in started:
        echo(f"{service.name:<10} http://{_HOST}:{service.port}")
    if _is_server(tracking or ""):
        echo(f"{'MLflow':<10} at MLFLOW_TRACKING_URI")
    echo("They are starting; Dagster takes longest, on a busy machine over a minute. Ctrl-C ends all of them.")
    run_together(started)
    echo("All have ended.")


def _tracking_uri_given(settings: "Settings") -> str | None:
    """`MLFLOW_TRACKING_URI` as set, without starting anything."""
    return settings.mlflow_tracking_uri.get_secret_value() if settings.mlflow_tracking_uri else None


def _is_server(tracking_uri: str) -> bool:
    return tracking_uri.startswith(("http://", "https://"))


def services(settings: "Settings", tracking_uri: str) -> "list[Service]":
    """What `dev` runs; an MLflow that is a server elsewhere has a UI of its own."""
    found = [_dagster_service(settings), _api_service(settings)]
    return found if _is_server(tracking_uri) else [*found, mlflow_service(settings, tracking_uri)]


def _dagster_service(settings: "Settings") -> "Service":
    from pathlib import Path

    from americano_assets.cli.process_group import Service
    from americano_assets.orchestration.dagster_home import DEFINITIONS, dagster_home

    options = ("-h", _HOST, "-p", str(settings.americano_dagster_port), "--log-level", "warning")
    return Service(
        "Dagster",
        (sys.executable, "-P", str(Path(sys.executable).with_name("dg")), "dev", "-m", DEFINITIONS, *options),
        settings.americano_dagster_port,
        "AMERICANO_DAGSTER_PORT",
        _python_path(),
        dagster_home(settings),  # Elsewhere it may find another dagster.yaml, and warns that it goes by this one.
    )


def _api_service(settings: "Settings") -> "Service":
    from americano_assets.cli.process_group import Service

    command = (sys.executable, "-P", "-m", "americano_assets", "api")
    return Service("API", command, settings.port, "PORT", _python_path())


def mlflow_service(settings: "Settings", tracking_uri: str) -> "Service":
    """MLflow's server on `tracking_uri`; its own names are the only ones that it answers to."""
    from urllib.parse import urlsplit

    from americano_assets.cli.process_group import Service

    port = settings.americano_mlflow_port
    # By default it answers to every private address too, to which a foreign page's name may be made to lead.
    names = [f"localhost:{port}", f"{_HOST}:{port}"]
    options = ["--host", _HOST, "--port", str(port), "--workers", "1"]
    if settings.americano_mlflow_address is not None:
        proxy = urlsplit(settings.americano_mlflow_address)
        names.append(proxy.netloc)
        options += ["--cors-allowed-origins", f"{proxy.scheme}://{proxy.netloc}"]
    options += ["--allowed-hosts", ",".join(names)]
    artifacts = ("--artifacts-destination", str(settings.americano_home / "models" / "mlflow"))
    environment = {
        # Not an argument: arguments are shown to every user of the machine, and the URI may hold a password.
        "MLFLOW_BACKEND_STORE_URI": tracking_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Deprecations inside MLflow are nothing that who runs it could act on.
        "PYTHONWARNINGS": "ignore",
    }
    return Service(
        "MLflow",
        (sys.executable, "-P", "-m", "mlflow", "server", *options, *artifacts),
        port,
        "AMERICANO_MLFLOW_PORT",
        environment | _python_path(),
    )


def _python_path() -> dict[str, str]:
    """Children find the project wherever they are started; a package they find by themselves."""
    from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT

    if not IS_CHECKOUT:
        return {}
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys([str(PROJECT_ROOT), *others]))}
