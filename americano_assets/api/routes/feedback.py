"""POST /predictions/{id}/feedback: a learner's own word on what became of a prediction."""

from datetime import UTC, date
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from fastapi import Request as HttpRequest
from pydantic import Field, StrictBool

from americano_assets.api import examples
from americano_assets.api.database import Change, Row, UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.limits import require_clock
from americano_assets.api.middleware.problems import REFUSALS, ProblemError, documented
from americano_assets.api.schemas import Answer, Request, RowId, UtcTime
from americano_assets.contract.enums import PredictionStatus
from americano_assets.core.base.ids import cuid
from americano_assets.core.outcomes.feedback import status_by_word
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import opening, study_day_of

MIN_FEEDBACK = 30

router = APIRouter(tags=["predictions"])


class FeedbackType(StrEnum):
    """What the learner thinks of the prediction or of what was recommended."""

    HELPFUL = "HELPFUL"
    NOT_HELPFUL = "NOT_HELPFUL"
    INACCURATE = "INACCURATE"
    INTERVENTION_GOOD = "INTERVENTION_GOOD"
    INTERVENTION_BAD = "INTERVENTION_BAD"


class FeedbackRequest(Request):
    """What became of it."""

    actual_struggle: StrictBool = Field(description="Whether the learner struggled with the objective.")
    feedback_type: FeedbackType
    comments: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="In the learner's own words; nobody reads them but people."
    )


class AccuracyUpdate(Answer):
    """How often predictions were right by the word of those whom they were about."""

    accuracy: float = Field(description="0-1.")
    data_points: int = Field(description="Predictions with feedback.")


class FeedbackRecorded(Answer):
    """What was kept."""

    feedback_recorded: bool = True
    prediction_id: str
    feedback_id: str
    submitted_at: UtcTime = Field(description="When it was first said in these words.")
    counts_from: UtcTime = Field(
        description="When status and outcome follow it: at once, or when the study day opens that the objective is "
        "planned for."
    )
    message: str
    model_accuracy_update: AccuracyUpdate | None = None
    model_accuracy_update_reason: str | None = Field(
        default=None, description="Why `model_accuracy_update` is null; null if it is not."
    )


@router.post(
    "/predictions/{prediction_id}/feedback",
    summary="A learner's word on a prediction",
    responses=documented(
        examples.FEEDBACK,
        *REFUSALS,
        HTTPStatus.NOT_FOUND,
    ),
)
async def feedback(
    http: HttpRequest,
    database: UsesDatabase,
    caller: IsCaller,
    prediction_id: Annotated[RowId, Path(description="The prediction.", examples=[examples.PREDICTION])],
    said: FeedbackRequest,
) -> FeedbackRecorded:
    """Keeps the learner's word and sets status and outcome by it, in one transaction.

    One word a learner and prediction: the same again changes nothing, another one replaces it. It goes before the
    computed outcome from then on, in every later night too. What is said before the planned day opens is kept, and
    counts from then on: the night that begins with it sets status and outcome.
    """
    now, zone = http.app.state.clock(), http.app.state.settings.zone
    async with database.change() as change:
        await require_clock(change, now)
        prediction = await change.row("lock_prediction", id=prediction_id)
        if prediction is None or not caller.owns(prediction["user_id"]):
            raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_prediction", "There is no such prediction.")
        owner = prediction["user_id"]
        written = await change.row(
            "write_feedback",
            id=cuid("feedback", prediction_id, owner),
            prediction_id=prediction_id,
            user_id=owner,
            actual_struggle=said.actual_struggle,
            feedback_type=said.feedback_type,
            comments=said.comments,
            now=naive(now),
        )
        kept = await change.row("feedback", prediction_id=prediction_id, user_id=owner)
        if kept is None:
            raise RuntimeError("feedback that was just written is gone")
        opens = opening(_planned_day(prediction, zone), zone)
        # Of a word said before: what the app or the learner did to the row since would be undone.
        is_new = written is not None or prediction["prediction_status"] == PredictionStatus.PENDING
        if is_new and opens <= now:
            status = status_by_word(said.actual_struggle, flagged=_was_flagged(prediction))
            await change.row(
                "write_outcome",
                id=prediction_id,
                status=status,
                status_text=status,
                outcome=said.actual_struggle,
                recorded_at=kept["submitted_at"],
            )
        update = await _accuracy(change, study_day_of(now, zone))
    counts_from = max(opens, kept["submitted_at"].replace(tzinfo=UTC))
    return FeedbackRecorded(
        prediction_id=prediction_id,
        feedback_id=kept["id"],
        submitted_at=kept["submitted_at"],
        counts_from=counts_from,
        message=_message(is_new=written is not None, waits=opens > now),
        **update,
    )


def _message(*, is_new: bool, waits: bool) -> str:
    first = "Thank you: this" if is_new else "This was recorded before, and"
    if waits:
        return f"{first} will count from the day on for which the objective is planned."
    return f"{first} is what counts from now on." if is_new else "This was recorded before."


def _planned_day(prediction: Row, zone: ZoneInfo) -> date:
    """By the ledger; without one by the date that the app shows."""
    planned: date | None = prediction["planned_day"]
    return study_day_of(prediction["prediction_date"].replace(tzinfo=UTC), zone) if planned is None else planned


def _was_flagged(prediction: Row) -> bool:
    """Whether the learner was warned: by the ledger, as the status says what they said last; without one by that."""
    flagged: bool | None = prediction["flagged"]
    return prediction["prediction_status"] != PredictionStatus.MISSED if flagged is None else flagged


async def _accuracy(change: Change, opened: date) -> dict[str, Any]:
    row = await change.row("feedback_accuracy", opened=opened) or {}
    n = row.get("data_points", 0)
    if n < MIN_FEEDBACK:
        return {"model_accuracy_update_reason": f"{n} predictions have feedback; {MIN_FEEDBACK} are needed."}
    return {"model_accuracy_update": AccuracyUpdate.model_validate(row)}
