"""GET /predictions: what a learner may struggle with, soonest first."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from pydantic import BeforeValidator, Field, JsonValue

from americano_assets.api import examples
from americano_assets.api import pagination as cursor
from americano_assets.api.database import Row, Snapshot, UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.problems import REFUSALS, InvalidParameterError, documented
from americano_assets.api.routes.reasoning import sentence
from americano_assets.api.schemas import Answer, Request, UserId, UtcTime
from americano_assets.contract.enums import PredictionStatus
from americano_assets.core.models import risk
from americano_assets.core.study_days import study_day
from americano_assets.core.study_days.cutoff import naive

# A missed struggle lies below the threshold by definition: the default filter would hide every one asked for.
_BELOW_THRESHOLD = PredictionStatus.MISSED

router = APIRouter(tags=["predictions"])


def _split(value: object) -> object:
    """Labels from `a,b`, from repeated parameters, or from both, each once."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        parts = (part.strip() for item in value for part in str(item).split(","))
        return list(dict.fromkeys(part for part in parts if part)) or None
    return value


class PredictionsRequest(Request):
    """Which of a learner's predictions."""

    user_id: UserId
    status: Annotated[
        list[PredictionStatus] | None,
        BeforeValidator(_split),
        Field(
            description="Only these statuses: one, several separated by commas, or the parameter repeated. Empty: all.",
            examples=[["PENDING", "CONFIRMED"]],
        ),
    ] = None
    min_probability: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Only predictions at or above it. Default: the threshold of the model that scored the last "
            "published study day; none if nothing was published. MISSED predictions lie below the threshold by "
            "definition, so where `status` names MISSED the default does not hold for them.",
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="At most so many predictions in this answer.")] = 50
    cursor: Annotated[
        str | None, Field(description="`next_cursor` of the answer before, with the other parameters unchanged.")
    ] = None


class Indicator(Answer):
    """A sign that a prediction rests on."""

    id: str
    indicator_type: str = Field(examples=["PREREQUISITE_GAP"])
    severity: str = Field(description="LOW, MEDIUM, HIGH or CRITICAL.")
    context: JsonValue = Field(description="What the sign was seen in.")
    detected_at: UtcTime


class Prediction(Answer):
    """One learner, one objective, one planned day."""

    id: str
    user_id: str
    learning_objective_id: str
    topic_id: str | None = Field(description="The course.")
    prediction_date: UtcTime = Field(description="The time the prediction is for.")
    predicted_struggle_probability: float = Field(description=f"p of a struggle, if studied: {risk.P_MEANS}.")
    prediction_confidence: float = Field(description=f"How sure p is: {risk.CONFIDENCE_MEANS}.")
    prediction_status: str = Field(
        description="PENDING, CONFIRMED, FALSE_POSITIVE, MISSED, DISMISSED or RESOLVED.", examples=["PENDING"]
    )
    risk_level: str = Field(
        description=f"By p: HIGH from {risk.HIGH_RISK}, MEDIUM from {risk.MEDIUM_RISK}, else LOW.", examples=["HIGH"]
    )
    reasoning: str = Field(description="Why, in one sentence for the student.")
    feature_vector: JsonValue = Field(description="What the model saw: {feature: value}.")
    objective_name: str | None
    course_name: str | None
    indicators: list[Indicator]
    beyond_horizon: bool = Field(
        default=False,
        description="Planned later than a night looks ahead, so computed for this answer alone and kept nowhere: no "
        "intervention, no feedback, in no figure. Only POST /predictions/generate gives such.",
    )


class Predictions(Answer):
    """A page of predictions. The counts are over all that the filters let through, not over the page."""

    predictions: list[Prediction]
    total_count: int
    high_risk_count: int
    medium_risk_count: int
    low_risk_count: int
    generated_at: UtcTime = Field(description="When this answer was made.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


@router.get(
    "/predictions",
    summary="A learner's predictions",
    responses=documented(examples.PREDICTIONS, *REFUSALS),
)
async def predictions(
    http: HttpRequest, database: UsesDatabase, caller: IsCaller, asked: Annotated[PredictionsRequest, Query()]
) -> Predictions:
    """Upcoming predictions first, the soonest at the top; then the past ones, the latest at the top; ties by id.

    Upcoming is what is planned for the current study day or later. Dismissed and closed predictions are shown with
    their status unless `status` says otherwise. Pages do not overlap and leave nothing out, also while rows are
    being added.
    """
    caller.require(asked.user_id)
    now: datetime = http.app.state.clock()
    place = _place(asked.cursor)
    zone = http.app.state.settings.zone
    anchor = place.anchor if place else naive(study_day.opening(study_day.study_day_of(now, zone), zone))
    async with database.snapshot() as snapshot:
        threshold = place.threshold if place else await _published_threshold(snapshot)
        given = asked.min_probability
        exempt = [_BELOW_THRESHOLD] if given is None and _BELOW_THRESHOLD in (asked.status or []) else []
        rows = await snapshot.rows(
            "predictions_page",
            user_id=asked.user_id,
            statuses=asked.status,
            min_probability=threshold if given is None else given,
            below_threshold_statuses=exempt,
            anchor=anchor,
            after_date=place.after_date if place else None,
            after_id=place.after_id if place else None,
            ids=None,
            high_risk=risk.HIGH_RISK,
            medium_risk=risk.MEDIUM_RISK,
            rows=asked.limit + 1,
        )
        page = [row for row in rows if row["id"] is not None][: asked.limit]
        indicators = await indicators_of(snapshot, [row["id"] for row in page])
    more = len(rows) > asked.limit
    last = page[-1] if more else None
    counts = {name: count for name, count in rows[0].items() if name.endswith("_count")}
    return Predictions(
        predictions=[prediction_of(row, indicators.get(row["id"], [])) for row in page],
        generated_at=now,
        next_cursor=cursor.place(anchor, last["prediction_date"], last["id"], threshold) if last else None,
        **counts,
    )


def _place(word: str | None) -> cursor.Cursor | None:
    try:
        return cursor.Cursor.decode(word) if word else None
    except ValueError as error:
        raise InvalidParameterError("cursor", str(error)) from None


async def _published_threshold(snapshot: Snapshot) -> float | None:
    day = await snapshot.row("last_published_day")
    return day["threshold"] if day else None


async def indicators_of(snapshot: Snapshot, prediction_ids: list[str]) -> dict[str, list[Indicator]]:
    """The indicators of published predictions, by prediction."""
    found: dict[str, list[Indicator]] = {}
    if prediction_ids:
        for row in await snapshot.rows("prediction_indicators", prediction_ids=prediction_ids):
            found.setdefault(row["prediction_id"], []).append(Indicator.model_validate(row))
    return found


def prediction_of(row: Row, indicators: list[Indicator]) -> Prediction:
    """A prediction as it is answered, from a row of `predictions_page` or one that looks like it."""
    own: dict[str, Any] = {
        "risk_level": risk.risk_level(row["predicted_struggle_probability"]),
        "reasoning": sentence(row["struggling_factors"]),
        "indicators": indicators,
    }
    return Prediction.model_validate({**row, **own})
