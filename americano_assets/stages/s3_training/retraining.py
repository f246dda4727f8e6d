"""Whether a study day trains: because it is time, because something new calls for it, or not."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from americano_assets.core.training.champion_history import AUTO
from americano_assets.core.training.retraining_policy import Signals, cooldown_elapsed, early_reasons, wait_reason
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s3_training.champion import Standing, champion_before, standing
from americano_assets.stages.s3_training.training_signals import signals


@dataclass(frozen=True)
class Due:
    """What a study day knows before it trains: it does where nothing makes it wait, or something calls for it sooner.

    Attributes:
        stands: What its challengers have to beat.
        recorded: What the newest night before it recorded of its model; empty where there was none.
        signals: Feedback, recall and drift at its cut-off.
        waiting: Why the calendar alone would train nothing; None where it is time, or no trained model scores.
        sooner: Why to train nevertheless, a clause each.
    """

    stands: Standing
    recorded: dict[str, Any]
    signals: Signals
    waiting: str | None
    sooner: tuple[str, ...]


def due(deployment: Deployment, day: date) -> Due:
    """What study day `day` knows before it trains; of one that is still open, as of now."""
    stands = standing(deployment, day) if deployment.settings.model_type == AUTO else _pinned(deployment, day)
    recorded = deployment.store.last_manifest_before(day, "model") or {}
    known = signals(deployment, day, date.fromisoformat(recorded.get("trained_for", day.isoformat())))
    before, interval = stands.before, deployment.settings.americano_retrain_days
    # A champion that was set since the last training is measured beside its challengers at once.
    if before is None or before.trained_for is None:
        return Due(stands, recorded, known, None, ())
    waiting = wait_reason(day, before.trained_for, interval)
    sooner: list[str] = []
    if waiting is not None and cooldown_elapsed(day, before.trained_for, interval):
        sooner = early_reasons(known, Signals.from_json(recorded.get("signals")))
    return Due(stands, recorded, known, waiting, tuple(sooner))


def _pinned(deployment: Deployment, day: date) -> Standing:
    """What scored before, if it is of the kind that MODEL_TYPE asks for."""
    before = champion_before(deployment.store, deployment.models, day, deployment.target)
    fits = before is not None and before.model.model_type == deployment.settings.model_type
    return Standing(before if fits else None, None)
