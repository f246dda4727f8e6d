"""Tables of ours that no Pandera model judges: what a query or a list of records gives, column by column."""

from collections.abc import Mapping
from dataclasses import fields

from pandera.pandas import DataFrameSchema

from americano_assets.core.interventions.choose_interventions import Intervention
from americano_assets.core.interventions.signs import Indicator
from americano_assets.stages.common.dictionary.described import DescribedTable, listed, of_model
from americano_assets.stages.common.schemas import FEATURES_TABLE, INTERACTIONS, LOG_TABLES, SCORED_PREDICTIONS

SESSION_ENDS = listed(
    "session_ends",
    {
        "learner_key": "uint64",
        "session_key": "uint64",
        "learner_id": "string",
        "session_id": "string",
        "occurred_at": "timestamp[us]",
        "study_day": "int32",
        "into_day": "int32",
        "duration_ms": "double",
        "performance": "double",
        "source": "string",
        "source_id": "string",
    },
)
LABELS = listed(
    "labels_at",
    {
        "learner_id": "string",
        "objective_id": "string",
        "n_reviews": "int32",
        "n_validations": "int32",
        "n_again": "int32",
        "mean_score": "double",
        "struggled": "bool",
        "mean_struggle": "bool",
    },
)
_OF_RECORDS = {str: "string", int: "int64"}


def _records(table: str, kind: type[Indicator] | type[Intervention]) -> DescribedTable:
    return listed(table, {one.name: _OF_RECORDS[one.type] for one in fields(kind)})  # type: ignore[index]


INDICATORS = _records("indicators", Indicator)
INTERVENTIONS = _records("interventions", Intervention)

# What DuckDB makes of the types of a file.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "uint64": "UBIGINT",
    "timestamp[us]": "TIMESTAMP",
    "list<element: string>": "VARCHAR[]",
}


def duckdb_types(model: DataFrameSchema) -> dict[str, str]:
    """DuckDB's type of each column of a file."""
    return {name: DUCKDB_TYPES[kind] for name, kind in of_model(model).types().items()}


def _research(name: str, types: Mapping[str, str]) -> DescribedTable:
    days = {column: "DATE" for column in ("study_day", "planned_day") if column in types}
    return DescribedTable(name, listed(f"research.{name}", {**types, **days}).columns)


def _without(model: DataFrameSchema, *columns: str) -> dict[str, str]:
    return {name: kind for name, kind in duckdb_types(model).items() if name not in columns}


def _only(model: DataFrameSchema, *columns: str) -> dict[str, str]:
    types = duckdb_types(model)
    return {name: types[name] for name in columns}


_PAIR = ("learner_id", "objective_id", "course_id")
_SCORE = ("planned_day", "prediction_id", "probability", "threshold", "flagged", "model_version")
RESEARCH = tuple(
    _research(name, types)
    for name, types in {
        "events": {
            "study_day": "DATE",
            **_without(LOG_TABLES["behavioral_events"], "review_id", "prompt_id", "response_id"),
        },
        "interactions": _only(
            INTERACTIONS, *_PAIR, "study_day", "occurred_at", "kind", "score", "rating", "skipped", "source"
        ),
        "features": {"study_day": "DATE", **_without(FEATURES_TABLE, "unmastered_prerequisites")},
        "predictions": {
            "study_day": "DATE",
            **_only(SCORED_PREDICTIONS, *_PAIR, *_SCORE, "confidence", "cold_start", "model_type", "factors"),
        },
        "outcomes": {
            **_only(SCORED_PREDICTIONS, *_PAIR, *_SCORE),
            **dict.fromkeys(("first_flagged_at", "predicted_at", "window_end"), "TIMESTAMP"),
            "live": "BOOLEAN",
            "outcome": "VARCHAR",
        },
        "experiment_phases": {
            **_only(LOG_TABLES["behavioral_events"], "learner_id", "experiment_phase"),
            **dict.fromkeys(("first_event_at", "last_event_at"), "TIMESTAMP"),
            **dict.fromkeys(("events", "study_days"), "BIGINT"),
        },
        "about": {
            "built_at": "TIMESTAMP",
            "through_study_day": "DATE",
            "timezone": "VARCHAR",
            "horizon_days": "INTEGER",
            "struggle_below": "DOUBLE",
            "made_by": "VARCHAR",
        },
        "participants": _only(LOG_TABLES["behavioral_events"], "learner_id"),
        "made_from": {"table_name": "VARCHAR", "day": "DATE", "content": "VARCHAR", "row_count": "BIGINT"},
    }.items()
)
