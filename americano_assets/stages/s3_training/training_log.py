"""What a training is told to: pictures of it, MLflow, and ml.model_versions."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.statistics.metrics import Calibration
from americano_assets.core.training.train import CHAMPION, Training
from americano_assets.resources.mlflow.run_links import dagster_run_url, git_commit
from americano_assets.resources.mlflow.session import TrackingError
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN, TrackedRun, TrainingRun
from americano_assets.stages.common.charts import calibration_plot, confusion_plot, importance_plot
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import StoredModel

_EXAMPLE_ROWS = 5


def pictures_of(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """PNG images by name, drawn from a training's kept summary; of one kept by an earlier version, what it holds."""
    curves = {name: Calibration(**curve) for name, curve in summary.get("curves", {}).items()}
    drawn = {"calibration": calibration_plot(curves)} if curves else {}
    told = summary.get("confusion", {}).get(summary["chosen"])
    if told:
        drawn["confusion"] = confusion_plot(told, summary["chosen"])
    return {**drawn, "importance": importance_plot(summary["importance"])}


def run_of_training(
    deployment: Deployment, day: date, rows: pd.DataFrame, tags: Mapping[str, str]
) -> AbstractContextManager[TrainingRun]:
    """MLflow's run around a training; of no rows there is nothing to log.

    Args:
        deployment: The deployment.
        day: The study day.
        rows: What is trained on.
        tags: As `Tracking.training`.
    """
    if rows.empty:
        return nullcontext(TrainingRun(deployment.settings))
    url = dagster_run_url(deployment.settings, tags[DAGSTER_RUN])
    # MLflow shows this one as the run's description, with the link to follow.
    links = {"dagster_run_url": url, "mlflow.note.content": f"[The run in Dagster]({url}), study day {day}."}
    commit = git_commit()
    told = {**tags, **links} | ({} if commit is None else {"git_commit": commit})
    return deployment.tracking.training(f"struggle_model {day}", told, day)


def tell_mlflow(
    run: TrainingRun,
    day: date,
    training: Training,
    model: StoredModel,
    rows: pd.DataFrame,
    pictures: Mapping[str, bytes],
) -> None:
    """Log what came of a training: its figures, its models, and which of them scores."""
    metrics = {
        f"{name}.{figure}": value
        for name, one in training.candidates.items()
        for figure, value in one.figures.items()
        if value is not None
    }
    ordered = sorted(training.candidates, key=lambda name: name == training.chosen)
    run.log(
        params={
            "study_day": day.isoformat(),
            "chosen": training.chosen,
            "horizon_days": model.target.horizon_days,
            "struggle_below": model.target.struggle_below,
            "threshold": model.scorer.threshold,
            "calibration": model.scorer.calibrator.method,
        },
        metrics={**metrics, **training.rows},
        tags={"dataset_version": model.dataset_version, "model_version": model.version},
        tables={"confusion.json": {name: one.confusion for name, one in training.candidates.items()}},
        figures={f"{name}.png": image for name, image in pictures.items()},
        scorers={name: training.candidates[name].scorer for name in ordered if name != CHAMPION},
        chosen=None if training.chosen == CHAMPION else training.chosen,
        challenger=training.challenger,
        study_day=day,
        example=rows.reindex(columns=["objective_id", *MODEL_INPUTS, VALIDATION_MEAN]).head(_EXAMPLE_ROWS),
    )


def record_versions(
    connection: psycopg.Connection[Any],
    saved: Mapping[str, StoredModel],
    training: Training,
    run: TrackedRun | None,
    summary: Mapping[str, Any],
    at: datetime,
) -> None:
    """A row of ml.model_versions for each model of a training that was kept."""
    for name, model in saved.items():
        why = summary["why"] if name == training.chosen or training.verdict is None else training.verdict.why
        connection.execute(
            """
            INSERT INTO ml.model_versions (model_version, model_type, study_day, threshold, horizon_days,
              struggle_below, dataset_version, mlflow_run_id, registry_version, metrics, feature_importance, created_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (model_version) DO UPDATE SET
              mlflow_run_id = COALESCE(ml.model_versions.mlflow_run_id, EXCLUDED.mlflow_run_id),
              registry_version = COALESCE(ml.model_versions.registry_version, EXCLUDED.registry_version)
            """,
            [
                model.version,
                model.model_type,
                model.study_day,
                model.scorer.threshold,
                model.target.horizon_days,
                model.target.struggle_below,
                model.dataset_version,
                run.run_id if run else None,
                run.registry_versions.get(name) if run else None,
                json.dumps({"figures": summary["figures"], "rows": summary["rows"], "why": why}),
                json.dumps(training.importance[name]),
                at,
            ],
        )


def run_of_model(connection: psycopg.Connection[Any], version: str) -> str | None:
    """The MLflow run in which a model was trained; None where it was never logged."""
    row = connection.execute(
        "SELECT mlflow_run_id FROM ml.model_versions WHERE model_version = %s", [version]
    ).fetchone()
    return None if row is None else row[0]


def keep_report(deployment: Deployment, day: date, page: Path) -> str:
    """Keep a night's report in MLflow, with the training of the model that scored the night.

    Returns:
        The run, or why there is none to keep it with.
    """
    recorded = deployment.store.manifest(day, "model") or {}
    with deployment.connect() as connection:
        run_id = run_of_model(connection, recorded.get("model_version", ""))
    if run_id is None:
        return "not kept: MLflow has no run of the model that scored the night"
    try:
        deployment.tracking.log_report(run_id, page)
    except TrackingError as error:
        return f"not kept: {error}"
    return run_id
