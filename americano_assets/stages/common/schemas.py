"""The Pandera model of every table that crosses a stage, declared once."""

from collections.abc import Mapping
from datetime import datetime

import pandera.pandas as pa

from americano_assets.contract.enums import MissionStatus, ReviewRating
from americano_assets.core.base.validation import ROW_ID
from americano_assets.core.features.catalog import DATA_QUALITY, EXTENDED_NAMES, FEATURE_NAMES, OBSERVED_NAMES
from americano_assets.core.training.treated_rows import TREATED, WEIGHT

RATINGS = tuple(map(str, ReviewRating))
MISSION_STATUSES = tuple(map(str, MissionStatus))
KINDS = ("review", "validation")

_present = pa.Check(lambda text: text.str.len() > 0, name="not empty", element_wise=False)
_share = pa.Check.in_range(0, 1)
# Up to what a JSON number holds exactly; infinity, which extraction makes of what is no number, is beyond.
_amount = pa.Check.in_range(0, 2**53)
# What Python's calendar has, but for the year 1, which extraction makes of what it has not.
_any_time = pa.Check.in_range(datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9999-12-31"))
_readable = pa.Check(lambda read: read, name="readable JSON", element_wise=False)


def _id(*, nullable: bool = False) -> pa.Column:
    return pa.Column(nullable=nullable, checks=_present)


def _stamp(*, nullable: bool = False) -> pa.Column:
    return pa.Column("datetime64[us]", nullable=nullable, checks=_any_time)


def _table(
    name: str, columns: Mapping[str, pa.Column], row_id: str | None = None, **options: object
) -> pa.DataFrameSchema:
    """A model; `row_id` names the column by which a report points at a row. Where that is a person there is none."""
    metadata = {ROW_ID: row_id} if row_id else None
    return pa.DataFrameSchema(dict(columns), name=name, strict=False, metadata=metadata, **options)  # type: ignore[arg-type]


LOG_TABLES: dict[str, pa.DataFrameSchema] = {
    "behavioral_events": _table(
        "behavioral_events",
        {
            "event_id": _id(),
            "learner_id": _id(),
            "occurred_at": _stamp(),
            "event_type": _id(),
            "rating": pa.Column(nullable=True, checks=pa.Check.isin(RATINGS)),
            "score": pa.Column(float, nullable=True, checks=_share),
            "session_performance_score": pa.Column(
                "Int64", nullable=True, coerce=True, checks=pa.Check.in_range(0, 100)
            ),
            "duration_ms": pa.Column(float, nullable=True, checks=_amount),
        },
        row_id="event_id",
    ),
    "reviews": _table(
        "reviews",
        {
            "review_id": _id(),
            "learner_id": _id(),
            "occurred_at": _stamp(),
            "card_id": _id(),
            "rating": pa.Column(checks=pa.Check.isin(RATINGS)),
        },
        row_id="review_id",
    ),
    "validation_responses": _table(
        "validation_responses",
        {
            "response_id": _id(),
            "learner_id": _id(),
            "occurred_at": _stamp(),
            "prompt_id": _id(),
            "score": pa.Column(float, checks=_share),
            "skipped": pa.Column(bool),
        },
        row_id="response_id",
    ),
    "study_sessions": _table(
        "study_sessions",
        {
            "session_id": _id(),
            "learner_id": _id(),
            "occurred_at": _stamp(),
            "started_at": _stamp(),
            "duration_ms": pa.Column("Int64", nullable=True, coerce=True, checks=_amount),
        },
        row_id="session_id",
    ),
}

STATE_TABLES: dict[str, pa.DataFrameSchema] = {
    "learners": _table("learners", {"learner_id": _id(), "in_analytics": pa.Column(bool), "created_at": _stamp()}),
    "objectives": _table(
        "objectives",
        {
            "objective_id": _id(),
            "course_id": _id(),
            # Of a label that the contract does not know features take no complexity.
            "complexity": _id(),
            "has_card": pa.Column(bool),
        },
        row_id="objective_id",
    ),
    "prerequisites": _table(
        "prerequisites",
        {"objective_id": _id(), "prerequisite_id": _id(), "strength": pa.Column(float, _amount)},
        row_id="objective_id",
    ),
    "planned_objectives": _table(
        "planned_objectives",
        {
            "mission_id": _id(),
            "learner_id": _id(),
            # Null of an item or a list that cannot be read, which no good row is.
            "objective_id": _id(nullable=True),
            "planned_at": _stamp(),
            "status": pa.Column(checks=pa.Check.isin(MISSION_STATUSES)),
            "completed_at": _stamp(nullable=True),
        },
        row_id="mission_id",
    ),
    "exams": _table(
        "exams", {"exam_id": _id(), "learner_id": _id(), "course_id": _id(), "exam_at": _stamp()}, row_id="exam_id"
    ),
    "profiles": _table(
        "profiles",
        {
            "learner_id": _id(),
            "visual": pa.Column(float, nullable=True, checks=_share),
            "reading": pa.Column(float, nullable=True, checks=_share),
            "kinesthetic": pa.Column(float, nullable=True, checks=_share),
        },
    ),
}

# Columns by which extraction tells whether a JSON column, or what is read of it, could be: checked and stored nowhere.
JSON_READ: dict[str, tuple[str, ...]] = {
    "behavioral_events": ("event_data_json",),
    "planned_objectives": ("objectives_json",),
    "profiles": ("learning_style_profile_json", "preferred_study_times_json"),
}
EXTRACTED = {
    name: model.add_columns({read: pa.Column(bool, checks=_readable) for read in JSON_READ.get(name, ())})
    for name, model in (LOG_TABLES | STATE_TABLES).items()
}

INTERACTIONS = _table(
    "interactions",
    {
        "learner_id": _id(),
        "kind": pa.Column(checks=pa.Check.isin(KINDS)),
        "occurred_at": _stamp(),
        "study_day": pa.Column("int32"),
        "into_day": pa.Column("int32", checks=pa.Check.in_range(0, 25 * 3_600_000 - 1)),
        "score": pa.Column(float, checks=_share),
        "rating": pa.Column(nullable=True, checks=pa.Check.isin(RATINGS)),
    },
)

_PAIR = {"learner_id": _id(), "objective_id": _id(), "course_id": _id()}
_FEATURES = {name: pa.Column(float, checks=_share) for name in (*FEATURE_NAMES, DATA_QUALITY, *EXTENDED_NAMES)}

FEATURES_TABLE = _table(
    "features",
    {**_PAIR, "planned": pa.Column(bool), **_FEATURES, **{name: pa.Column(bool) for name in OBSERVED_NAMES}},
    unique=["learner_id", "objective_id"],
)

TRAINING_SET = _table(
    "training_set",
    {
        **_PAIR,
        "cutoff_day": pa.Column("datetime64[s]", coerce=True),
        **_FEATURES,
        "struggled": pa.Column(bool),
        TREATED: pa.Column(bool),
        WEIGHT: pa.Column(float, checks=pa.Check.gt(0)),
        "split": pa.Column(checks=pa.Check.isin(("train", "calibration", "test", "unused"))),
    },
)

SCORED_PREDICTIONS = _table(
    "scored_predictions",
    {
        **_PAIR,
        "prediction_id": pa.Column(checks=pa.Check.str_matches(r"^c[a-z0-9]{24}$")),
        "probability": pa.Column(float, checks=_share),
        "confidence": pa.Column(float, checks=_share),
        "flagged": pa.Column(bool),
        "cold_start": pa.Column(bool),
        "factors": _id(),
        **_FEATURES,
    },
    unique=["prediction_id"],
)
