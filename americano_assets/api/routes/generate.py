"""POST /predictions/generate: a learner's predictions from what they have done until now."""

from datetime import datetime
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import BeforeValidator, Field

from americano_assets.api import examples
from americano_assets.api.database import Database, UsesDatabase
from americano_assets.api.middleware.access_log import TIMINGS
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.limits import require_clock, spend_generate
from americano_assets.api.middleware.problems import REFUSALS, documented
from americano_assets.api.routes.predictions import Indicator, Prediction, indicators_of, prediction_of
from americano_assets.api.schemas import Answer, Request, UserId, UtcTime
from americano_assets.api.worker import GenerateWorker
from americano_assets.core.models import risk
from americano_assets.core.study_days.cutoff import PLAN_AHEAD_DAYS, naive, to_milliseconds

router = APIRouter(tags=["predictions"])


def _whole(value: object) -> object:
    """JSON has one kind of number: 7.0 is the integer 7. A string of digits is none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class GenerateRequest(Request):
    """For whom, and how far ahead."""

    user_id: UserId
    days_ahead: Annotated[
        int,
        Field(
            ge=1,
            le=30,
            strict=True,
            description="Objectives planned within so many study days. What is not planned at all but due for a "
            f"review is always among the answers; what is planned {PLAN_AHEAD_DAYS} days ahead or more is marked "
            "`beyond_horizon`.",
        ),
        BeforeValidator(_whole),
    ] = PLAN_AHEAD_DAYS


class Alert(Answer):
    """What matters most to the learner now."""

    id: str
    type: str = Field(
        description="PROACTIVE_WARNING, PREREQUISITE_ALERT, REAL_TIME_ALERT or INTERVENTION_SUGGESTION.",
        examples=["REAL_TIME_ALERT"],
    )
    title: str
    message: str
    severity: str = Field(description="LOW, MEDIUM, HIGH or CRITICAL.")
    priority: float = Field(description="0-100, 100 first.")
    prediction_id: str
    intervention_id: str | None
    created_at: UtcTime = Field(description="When it was first given.")


class GeneratedPredictions(Answer):
    """The learner's predictions as of `generated_at`, soonest first. The counts are over these."""

    predictions: list[Prediction]
    alerts: list[Alert] = Field(description="The three most pressing, most pressing first.")
    total_count: int
    high_risk_count: int
    medium_risk_count: int
    low_risk_count: int
    generated_at: UtcTime = Field(description="T: what is stamped at or after it played no part.")


@router.post(
    "/predictions/generate",
    summary="Predict for a learner now",
    status_code=HTTPStatus.CREATED,
    responses=documented(examples.GENERATED, *REFUSALS, HTTPStatus.TOO_MANY_REQUESTS, success=HTTPStatus.CREATED),
)
async def generate(
    http: HttpRequest, database: UsesDatabase, caller: IsCaller, asked: GenerateRequest
) -> GeneratedPredictions:
    """Computes the learner's features from live rows, scores them and publishes as the night does.

    The same definitions, model, threshold, ids and ownership; the next night carries the same episodes on. Answers
    what is at or above the threshold, and what was published before, with its new probability. A learner who is
    unknown or opted out gets empty lists.
    """
    caller.require(asked.user_id)
    now = to_milliseconds(http.app.state.clock())
    async with database.change() as change:
        if await change.row("may_be_analysed", user_id=asked.user_id) is None:
            return _answer([], [], now)
        await require_clock(change, now)
        await spend_generate(change, asked.user_id, now, http.app.state.settings.americano_generate_per_minute)
    started = perf_counter()
    worker: GenerateWorker = http.app.state.worker
    made = await worker.generate(asked.user_id, now, asked.days_ahead, http.state.request_id)
    http.scope[TIMINGS]["generate"] = perf_counter() - started
    return await _read(database, asked.user_id, now, made.published, made.beyond)


async def _read(
    database: Database, user_id: str, now: datetime, published: list[str], beyond: list[dict[str, Any]]
) -> GeneratedPredictions:
    """What stands in the tables now, with what is kept nowhere."""
    async with database.snapshot() as snapshot:
        rows = await snapshot.rows(
            "predictions_page",
            user_id=user_id,
            ids=published,
            statuses=None,
            min_probability=None,
            below_threshold_statuses=[],
            anchor=naive(now),
            after_date=None,
            after_id=None,
            high_risk=risk.HIGH_RISK,
            medium_risk=risk.MEDIUM_RISK,
            rows=len(published),
        )
        indicators = await indicators_of(snapshot, published)
        alerts = await snapshot.rows("alerts", user_id=user_id)
        objectives = [row["learning_objective_id"] for row in beyond]
        named = await snapshot.rows("objective_names", ids=objectives) if objectives else []
        names = {row.pop("id"): row for row in named}
    found = [prediction_of(row, indicators.get(row["id"], [])) for row in rows if row["id"] is not None]
    found += [
        prediction_of(
            {**row, **names[row["learning_objective_id"]], "beyond_horizon": True},
            [Indicator.model_validate(one) for one in row["indicators"]],
        )
        for row in beyond
        if row["learning_objective_id"] in names
    ]
    return _answer(found, [Alert.model_validate(row) for row in alerts], now)


def _answer(predictions: list[Prediction], alerts: list[Alert], now: datetime) -> GeneratedPredictions:
    levels = [one.risk_level for one in predictions]
    return GeneratedPredictions(
        predictions=sorted(predictions, key=lambda one: (one.prediction_date, one.id)),
        alerts=alerts,
        total_count=len(predictions),
        high_risk_count=levels.count("HIGH"),
        medium_risk_count=levels.count("MEDIUM"),
        low_risk_count=levels.count("LOW"),
        generated_at=now,
    )
