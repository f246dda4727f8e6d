"""The environment variables that the project reads: names, types, what is allowed, what holds by default."""

import os
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import ByteSize, Field, IPvAnyNetwork, SecretStr, ValidationInfo
from pydantic.functional_validators import AfterValidator, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from americano_assets.core.publication.random_assignment import Policy
from americano_assets.core.training.retraining_policy import RETRAIN_DAYS, UNTREATED
from americano_assets.installation import DOTENV, USUAL_HOME

_AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
HostName = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]*]+)$")]
_WEBHOOKS = ("americano_alert_webhook", "americano_digest_webhook")
_WEB, _POSTGRES = ("http://", "https://"), ("postgresql://", "postgres://")
_ADDRESS = r"^https?://[^\s@]+$"  # without a user or password: it is written into metadata


def named_home() -> Path:
    """The home that the environment or `.env` names, else the usual one; needed before settings are read."""
    home = os.environ.get("AMERICANO_HOME") or dotenv_values(DOTENV).get("AMERICANO_HOME")
    return Path(home).expanduser().absolute() if home else USUAL_HOME


class Fields(BaseSettings):
    """What one deployment may set; `Settings` has all of it."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(
        None,
        description="The app's PostgreSQL (14+), by the URL that the app has; a pooler's will do. Unset: embedded."
        " The home is bound to it.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port of the HTTP API.")
    environment: Literal["development", "staging", "production"] = Field(
        "development", description="production is stricter: see docs."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["http://localhost:3000"], description="Comma-separated origins of the app."
    )
    model_type: Literal["auto", "rule_based", "logistic_regression", "gradient_boosting", "blend"] = Field(
        "auto",
        description="Which model scores; auto lets the gate choose, and takes the rules while it lets none pass.",
    )
    mlflow_tracking_uri: SecretStr | None = Field(
        None, description="MLflow store or server. Unset: a database of its own on the embedded server."
    )
    mlflow_experiment_name: str = Field("Americano/Research", min_length=1, description="MLflow experiment.")
    duckdb_db_path: Path | None = Field(None, description="The researchers' DuckDB file. Unset: in the home.")
    compare_with_postgres: bool = Field(
        False, description="Time the same aggregation on the researchers' file and on PostgreSQL each night."
    )

    americano_home: _AbsolutePath = Field(
        default_factory=named_home,
        description="Folder of the embedded server, Parquet files, models, Dagster's home; private to its user, of one"
        " database. Unset: .americano in the project's folder.",
    )
    americano_memory: ByteSize | None = Field(
        None,
        ge=256_000_000,
        description="Memory of one process (6GB). Unset: 60 % of what the machine or its cgroup has.",
    )
    americano_timezone: str = Field(
        "UTC",
        description="Time zone in which study days end at 23:00: the learners' own. Choose it before the first night,"
        " and leave it.",
    )
    americano_start_day: date = Field(
        date(2024, 1, 1), description="The first study day (YYYY-MM-DD); what happened before is not read."
    )
    americano_horizon_days: int = Field(
        7,
        ge=1,
        le=60,
        description="H, in study days: how far ahead a struggle is foreseen, and how long its outcome takes.",
    )
    americano_struggle_below: float = Field(
        0.65, gt=0, lt=1, description="A mean graded score below this is a struggle (0-1)."
    )
    americano_training_weeks: int = Field(
        104, ge=1, le=520, description="Weekly cut-offs that a training set reaches back."
    )
    americano_retrain_days: int = Field(
        RETRAIN_DAYS, ge=1, le=365, description="Study days between two trainings; the champion scores in between."
    )
    americano_training_rows: Literal["all", "untreated"] = Field(
        "all",
        description="Rows that teach the models; untreated leaves out those whose learner was warned in time, the"
        " holdout speaks for them.",
    )
    americano_training_most: int = Field(
        1_000_000,
        ge=1_000,
        description="Rows of a training set at most; of more, those of whole learners, drawn by a hash of their ids.",
    )
    americano_experiment_unit: Literal["learner", "episode"] = Field(
        "episode",
        description="What is drawn into the holdout: whole learners, or (learner, objective) by (learner, objective).",
    )
    americano_holdout_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share (0-1) from whom help is withheld by chance, so that its effect can be told;"
        " the demos set 0.1 and 0.3. See docs/experiment.md.",
    )
    americano_on_invalid: Literal["fail", "quarantine"] | None = Field(
        None, description="Bad source rows. Unset: fail in production, quarantine elsewhere."
    )
    americano_api_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the API listens on; others than this machine need a token."
    )
    americano_api_hosts: Annotated[list[HostName], NoDecode] = Field(
        default_factory=list,
        description="Comma-separated names, besides localhost and 127.0.0.1, by which the API may be called while no"
        " token is asked for.",
    )
    americano_api_workers: int = Field(1, ge=1, le=64, description="Processes that serve the API.")
    americano_generate_per_minute: int = Field(
        10, ge=1, le=600, description="How often a minute one learner's predictions may be generated by the API."
    )
    americano_dagster_url: SecretStr | None = Field(
        None, description="PostgreSQL for Dagster's instance, without a pooler. Unset: one on the embedded server."
    )
    americano_alert_webhook: SecretStr | None = Field(
        None, description="http(s) address that is sent a JSON message when a run fails. Unset: a log line alone."
    )
    americano_list_capacity: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Learners a course and day whom somebody can help: so many stand on the morning list. Unset: all.",
    )
    americano_name_column: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        description="Column of users with what the morning list calls learners; read when it is shown, kept nowhere."
        " Unset: their ids.",
    )
    americano_trusted_proxy: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="Comma-separated addresses or networks of a proxy that signs advisers in: from it alone"
        " X-Forwarded-User counts, as the name of an adviser's token. Unset: from nowhere.",
    )
    americano_digest_webhook: SecretStr | None = Field(
        None,
        description="http(s) address that is sent each morning how many learners stand on the list, by course, without"
        " names. Unset: nothing is sent.",
    )
    americano_archive_days: int = Field(
        90,
        ge=90,
        le=36_500,
        description="Predictions with an outcome go to ml.struggle_predictions_archive after so many days.",
    )
    americano_snapshot_days: int | None = Field(
        None,
        ge=30,
        le=36_500,
        description="Days after which the log as it was read, and files that nothing names, are removed. Unset: never.",
    )
    americano_dagster_port: int = Field(3070, ge=1, le=65535, description="Port of the Dagster UI under `dev`.")
    americano_mlflow_port: int = Field(5000, ge=1, le=65535, description="Port of the MLflow UI under `dev`.")
    americano_dagster_address: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Where people open Dagster's UI, for links to it. Unset: the one under `dev`.",
    )
    americano_mlflow_address: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Where people open MLflow's UI, for links to it. Unset: the tracking server, else that of `dev`.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of sources; the dotenv files are named in `load_settings`."""
        return init_settings, env_settings, dotenv_settings

    @field_validator("cors_origins", "americano_api_hosts", "americano_trusted_proxy", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _no_open_door(self) -> Self:
        if self.environment == "production" and "*" in self.cors_origins:
            raise ValueError("CORS_ORIGINS: * would let every web page in; production needs the app's own origins")
        return self

    @model_validator(mode="after")
    def _somebody_untreated(self) -> Self:
        if self.americano_training_rows == UNTREATED and not self.americano_holdout_share:
            raise ValueError(
                "AMERICANO_TRAINING_ROWS: untreated needs a holdout, AMERICANO_HOLDOUT_SHARE above 0; without one no"
                " flagged row would be left to learn from"
            )
        return self

    @field_validator("americano_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not an IANA time zone; allowed are names such as UTC or Europe/Berlin")
        return value

    @field_validator("americano_start_day", mode="before")
    @classmethod
    def _written_day(cls, value: object) -> object:
        try:
            return date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError("must be a day, written YYYY-MM-DD") from None

    @field_validator("database_url", "americano_dagster_url", *_WEBHOOKS)
    @classmethod
    def _begins_well(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        beginnings = _WEB if info.field_name in _WEBHOOKS else _POSTGRES
        if value and not value.get_secret_value().startswith(beginnings):
            raise ValueError(f"must begin with {' or '.join(beginnings)}")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        """Time zone of the study day."""
        return ZoneInfo(self.americano_timezone)

    @property
    def experiment(self) -> Policy:
        """From whom help is withheld by chance."""
        return Policy(self.americano_experiment_unit, self.americano_holdout_share)

    @property
    def on_invalid(self) -> Literal["fail", "quarantine"]:
        """What happens to rows that break a rule."""
        return self.americano_on_invalid or ("fail" if self.environment == "production" else "quarantine")

    @property
    def analytics_path(self) -> Path:
        """The researchers' DuckDB file."""
        return (self.duckdb_db_path or self.americano_home / "analytics.duckdb").expanduser().absolute()
