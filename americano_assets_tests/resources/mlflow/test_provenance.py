"""Links between Dagster and MLflow lead to where people open them, and carry no password."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from americano_assets.resources.mlflow.run_links import dagster_run_url, mlflow_run_url
from americano_assets.settings import Settings

STORE = "postgresql://mlflow:hunter2@db/mlflow"


def settings_with(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("tracking", "address", "link"),
    [
        (STORE, None, "http://127.0.0.1:5000"),
        ("https://me:hunter2@mlflow.example:8443/at", None, "https://mlflow.example:8443/at"),
        ("http://mlflow:5000", "https://models.example/", "https://models.example"),
        (STORE, "https://models.example/ui", "https://models.example/ui"),
    ],
)
def test_a_link_to_mlflow(tmp_path: Path, tracking: str, address: str | None, link: str) -> None:
    settings = settings_with(
        americano_home=tmp_path, mlflow_tracking_uri=SecretStr(tracking), americano_mlflow_address=address
    )
    assert mlflow_run_url(settings, "7", "abc") == f"{link}/#/experiments/7/runs/abc"


@pytest.mark.parametrize("address", [None, "https://nights.example/dagster/"])
def test_a_link_to_dagster(tmp_path: Path, address: str | None) -> None:
    settings = settings_with(americano_home=tmp_path, americano_dagster_port=3456, americano_dagster_address=address)
    assert dagster_run_url(settings, "r") == f"{(address or 'http://127.0.0.1:3456').rstrip('/')}/runs/r"


@pytest.mark.parametrize("address", ["nights.example", "https://me:hunter2@nights.example"])
def test_an_address_that_is_none_or_holds_a_password_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        settings_with(americano_dagster_address=address)
