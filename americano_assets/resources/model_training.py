"""Trains on a study day's training set, keeps the model, tells MLflow and the app's database about it."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from americano_assets.core.features import MODEL_INPUTS
from americano_assets.core.moment import naive
from americano_assets.core.retraining import not_due
from americano_assets.core.rules import VALIDATION_MEAN
from americano_assets.core.training import AUTO, CHAMPION, Training, train
from americano_assets.plots import calibration_plot, importance_plot
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.model_store import ScoringBefore, StoredModel, champion_before
from americano_assets.resources.parquet_store import hash_values
from americano_assets.resources.tracking import TrackedRun, TrackingError

_EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class TrainedDay:
    """What the training step of a study day did.

    Attributes:
        model: What scores the day.
        training: Figures of the training; None where an equal one was found and nothing was trained.
        run: Where it is in MLflow; None where that was not reached.
        notice: What went wrong with MLflow, or empty.
        summary: Figures as they are kept in ml.model_versions.
        pictures: PNG images by name; none where nothing was trained.
    """

    model: StoredModel
    training: Training | None
    run: TrackedRun | None
    notice: str
    summary: dict[str, Any]
    pictures: dict[str, bytes]


def train_day(
    deployment: Deployment, day: date, rows: pd.DataFrame, dataset_version: str, tags: dict[str, str]
) -> TrainedDay:
    """Train the models of a study day, or find the one that equal rows gave before.

    Args:
        deployment: The deployment.
        day: The study day.
        rows: As schemas.TRAINING_SET; may be empty.
        dataset_version: Content hash of `rows`.
        tags: Further tags of the MLflow run.
    """
    wanted = deployment.settings.model_type
    before = champion_before(deployment.store, deployment.models, day, deployment.target) if wanted == AUTO else None
    waiting = None if before is None else not_due(day, before.trained_for, deployment.settings.americano_retrain_days)
    if before is not None and waiting is not None:
        return _carry_on(deployment, day, before, waiting)
    champion = None if before is None else before.model
    key = hash_values(
        dataset_version, wanted, vars(deployment.target), MODEL_INPUTS, None if champion is None else champion.version
    )
    known = deployment.models.remembered(key)
    if known is not None:
        deployment.store.record_manifest(day, "model", {**known, "trained_for": day.isoformat()})
        return TrainedDay(deployment.models.load(known["model_version"]), None, None, "", known["summary"], {})
    training = train(rows, wanted, None if champion is None else champion.scorer)
    if champion is not None and training.chosen == CHAMPION:
        model = champion
    else:
        model = deployment.models.save(
            training.chosen, day, dataset_version, deployment.target, training.candidates[training.chosen].scorer
        )
    curves = {name: one.curve for name, one in training.candidates.items() if one.curve is not None}
    pictures = {"calibration": calibration_plot(curves), "importance": importance_plot(training.importance)}
    run, notice = _tell_mlflow(deployment, day, training, model, rows, tags, pictures)
    summary = {
        "figures": {name: one.figures for name, one in training.candidates.items()},
        "figures_active": {name: one.figures_active for name, one in training.candidates.items()},
        "rows": training.rows,
        "chosen": training.chosen,
        "why": training.why,
        "importance": training.importance,
    }
    # A champion that stays was told with the training that made it.
    if model is not champion:
        _tell_database(deployment, model, run, summary)
    result = {"model_version": model.version, "summary": summary}
    deployment.models.remember(key, result)
    deployment.store.record_manifest(day, "model", {**result, "trained_for": day.isoformat()})
    return TrainedDay(model, training, run, notice, summary, pictures)


def _carry_on(deployment: Deployment, day: date, before: ScoringBefore, why: str) -> TrainedDay:
    """The champion scores a day between two trainings."""
    recorded = deployment.store.last_manifest_before(day, "model") or {}
    summary = {**recorded["summary"], "why": why}
    result = {"model_version": before.model.version, "summary": summary, "trained_for": before.trained_for.isoformat()}
    deployment.store.record_manifest(day, "model", result)
    return TrainedDay(before.model, None, None, "", summary, {})


def _tell_mlflow(
    deployment: Deployment,
    day: date,
    training: Training,
    model: StoredModel,
    rows: pd.DataFrame,
    tags: dict[str, str],
    pictures: dict[str, bytes],
) -> tuple[TrackedRun | None, str]:
    metrics = {
        f"{name}.{figure}": value
        for name, one in training.candidates.items()
        for figure, value in one.figures.items()
        if value is not None
    }
    ordered = sorted(training.candidates, key=lambda name: name == training.chosen)
    if rows.empty:
        return None, "no training rows yet: the rules score, and there is nothing to log"
    try:
        run = deployment.tracking.log_training(
            name=f"struggle_model {day}",
            params={
                "study_day": day.isoformat(),
                "chosen": training.chosen,
                "horizon_days": model.target.horizon_days,
                "struggle_below": model.target.struggle_below,
                "threshold": model.scorer.threshold,
                "calibration": model.scorer.calibrator.method,
            },
            metrics={**metrics, **training.rows},
            tags={**tags, "dataset_version": model.dataset_version, "model_version": model.version},
            figures={f"{name}.png": image for name, image in pictures.items()},
            scorers={name: training.candidates[name].scorer for name in ordered if name != CHAMPION},
            chosen=None if training.chosen == CHAMPION else training.chosen,
            study_day=day,
            example=rows[["objective_id", *MODEL_INPUTS, VALIDATION_MEAN]].head(_EXAMPLE_ROWS),
        )
    except TrackingError as error:
        return None, str(error)
    return run, ""


def _tell_database(deployment: Deployment, model: StoredModel, run: TrackedRun | None, summary: dict[str, Any]) -> None:
    with deployment.connect() as connection:
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
                run.registry_versions.get(model.model_type) if run else None,
                json.dumps({"figures": summary["figures"], "rows": summary["rows"], "why": summary["why"]}),
                json.dumps(summary["importance"]),
                naive(deployment.now()),
            ],
        )
