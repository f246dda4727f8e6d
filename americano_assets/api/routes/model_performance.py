"""GET /analytics/model-performance: how right the predictions were, on outcomes that are known by now."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.database import Row, UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.problems import REFUSALS, documented
from americano_assets.api.schemas import Answer, Request, UserId, UtcTime
from americano_assets.core.models.risk import P_MEANS

_UNEXPLAINED = "Too few outcomes are known for the figures that are null."
_POOLED = "An earlier version kept these figures, of all models together: the next night tells them apart."
_NO_RECORD = "No record of this model is kept, so its feature importance is not known."
_NO_SHARES = "The rules weigh no feature by its share, so there is no feature importance."

router = APIRouter(tags=["analytics"])


class PerformanceRequest(Request):
    """Over whom."""

    user_id: Annotated[UserId | None, Field(description="One learner's predictions only. Default: everybody's.")] = None


class Calibration(Answer):
    """The reliability curve: bins of equal mass, by rising p."""

    prob_true: list[float] = Field(description="Share that struggled, a bin.")
    prob_pred: list[float] = Field(description=f"Mean p, a bin; p is {P_MEANS}.")
    count: list[int] = Field(description="Predictions, a bin.")


class TrendPoint(Answer):
    """Accuracy as it stood at the end of one study day."""

    date: date
    accuracy: float | None
    n: int = Field(description="Scored pairs with a known outcome.")
    reason: str | None = Field(default=None, description="Why `accuracy` is null.")


class ModelTypeFigures(Answer):
    """Figures of what one kind of model predicted, over everybody; 0-1 unless said."""

    model_type: str
    model_versions: int = Field(description="How many models made these predictions.")
    scored_from: date = Field(description="First study day on which they were made.")
    scored_to: date = Field(description="The last one.")
    data_points: int = Field(description="Scored pairs with a known outcome.")
    base_rate: float | None
    accuracy: float | None
    precision: float | None
    recall: float | None
    auc_roc: float | None
    brier: float | None
    log_loss: float | None = Field(description="Nats.")
    ece: float | None
    reason: str | None = Field(description="Why figures are null; null if none is.")


class ModelPerformance(Answer):
    """Figures over matured predictions, each scored before its outcome; 0-1 unless said.

    Over everybody: those of one kind of model, `model_type`, which made the newest of them; of others `by_model_type`
    tells. Of one learner: all that is known, whoever made it (`made_by`). A figure without enough data behind it is
    null, and `reason` says why.
    """

    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1_score: float | None = None
    auc_roc: float | None = None
    brier: float | None = None
    log_loss: float | None = Field(default=None, description="Nats.")
    ece: float | None = Field(default=None, description="Expected calibration error.")
    calibration: Calibration = Calibration(prob_true=[], prob_pred=[], count=[])
    base_rate: float | None = Field(default=None, description="Share of the outcomes that were struggles.")
    always_no_accuracy: float | None = Field(default=None, description="Accuracy of never warning anybody.")
    model_type: str | None = Field(
        default=None,
        description="The kind of model that made these predictions; null where several did. Without any, that of the "
        "last published study day.",
    )
    model_version: str | None = Field(
        default=None, description="The model of the newest of them; without any, of the last published study day."
    )
    model_versions: int | None = Field(default=None, description="How many models of this kind made them.")
    made_by: dict[str, int] | None = Field(default=None, description="Predictions by the kind of model that made them.")
    scored_from: date | None = Field(default=None, description="First study day on which they were made.")
    scored_to: date | None = Field(default=None, description="The last one.")
    last_updated: UtcTime | None = Field(default=None, description="Cut-off up to which outcomes count.")
    data_points: int = Field(default=0, description="Scored pairs with a known outcome.")
    feature_importance: dict[str, float] | None = Field(
        default=None, description="Share of each feature in `model_version`; sums to 1. Null of the rules."
    )
    accuracy_trend: list[TrendPoint] = Field(
        default_factory=list, description="Of the same kind of model, the last 30 study days, oldest first."
    )
    by_model_type: list[ModelTypeFigures] = Field(
        default_factory=list, description="Every kind of model that made any; over everybody alone."
    )
    reason: str | None = Field(default=None, description="Why figures are null; null if none is.")


FIGURES = (
    "accuracy",
    "precision",
    "recall",
    "f1_score",
    "auc_roc",
    "brier",
    "log_loss",
    "ece",
    "base_rate",
    "always_no_accuracy",
)


@router.get(
    "/model-performance",
    summary="How right the predictions were",
    responses=documented(examples.MODEL_PERFORMANCE, *REFUSALS),
)
async def model_performance(
    database: UsesDatabase, caller: IsCaller, asked: Annotated[PerformanceRequest, Query()]
) -> ModelPerformance:
    """The newest figures, beside what never warning anybody would score. Also at /model-performance."""
    caller.require(asked.user_id)
    scope = {"scope": "learner" if asked.user_id else "all", "scope_id": asked.user_id or ""}
    async with database.snapshot() as snapshot:
        row = await snapshot.row("model_performance", **scope)
        if row is None:
            day = await snapshot.row("last_published_day") or {}
            reasons = [_nothing(asked.user_id, published=bool(day)), _no_shares(day) if day else None]
            return ModelPerformance(
                model_type=day.get("model_type"),
                model_version=day.get("model_version"),
                feature_importance=_shares(day),
                reason=" ".join(filter(None, reasons)),
            )
        trend = await snapshot.rows("accuracy_trend", scope=row["scope"], scope_id=row["scope_id"])
        types = []
        if not asked.user_id:
            types = await snapshot.rows("figures_by_model_type", study_day=row["study_day"])
    if row["made_by"] is None or len(row["made_by"]) > 1:
        row = {**row, "model_type": None, "model_versions": None}
    return ModelPerformance.model_validate(
        {
            **row,
            "feature_importance": _shares(row),
            "reason": _reason(row),
            "accuracy_trend": [_point(point) for point in trend],
            "by_model_type": types,
        }
    )


def _reason(row: Row) -> str | None:
    reasons = []
    if any(row[name] is None for name in FIGURES):
        reasons.append(row["reason"] or _UNEXPLAINED)
    if row["made_by"] is None:
        reasons.append(_POOLED)
    return " ".join(filter(None, [*reasons, _no_shares(row)])) or None


def _shares(row: Row) -> dict[str, float] | None:
    """Each feature's share; None where no feature has any."""
    shares: dict[str, float] = row.get("feature_importance") or {}
    return shares if any(shares.values()) else None


def _no_shares(row: Row) -> str | None:
    if _shares(row) is not None:
        return None
    return _NO_RECORD if row.get("feature_importance") is None else _NO_SHARES


def _point(row: Row) -> TrendPoint:
    reason = (row["reason"] or _UNEXPLAINED) if row["accuracy"] is None else None
    return TrendPoint.model_validate({**row, "reason": reason})


def _nothing(user_id: str | None, published: bool) -> str:
    if not published:
        return "Nothing has been published yet."
    if user_id:
        return "No prediction for this learner has a known outcome yet."
    return "No prediction has a known outcome yet."
