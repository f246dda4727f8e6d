"""Which model a study day begins with: the one that scored the day before, or one that a person set since."""

from dataclasses import dataclass
from datetime import date

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.study_days.cutoff import Target
from americano_assets.core.training.champion_history import AUTO, ModelEvent, held
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import ModelStore, StoredModel, model_of_day
from americano_assets.stages.s3_training.model_events import model_events

_MODEL = "model"


@dataclass(frozen=True)
class ScoringBefore:
    """A champion, and the study day for which it was last challenged; None where nothing was measured beside it yet."""

    model: StoredModel
    trained_for: date | None


@dataclass(frozen=True)
class Standing:
    """What challengers of a study day have to beat.

    Attributes:
        before: The champion; None while the rules score by the gate's word.
        hold: The decision of a person that keeps the champion in place; None while the gate decides.
        notice: Why a model that a person set cannot score after all, or empty.
    """

    before: ScoringBefore | None
    hold: ModelEvent | None
    notice: str = ""


def standing(deployment: Deployment, day: date) -> Standing:
    """What a study day begins with. An old day that is computed again begins with what it began with then."""
    with deployment.connect() as connection:
        hold = held(model_events(connection), day)
    before = champion_before(deployment.store, deployment.models, day, deployment.target)
    if hold is None:
        return Standing(before, None)
    try:
        model = fitting(deployment, hold.model_version)
    except AmericanoError as error:
        notice = f"{hold.decided_by} set {hold.model_version[:8]}, which cannot score ({error}): the gate decides"
        return Standing(before, None, notice)
    recorded = deployment.store.last_manifest_before(day, _MODEL)
    known = recorded is not None and recorded["model_version"] == model.version
    return Standing(ScoringBefore(model, _trained_for(recorded, model) if recorded and known else None), hold)


def fitting(deployment: Deployment, version: str) -> StoredModel:
    """A model that can score today's rows.

    Raises:
        AmericanoError: Its file is gone or changed, or it was made for another target or other inputs.
    """
    model = deployment.models.load(version)
    if model.target != deployment.target:
        raise AmericanoError(
            f"Model {version[:8]} foresees {model.target}, the settings ask for {deployment.target}: it cannot score."
        )
    if model.scorer.model is not None and model.scorer.model.inputs != MODEL_INPUTS:
        raise AmericanoError(f"The inputs of model {version[:8]} are not today's features: it cannot score.")
    return model


def champion_before(store: ParquetStore, models: ModelStore, day: date, target: Target) -> ScoringBefore | None:
    """The trained model that scored the newest study day before `day`; None while the rules do, or it fits no more.

    An old day that is computed again finds what scored before it, never a model that saw its future.
    """
    recorded = store.last_manifest_before(day, _MODEL)
    if recorded is None:
        return None
    try:
        model = models.load(recorded["model_version"])
    except AmericanoError:
        return None
    trained = model.scorer.model
    if trained is None or model.target != target or trained.inputs != MODEL_INPUTS:
        return None
    return ScoringBefore(model, _trained_for(recorded, model))


def scoring_next(deployment: Deployment, day: date) -> str | None:
    """The version that a study day without a model of its own begins with; None where no night has scored yet."""
    if deployment.settings.model_type == AUTO:
        now = standing(deployment, day)
        if now.hold is not None:
            return now.hold.model_version
    recorded = deployment.store.last_manifest_before(day, _MODEL)
    return None if recorded is None else str(recorded["model_version"])


def scoring_model(deployment: Deployment, day: date) -> StoredModel:
    """A closed day's own model; for a day that is still open the newest one, or what a person set since."""
    if deployment.is_closed(day) or deployment.store.manifest(day, _MODEL) is not None:
        return model_of_day(deployment.store, deployment.models, day)
    version = scoring_next(deployment, day)
    if version is None:
        raise AmericanoError(f"Study day {day} has no model yet: materialize struggle_model for it first.")
    return deployment.models.load(version)


def _trained_for(recorded: dict[str, str], model: StoredModel) -> date:
    return date.fromisoformat(recorded.get("trained_for", model.study_day.isoformat()))
