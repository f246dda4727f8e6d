"""Every place of ours where something of a learner may lie, and what in it is theirs: by column, key and path.

A learner's id is compared as a whole with the values of declared columns; no text is searched for it, since an id may
be any word: `1`, `review`. Free text (logs, errors) is the exception, and only of an id that a declared place has shown
to be a learner's and that can be nothing else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import PurePath

from americano_assets.core.base.validation import ROW_ID
from americano_assets.core.features.skill_update import OBJECTIVE
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.resources.home.folder import CLAIM_FILE, SERVER_FOLDER, STORE_CLAIM_FILE
from americano_assets.resources.memory import SPILL_FOLDER
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.names import EPOCH, MOVED
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.stages.s1_snapshots.quarantine import FOLDER as QUARANTINE
from americano_assets.stages.s2_features.point_in_time import COHORT
from americano_assets.stages.s2_features.query_plan import DERIVED_TABLES, WINDOWS
from americano_assets.stages.s2_features.skill_ratings import TABLE as RATINGS_TABLE
from americano_assets.stages.s3_training.dataset_versions import DATASETS, TRAINING_SET
from americano_assets.stages.s4_predictions.scored_predictions import TABLE as SCORED
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS


@dataclass(frozen=True)
class Holds:
    """By which columns rows of a Parquet table are a learner's; a row is theirs if any of them says so.

    Attributes:
        learner: Column of the id.
        key: Column of the id's 64 bits (`md5_number_lower`).
        levels: Where keys of others stand in that column too: the values of `level` whose key is a learner's.
        prediction: Column of the id of a prediction about them.
    """

    learner: str | None = None
    key: str | None = None
    levels: tuple[int, ...] = ()
    prediction: str | None = None

    @property
    def columns(self) -> list[str]:
        """All columns that must be looked at; none where nothing is a learner's."""
        named = [name for name in (self.learner, self.key, self.prediction) if name]
        return [*named, "level"] if self.levels else named


NOBODY = Holds()
_OF_LEARNER = Holds(learner="learner_id")
_OF_KEY = Holds(key="learner_key")
_OF_PREDICTION = Holds(prediction="prediction_id")
# Levels before the objectives' are a learner's, alone or on a topic or objective.
_RATINGS = Holds(key="key", levels=tuple(range(OBJECTIVE)))

_READ = {
    name: _OF_LEARNER if "learner_id" in model.columns else NOBODY
    for name, model in {**LOG_TABLES, **STATE_TABLES}.items()
}
# Folders of the store with Parquet files, without their days.
STORE_TABLES: dict[str, Holds] = {
    **_READ,
    **{f"{QUARANTINE}/{name}": holds for name, holds in _READ.items()},
    **dict.fromkeys(
        ("interactions", "session_ends", "features_at", "labels_at", "features", TRAINING_SET, "episode_pairs"),
        _OF_LEARNER,
    ),
    # `block_totals`: what an earlier version kept, and nothing reads.
    **dict.fromkeys((*DERIVED_TABLES, WINDOWS, "block_totals"), _OF_KEY),
    RATINGS_TABLE: _RATINGS,
    f"{COHORT}/cohort_record": NOBODY,
    f"{COHORT}/cohort_lapses": NOBODY,
    SCORED: Holds(learner="learner_id", prediction="prediction_id"),
    "indicators": _OF_PREDICTION,
    "interventions": _OF_PREDICTION,
}
# From which the ids of a learner's predictions are learned, and (with their column) those of bad rows, at which records
# and logs point.
NAMES_PREDICTIONS = SCORED
NAMES_ROWS: dict[str, str] = {
    f"{QUARANTINE}/{name}": str(model.metadata[ROW_ID])
    for name, model in {**LOG_TABLES, **STATE_TABLES}.items()
    if _READ[name] is not NOBODY and model.metadata
}
NAMES_IDS = (NAMES_PREDICTIONS, *NAMES_ROWS)


def holds_by_columns(columns: Iterable[str]) -> Holds:
    """What of an export or copy is a learner's, a Parquet file under any name: by the names that our columns have."""
    named = set(columns)
    if {"level", "key", "other"} <= named:
        return _RATINGS
    return Holds(
        learner="learner_id" if "learner_id" in named else None,
        key="learner_key" if "learner_key" in named else None,
        prediction="prediction_id" if "prediction_id" in named else None,
    )


class Kind(Enum):
    """What of a file that is no Parquet file may be a learner's."""

    NOTHING = "nothing of a learner"
    LEFTOVER = "half a file that a killed process left: removed"
    READING = "a record of bad rows, with the ids of some"
    LOG = "a log that goes on being written: emptied"
    TEXT = "lines of text that others wrote, errors among them"


