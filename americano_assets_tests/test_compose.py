"""What docker-compose.yml promises, read from the file; under an engine it runs in `end_to_end/production/`."""

import re
from typing import Any

import pytest
import yaml

from americano_assets.installation import PROJECT_ROOT
from americano_assets.settings import Settings

_ROOT = PROJECT_ROOT
_COMPOSE = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_FOREIGN = {"POSTGRES_PASSWORD", "MLFLOW_BACKEND_STORE_URI", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"}
# How a cloud's own tools find their credentials: of a store in a bucket, wherever that is set.
_OF_A_CLOUD = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    *("AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"),
}
# Where things are within the containers: the image and the file say so, nobody else.
_FIXED = {"PORT", "AMERICANO_HOME", "DUCKDB_DB_PATH", "AMERICANO_DAGSTER_PORT", "AMERICANO_MLFLOW_PORT"}
_OF_THE_API = {"AMERICANO_API_HOST", "AMERICANO_API_WORKERS"}


def test_every_part_is_there() -> None:
    assert set(_SERVICES) == {"postgres", "mlflow", "code", "webserver", "daemon", "api"}


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_is_watched_restarted_unprivileged_and_local(name: str) -> None:
    service = _SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert service.get("user", "root") != "root" or service["image"] == "americano-assets"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert set(service["environment"]) <= {field.upper() for field in Settings.model_fields} | _FOREIGN | _OF_A_CLOUD


@pytest.mark.parametrize("name", ["code", "webserver", "daemon", "api"])
def test_every_setting_reaches_the_parts_that_read_it(name: str) -> None:
    wanted = {field.upper() for field in Settings.model_fields} - _FIXED | _OF_A_CLOUD
    assert set(_SERVICES[name]["environment"]) >= (wanted if name == "api" else wanted - _OF_THE_API)


def test_our_image_is_unprivileged_and_installs_the_lock() -> None:
    text = (_ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["americano"]
    assert "--require-hashes -r /tmp/requirements.lock" in text


def test_no_secret_has_a_value_in_the_file() -> None:
    for service in _SERVICES.values():
        for name, value in service["environment"].items():
            assert name not in _OF_A_CLOUD or value is None
            if name.endswith("PASSWORD") or name == "DATABASE_URL":
                assert value.startswith("${" + name + ":?"), "must be given, and is asked for by name"
            assert not re.search(r"://[^:/@]+:[^$@]+@", value or ""), f"{name} holds a password"


def test_what_the_webserver_is_told_is_where_the_code_is() -> None:
    (told,) = yaml.safe_load((_ROOT / "deploy" / "workspace.yaml").read_text())["load_from"]
    assert told["grpc_server"]["host"] in _SERVICES
    assert f"--port={told['grpc_server']['port']}" in _SERVICES["code"]["command"]
