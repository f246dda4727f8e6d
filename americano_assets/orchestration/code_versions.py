"""The version of the code that makes an asset: a change of it shows in Dagster's UI what is out of date.

It is made of canonical forms. Comments, docstrings, layout, imports and the names of files do not count, so that moving
a query or a module makes nothing stale. Connections and stores are left out: they carry rows, and make none.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from americano_assets.core.base.canonical import canonical_python, canonical_sql
from americano_assets.core.features import skill_ratings
from americano_assets.resources.parquet_store.store import hash_values
from americano_assets.stages.s2_features.query_plan import feature_definition, label_definition, window_definition

_PACKAGE = Path(__file__).parents[1]
_READ_LOG = (
    "stages/s1_snapshots/sql/tables/reviews.sql",
    "stages/s1_snapshots/sql/tables/behavioral_events.sql",
    "stages/s1_snapshots/sql/tables/study_sessions.sql",
    "stages/s1_snapshots/sql/tables/validation_responses.sql",
)
_READ_STATE = (
    "stages/s1_snapshots/sql/tables/exams.sql",
    "stages/s1_snapshots/sql/tables/learners.sql",
    "stages/s1_snapshots/sql/tables/objectives.sql",
    "stages/s1_snapshots/sql/tables/planned_objectives.sql",
    "stages/s1_snapshots/sql/tables/prerequisites.sql",
    "stages/s1_snapshots/sql/tables/profiles.sql",
)
_CHECK_ROWS = ("stages/s1_snapshots/snapshots.py", "stages/s1_snapshots/f*.py", "stages/common/schemas.py")
_GRADE = ("stages/s1_snapshots/interactions.py", "stages/s1_snapshots/sql/*.sql")
_FEATURES = ("stages/s2_features/feature_engine.py", "stages/s2_features/point_in_time.py")
_DRAWN = ("core/statistics/learner_draw.py", "stages/s2_features/learner_portions.py")
_PUBLISH = ("stages/s6_publication/*.py", "stages/s6_publication/sql/**/*.sql", "core/publication/*.py")
_MATURED = ("stages/s4_predictions/*.py", "stages/s4_predictions/sql/*.sql", "core/outcomes/outcomes.py")
# Files of the package by asset; `**` reaches into folders. That none is forgotten is tested.
_FILES: Mapping[str, tuple[str, ...]] = {
    "log_snapshots": (*_READ_LOG, *_CHECK_ROWS),
    "night_log": (*_READ_LOG, *_CHECK_ROWS, *_GRADE),
    "interactions": _GRADE,
    "state_snapshots": (*_READ_STATE, *_CHECK_ROWS, "stages/s1_snapshots/state_snapshots.py"),
    "elo_state": ("core/features/skill_*.py", "stages/s2_features/skill_ratings.py"),
    "features": ("core/features/*.py", *_FEATURES),
    "labels": ("core/features/*.py", *_FEATURES, *_DRAWN),
    "training_set": (
        "stages/s2_features/features.py",
        "stages/s3_training/training_rows.py",
        "stages/s3_training/learner_feedback.py",
        *_DRAWN,
        "stages/s3_training/sql/*.sql",
        "core/training/splits.py",
        "core/training/treated_rows.py",
        "core/outcomes/*back.py",
    ),
    "struggle_model": (
        "core/training/*.py",
        "core/models/*.py",
        "core/statistics/*.py",
        "stages/s3_training/[acmprt]*.py",
    ),
    "scored_predictions": ("core/models/*.py", "stages/s4_predictions/scored_predictions.py"),
    "indicators": ("core/interventions/signs.py", "stages/s5_interventions/recommendations.py"),
    "interventions": (
        "core/interventions/*.py",
        "stages/s5_interventions/recommendations.py",
        "stages/s5_interventions/sql/*.sql",
    ),
    "app/struggle_predictions": _PUBLISH,
    "app/struggle_indicators": _PUBLISH,
    "app/intervention_recommendations": _PUBLISH,
    "ml/alerts": _PUBLISH,
    "ml/episodes": (*_MATURED, "stages/s7_outcomes/*.py", "stages/s7_outcomes/sql/*.sql"),
    "ml/model_performance": (
        *_MATURED,
        "core/outcomes/performance.py",
        "core/outcomes/fairness.py",
        "core/training/slices.py",
        "core/statistics/metrics.py",
        "core/statistics/learner_draw.py",
        "stages/s8_reduction/performance.py",
        "stages/s8_reduction/matured_figures.py",
        "stages/s8_reduction/coverage.py",
        "stages/s8_reduction/sql/coverage.sql",
        "stages/s8_reduction/sql/studied_pairs.sql",
    ),
    "ml/struggle_reduction": (
        "core/effects/before_after.py",
        "stages/s8_reduction/before_after.py",
        "stages/s8_reduction/sql/struggle_totals.sql",
    ),
    "ml/effects": (
        "core/effects/*.py",
        "core/statistics/*.py",
        "stages/s8_reduction/effects.py",
        "stages/s8_reduction/sql/effect_*.sql",
    ),
    "ml/list_outcomes": (
        "core/morning_list/*.py",
        "core/interventions/measured_help.py",
        "stages/s8_reduction/list_outcomes.py",
        "stages/s8_reduction/sql/list*.sql",
        "stages/s6_publication/sql/measured_effects.sql",
    ),
    "ml/drift": ("core/outcomes/drift*.py", "stages/s8_reduction/drift.py"),
    "nightly_report": ("stages/s9_report/page/*.py", "stages/s9_report/sql/report/*.sql"),
    "analytics_database": (*_MATURED, "stages/s9_report/research_*.py", "stages/s9_report/sql/research/*.sql"),
}
# What the queries of stage 2 say together, as results are kept under it.
_DEFINITIONS: Mapping[str, tuple[Callable[[], str], ...]] = {
    "elo_state": (skill_ratings.definition,),
    "features": (feature_definition, window_definition),
    "labels": (feature_definition, label_definition),
    "ml/episodes": (label_definition,),
    "ml/model_performance": (label_definition,),
    "ml/list_outcomes": (label_definition,),
}


def code_version(asset: str) -> str:
    """The version of what makes an asset, by its key with `/` between its parts."""
    definitions = (define() for define in _DEFINITIONS.get(asset, ()))
    return hash_values(sorted(_canonical(path) for path in files_of(asset)), *definitions)


def files_of(asset: str) -> set[Path]:
    """The files that make an asset."""
    return {path for pattern in _FILES[asset] for path in _found(pattern)}


@cache
def _canonical(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return canonical_sql(text) if path.suffix == ".sql" else _without_imports(text)


@cache
def _found(pattern: str) -> tuple[Path, ...]:
    return tuple(path for path in _PACKAGE.glob(pattern) if path.stem not in ("__init__", "assets"))


def _without_imports(source: str) -> str:
    statements = (line.strip() for line in canonical_python(source).split("\n"))
    return "\n".join(one for one in statements if not one.removeprefix("INDENT ").startswith(("from ", "import ")))