# Paths below the home, the first that fits; `*` stands for folders too. Parquet files of the store are above. The
# researchers' file may stand anywhere: it is built again.
FILES: tuple[tuple[str, Kind], ...] = (
    (f"{LEFTOVER_PREFIX}*", Kind.LEFTOVER),
    (f"*/{LEFTOVER_PREFIX}*", Kind.LEFTOVER),
    ("data/duckdb_temp_*", Kind.LEFTOVER),
    (f"{SPILL_FOLDER}/*", Kind.LEFTOVER),
    (f"data/{QUARANTINE}/*/day=*/reading-*.json", Kind.READING),
    ("data/*/day=*/current.json", Kind.NOTHING),
    ("data/*/by_inputs/*.json", Kind.NOTHING),
    ("data/manifests/day=*/*.json", Kind.NOTHING),
    (f"data/{DATASETS}/*.json", Kind.NOTHING),
    ("data/state_snapshots/*.json", Kind.NOTHING),
    ("data/successors.json", Kind.NOTHING),
    (f"data/{STORE_CLAIM_FILE}", Kind.NOTHING),
    (f"data/{CLAIM_FILE}", Kind.NOTHING),
    (f"data/{EPOCH}", Kind.NOTHING),
    (f"data/{MOVED}", Kind.NOTHING),
    ("models/*.json", Kind.NOTHING),
    ("models/*.skops", Kind.NOTHING),
    ("reports/*.html", Kind.NOTHING),
    (HOME_SETTINGS_FILE, Kind.NOTHING),
    (CLAIM_FILE, Kind.NOTHING),
    (f"{SERVER_FOLDER}/server.log*", Kind.LOG),
    (f"{SERVER_FOLDER}/*", Kind.NOTHING),
    ("dagster/dagster.yaml", Kind.NOTHING),
    ("dagster/*", Kind.TEXT),
    ("mlflow/*", Kind.NOTHING),
)


def kind_of(path: PurePath) -> Kind | None:
    """What kind of file a path below the home is; None: an export or copy under a name of its own, or none of ours."""
    return next((kind for pattern, kind in FILES if fnmatchcase(path.as_posix(), pattern)), None)


_OF_USER = "user_id = %(learner)s"
OF_SCOPE = "scope = 'learner' AND scope_id = %(learner)s"
TOKENS = "api_tokens"
# Tables of schema ml, and which of their rows are a learner's; None: about nobody. Of a token the row stays.
ML_TABLES: dict[str, str | None] = {
    **dict.fromkeys(
        ("migrations", "deployment", "demo_load", "study_days", "forgettings", "model_versions", "model_events"), None
    ),
    "home": None,
    "former_homes": None,
    **dict.fromkeys(("experiment", "drift", "planted_effects", "list_outcomes", "adviser_sessions"), None),
    **dict.fromkeys(("published", "episodes", "assignments", "first_flag_outcomes", "outcome_changes"), _OF_USER),
    **dict.fromkeys(("prediction_feedback", "alerts", "intervention_actions", "generate_budget"), _OF_USER),
    **dict.fromkeys(("simulated_help", "struggle_predictions_archive", "single_cases"), _OF_USER),
    # Whoever wrote a note: it is about them.
    "list_actions": _OF_USER,
    **dict.fromkeys(("model_performance", "struggle_reduction", "effects"), OF_SCOPE),
    TOKENS: "learner_id = %(learner)s",
}
# Our rows in the app's tables, children before parents.
APP_TABLES = (RECOMMENDATIONS, INDICATORS, PREDICTIONS)
APP_ROWS = '"userId" = %(learner)s'
# Where the ids of a learner's predictions stand in the database.
PREDICTION_IDS = (
    (PREDICTIONS, '"id"', APP_ROWS),
    ("ml.episodes", "prediction_id", _OF_USER),
    ("ml.struggle_predictions_archive", "prediction_id", _OF_USER),
    ("ml.published", "row_id", _OF_USER),
)

# Where ids stand that are no learner's: what has one of these names is left in texts, whoever else has it.
NAMES_IN_APP = (
    *(("courses", "id"), ("lectures", "id"), ("learning_objectives", "id"), ("cards", "id")),
    ("validation_prompts", "id"),
)
NAMES_IN_DAGSTER = (("runs", "run_id"),)
NAMES_IN_MLFLOW = (("runs", "run_uuid"),)

# Columns of others' databases that take text from us: what a step says, and the errors in which it ends.
DAGSTER_TEXT = {
    "event_logs": ("event",),
    "asset_check_executions": ("evaluation_event",),
    "asset_keys": ("last_materialization", "asset_details", "cached_status_data", "tags"),
    "asset_event_tags": ("value",),
    "runs": ("run_body",),
    "run_tags": ("value",),
    "job_ticks": ("tick_body",),
    "jobs": ("job_body",),
    "instigators": ("instigator_body",),
    "bulk_actions": ("body",),
    "backfill_tags": ("value",),
    "daemon_heartbeats": ("body",),
    "kvs": ("value",),
    "dynamic_partitions": ("partition",),
    "asset_daemon_asset_evaluations": ("asset_evaluation_body",),
}
MLFLOW_TEXT = {
    "runs": ("name",),
    "tags": ("value",),
    "params": ("value",),
    "experiment_tags": ("value",),
    "model_version_tags": ("value",),
    "registered_model_tags": ("value",),
}

_DISTINCTIVE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{20,}")


def text_pattern(ids: Iterable[str]) -> str | None:
    """What finds those ids in free text that can be nothing else there (CUID, UUID, ULID); None where none can.

    It is read alike by Python and by PostgreSQL.
    """
    found = sorted(one for one in ids if _DISTINCTIVE.fullmatch(one))
    return rf"(?<![A-Za-z0-9])(?:{'|'.join(found)})(?![A-Za-z0-9])" if found else None
