"""The Pandera model of every table that crosses a stage, declared once."""

from collections.abc import Mapping
from datetime import datetime

import pandera.pandas as pa

from americano_assets.contract.enums import MissionStatus, ReviewRating
from americano_assets.contract.tables import table
from americano_assets.core.base.validation import ROW_ID
from americano_assets.core.features.catalog import DATA_QUALITY, EXTENDED_NAMES, FEATURE_NAMES, OBSERVED_NAMES
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.training.treated_rows import TREATED, WEIGHT
from americano_assets.stages.common.dictionary.described import STORED_TYPE
from americano_assets.stages.common.dictionary.words import words

RATINGS = tuple(map(str, ReviewRating))
MISSION_STATUSES = tuple(map(str, MissionStatus))
KINDS = ("review", "validation")
# True where a label is the learner's own word.
TOLD = "told_by_learner"

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


def _within(name: str, column: str) -> pa.Check:
    """The rule that the contract has for a number of the app's."""
    within = table(name).column(column).within
    assert within is not None
    return pa.Check.in_range(*within)


def _stored(kind: str) -> pa.Column:
    """A column that is stored and described, and that no rule is about."""
    return pa.Column(nullable=True, required=False, metadata={STORED_TYPE: kind})


def ruled(model: pa.DataFrameSchema) -> dict[str, pa.Column]:
    """The columns that rows must have, each under its rules."""
    return {str(name): column for name, column in model.columns.items() if column.required}


def _table(
    name: str, columns: Mapping[str, pa.Column], row_id: str | None = None, **options: object
) -> pa.DataFrameSchema:
    """A model; `row_id` names the column by which a report points at a row. Where that is a person there is none."""
    metadata = {ROW_ID: row_id} if row_id else None
    model = pa.DataFrameSchema(dict(columns), name=name, strict=False, metadata=metadata, **options)  # type: ignore[arg-type]
    for column, rules in model.columns.items():
        rules.description = words(name, str(column))
    return model


LOG_TABLES: dict[str, pa.DataFrameSchema] = {
    "behavioral_events": _table(
        "behavioral_events",
        {
            "event_id": _id(),
            "learner_id": _id(),
            "occurred_at": _stamp(),
            "event_type": _id(),
            **{name: _stored("string") for name in ("session_id", "objective_id", "course_id")},
            **{name: _stored("string") for name in ("card_id", "review_id", "prompt_id", "response_id")},
            "rating": pa.Column(nullable=True, checks=pa.Check.isin(RATINGS)),
            "score": pa.Column(float, nullable=True, checks=_share),
            "session_performance_score": pa.Column(
                "Int64",
                nullable=True,
                coerce=True,
                checks=_within("behavioral_events", "sessionPerformanceScore"),
                metadata={STORED_TYPE: "int32"},
            ),
            "duration_ms": pa.Column(float, nullable=True, checks=_amount),
            "is_pause": _stored("bool"),
            "experiment_phase": _stored("string"),
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
            **{name: _stored("string") for name in ("objective_id", "course_id", "session_id")},
            "rating": pa.Column(checks=pa.Check.isin(RATINGS)),
            "time_spent_ms": _stored("int32"),
            "stability_after": _stored("double"),
            "difficulty_after": _stored("double"),
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
            **{name: _stored("string") for name in ("objective_id", "course_id", "session_id")},
            "score": pa.Column(float, checks=_within("validation_responses", "score")),
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
            "duration_ms": pa.Column(
                "Int64", nullable=True, coerce=True, checks=_amount, metadata={STORED_TYPE: "int32"}
            ),
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
            "is_high_yield": _stored("bool"),
            "objective_text": _stored("string"),
            "tags": _stored("string"),
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
            "objective_completed": _stored("bool"),
        },
        row_id="mission_id",
    ),
    "exams": _table(
        "exams",
        {
            "exam_id": _id(),
            "learner_id": _id(),
            "course_id": _id(),
            "exam_at": _stamp(),
            "created_at": _stored("timestamp[us]"),
        },
        row_id="exam_id",
    ),
    "profiles": _table(
        "profiles",
        {
            "learner_id": _id(),
            "optimal_session_minutes": _stored("int32"),
            "average_session_minutes": _stored("int32"),
            "visual": pa.Column(float, nullable=True, checks=_share),
            "reading": pa.Column(float, nullable=True, checks=_share),
            "kinesthetic": pa.Column(float, nullable=True, checks=_share),
            "preferred_study_times": _stored("string"),
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
        **{f"{of}_key": _stored("uint64") for of in ("learner", "objective", "course", "item", "session")},
        "learner_id": _id(),
        "objective_id": _stored("string"),
        "course_id": _stored("string"),
        "kind": pa.Column(checks=pa.Check.isin(KINDS)),
        "occurred_at": _stamp(),
        "study_day": pa.Column("int32"),
        "into_day": pa.Column("int32", checks=pa.Check.in_range(0, 25 * 3_600_000 - 1)),
        "score": pa.Column(float, checks=_share),
        "rating": pa.Column(nullable=True, checks=pa.Check.isin(RATINGS)),
        "skipped": _stored("bool"),
        "source": _stored("string"),
        "source_id": _stored("string"),
    },
)

_PAIR = {"learner_id": _id(), "objective_id": _id(), "course_id": _id()}
_FEATURES = {name: pa.Column(float, checks=_share) for name in (*FEATURE_NAMES, DATA_QUALITY, *EXTENDED_NAMES)}
# What travels with the features, and is no input of a model's.
_CANDIDATE = {
    "planned_at": _stored("timestamp[us]"),
    "planned_day": _stored("int32"),
    VALIDATION_MEAN: _stored("double"),
    "unmastered_prerequisites": _stored("list<element: string>"),
    "cohort_lapse_rate": _stored("double"),
}

FEATURES_TABLE = _table(
    "features",
    {
        **_PAIR,
        "planned": pa.Column(bool),
        **_CANDIDATE,
        **_FEATURES,
        **{name: pa.Column(bool) for name in OBSERVED_NAMES},
    },
    unique=["learner_id", "objective_id"],
)

TRAINING_SET = _table(
    "training_set",
    {
        **_PAIR,
        "cutoff_day": pa.Column("datetime64[s]", coerce=True, metadata={STORED_TYPE: "timestamp[ns]"}),
        "planned": _stored("bool"),
        **_FEATURES,
        **{name: _stored("bool") for name in OBSERVED_NAMES},
        VALIDATION_MEAN: _stored("double"),
        "struggled": pa.Column(bool),
        "mean_score": _stored("double"),
        TOLD: _stored("bool"),
        TREATED: pa.Column(bool),
        WEIGHT: pa.Column(float, checks=pa.Check.gt(0)),
        "split": pa.Column(checks=pa.Check.isin(("train", "calibration", "test", "unused"))),
    },
)

SCORED_PREDICTIONS = _table(
    "scored_predictions",
    {
        **_PAIR,
        "planned": _stored("bool"),
        **_CANDIDATE,
        "prediction_id": pa.Column(checks=pa.Check.str_matches(r"^c[a-z0-9]{24}$")),
        "probability": pa.Column(float, checks=_share),
        "confidence": pa.Column(float, checks=_share),
        "flagged": pa.Column(bool),
        "cold_start": pa.Column(bool),
        "factors": _id(),
        "threshold": _stored("double"),
        "model_version": _stored("string"),
        "model_type": _stored("string"),
        **_FEATURES,
        **{name: _stored("bool") for name in OBSERVED_NAMES},
    },
    unique=["prediction_id"],
)
