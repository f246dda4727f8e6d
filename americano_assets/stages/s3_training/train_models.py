"""Trains on a study day's training set, keeps the models, tells MLflow and the app's database about them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.training.champion_history import GATE, PASSED_OVER, PROMOTED, REFUSED, ModelEvent
from americano_assets.core.training.flagging import POLICY
from americano_assets.core.training.train import CHAMPION, Training, train
from americano_assets.resources.mlflow.tracking import MADE_FROM
from americano_assets.resources.mlflow.training_run import TrackedRun
from americano_assets.resources.parquet_store.store import hash_values
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.s3_training.analysis_runs import link_run, require_run
from americano_assets.stages.s3_training.champion import ScoringBefore, Standing
from americano_assets.stages.s3_training.model_events import record_event
from americano_assets.stages.s3_training.retraining import due
from americano_assets.stages.s3_training.training_log import (
    pictures_of,
    record_versions,
    run_of_model,
    run_of_training,
    tell_mlflow,
)

_MODEL = "model"


@dataclass(frozen=True)
class TrainedDay:
    """What the training step of a study day did.

    Attributes:
        model: What scores the day.
        training: Figures of the training; None where an equal one was found and nothing was trained.
        run: Where it is in MLflow; None where that was not reached, or nothing was trained.
        notice: What went wrong with MLflow, now or when an equal training was made; or empty.
        summary: Figures as they are kept in the day's manifest: of this training, or of the one it goes back to.
        pictures: PNG images by name, of the same training.
    """

    model: StoredModel
    training: Training | None
    run: TrackedRun | None
    notice: str
    summary: dict[str, Any]
    pictures: dict[str, bytes]


def train_day(
    deployment: Deployment,
    day: date,
    rows: pd.DataFrame,
    dataset_version: str,
    tags: dict[str, str],
    analysis_run_id: str | None = None,
    backgrounds: Mapping[str, pd.Series] | None = None,
) -> TrainedDay:
    """Train the models of a study day, or find the one that equal rows gave before.

    Args:
        deployment: The deployment.
        day: The study day.
        rows: As schemas.TRAINING_SET; may be empty.
        dataset_version: Content hash of `rows`.
        tags: Further tags of the MLflow run.
        analysis_run_id: The app's row of analysis_runs that the training is made for; it gets the MLflow run.
        backgrounds: What figures are to be shown by too, by the index of `rows`: no model sees it.

    Raises:
        AmericanoError: The app has no such row.
    """
    if analysis_run_id is None:
        return _train_day(deployment, day, rows, dataset_version, tags, backgrounds)
    with deployment.connect() as connection:
        require_run(connection, analysis_run_id)
    told = {**tags, "analysis_run_id": analysis_run_id}
    trained = _train_day(deployment, day, rows, dataset_version, told, backgrounds)
    with deployment.connect() as connection:
        run_id = trained.run.run_id if trained.run else run_of_model(connection, trained.model.version)
        if run_id is None:
            return replace(trained, notice=f"{trained.notice} Row {analysis_run_id} of analysis_runs links to nothing.")
        link_run(connection, analysis_run_id, run_id)
    return trained


def _train_day(
    deployment: Deployment,
    day: date,
    rows: pd.DataFrame,
    dataset_version: str,
    tags: dict[str, str],
    backgrounds: Mapping[str, pd.Series] | None,
) -> TrainedDay:
    wanted = deployment.settings.model_type
    found = due(deployment, day)
    stands, before, sooner = found.stands, found.stands.before, found.sooner
    if before is not None and found.waiting is not None and not sooner:
        return _carry_on(deployment, day, before, found.recorded, _because(stands, found.waiting))
    told = {"trained_for": day.isoformat(), "signals": found.signals.to_json()}
    champion = None if before is None else before.model
    held = [] if stands.hold is None else [_held(stands.hold)]
    champion_version = None if champion is None else champion.version
    decided_by = (dataset_version, wanted, vars(deployment.target), MODEL_INPUTS, champion_version, *held)
    key = hash_values(*decided_by, POLICY)
    known = deployment.models.remembered(key)
    if known is None and deployment.store.manifest(day, _MODEL) is not None:
        # A day that was trained for before there was a policy keeps its model.
        known = deployment.models.remembered(hash_values(*decided_by))
    if known is not None:
        return _found_again(deployment, day, {**known, **told})
    with run_of_training(deployment, day, rows, {**tags, MADE_FROM: key}) as run:
        training = train(
            rows,
            wanted,
            None if champion is None else champion.scorer,
            held_by_hand=None if stands.hold is None else _held(stands.hold),
            backgrounds=backgrounds,
        )
        saved = _save(deployment, day, dataset_version, training)
        model = champion if champion is not None and training.chosen == CHAMPION else saved[training.chosen]
        summary = {
            "figures": {name: one.figures for name, one in training.candidates.items()},
            "figures_active": {name: one.figures_active for name, one in training.candidates.items()},
            "curves": {name: vars(one.curve) for name, one in training.candidates.items() if one.curve is not None},
            "confusion": {name: one.confusion for name, one in training.candidates.items()},
            "slices": list(training.slices),
            "rows": training.rows,
            "chosen": training.chosen,
            "why": _because(
                stands,
                f"trained before it was due, since {' and '.join(sooner)}; {training.why}" if sooner else training.why,
            ),
            "threshold_told": training.candidates[training.chosen].threshold_told,
            "importance": training.importance[training.chosen],
        }
        pictures = pictures_of(summary)
        tell_mlflow(run, day, training, model, rows, pictures)
    _tell_database(deployment, day, training, saved, champion, run.tracked, summary)
    result = {"model_version": model.version, "summary": summary, "mlflow": run.notice}
    deployment.models.remember(key, result, (one.version for one in saved.values()))
    deployment.store.record_manifest(day, _MODEL, {**result, **told})
    return TrainedDay(model, training, run.tracked, run.notice, summary, pictures)


def _held(hold: ModelEvent) -> str:
    return f"{hold.decided_by} set this champion from {hold.study_day} on ({hold.reason})"


def _because(stands: Standing, why: str) -> str:
    return f"{stands.notice}; {why}" if stands.notice else why


def _carry_on(
    deployment: Deployment, day: date, before: ScoringBefore, recorded: dict[str, Any], why: str
) -> TrainedDay:
    """The champion scores a day between two trainings."""
    summary = {**recorded["summary"], "why": why}
    trained_for = day if before.trained_for is None else before.trained_for
    told = {"trained_for": trained_for.isoformat(), "signals": recorded.get("signals")}
    result = {"model_version": before.model.version, "summary": summary}
    deployment.store.record_manifest(day, _MODEL, {**result, **told})
    return TrainedDay(before.model, None, None, "", summary, pictures_of(summary))


def _found_again(deployment: Deployment, day: date, known: dict[str, Any]) -> TrainedDay:
    """What equal rows gave before; what MLflow did not get then it has not got since."""
    deployment.store.record_manifest(day, _MODEL, known)
    model = deployment.models.load(known["model_version"])
    return TrainedDay(model, None, None, known.get("mlflow", ""), known["summary"], pictures_of(known["summary"]))


def _save(deployment: Deployment, day: date, dataset_version: str, training: Training) -> dict[str, StoredModel]:
    """Keep what scores, unless it is kept already, and the challenger: who was refused may be wanted by a person."""
    kept = {name for name in (training.chosen, training.challenger) if name is not None and name != CHAMPION}
    return {
        name: deployment.models.save(name, day, dataset_version, deployment.target, training.candidates[name].scorer)
        for name in sorted(kept)
    }


def _tell_database(
    deployment: Deployment,
    day: date,
    training: Training,
    saved: dict[str, StoredModel],
    champion: StoredModel | None,
    run: TrackedRun | None,
    summary: dict[str, Any],
) -> None:
    now = naive(deployment.now())
    with deployment.connect() as connection:
        record_versions(connection, saved, training, run, summary, now)
        if training.challenger is None or training.verdict is None:
            return
        event = REFUSED
        if training.verdict.promoted:
            event = PROMOTED if training.chosen == training.challenger else PASSED_OVER
        recorded = deployment.store.last_manifest_before(day, _MODEL)
        scored = champion.version if champion else recorded["model_version"] if recorded else None
        record_event(
            connection,
            ModelEvent(
                day,
                event,
                saved[training.challenger].version,
                scored,
                GATE,
                by_hand=False,
                forced=False,
                reason=training.verdict.why,
            ),
            now,
        )
