"""Events of the snapshots as one Parquet file, for people to take along.

From the snapshots and not from the app: what is exported is what the pipeline saw, the same rows give the same file,
and the app's database is spared.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from americano_assets.core.study_days.study_day import days_between, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.duckdb.learner_key import key_of
from americano_assets.resources.parquet_store.atomic_files import move_into_place, written_beside
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s9_report.sql import query

# An export of one learner's events says by this of whom it is, also where it holds no event.
EXPORT_OF = "americano.export_of"
_TABLE = "behavioral_events"
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Exported:
    """The file, its rows and learners, and the study days that were looked at."""

    path: Path
    rows: int
    learners: int
    first: date
    last: date


def export_events(
    deployment: Deployment, output: Path, *, days: int | None = None, learner: str | None = None
) -> Exported:
    """Write the events of learners who allow it into one file, in one step; memory does not grow with them.

    Args:
        deployment: The deployment.
        output: The file; what stood there before is replaced.
        days: Only the last so many study days that were read.
        learner: Only this learner, also one who left analytics: their own events are no aggregate.

    Raises:
        AmericanoError: No day was read yet, or the learner is unknown or opted out.
        StorageError: The file could not be written; what stood there stays.
    """
    store = deployment.store
    today = study_day_of(deployment.now(), deployment.zone)
    versions = store.current_days(_TABLE, days_between(deployment.first_day, today))
    if not versions:
        raise AmericanoError(
            "No study day was read yet: run `americano nightly`, or `americano backfill --history-only` for past days."
        )
    last = max(versions)
    first = min(versions) if days is None else max(min(versions), last - timedelta(days=days - 1))
    chosen = {day: version for day, version in versions.items() if day >= first}
    allowed = _allowed(deployment, learner)
    # Not beside `forget`, which would look for it before it is there.
    with store.files.together(), open_engine() as engine, written_beside(output.parent) as temporary:
        engine.register("participants", pa.table({"learner_id": pa.array(allowed, pa.string())}))
        engine.view(_TABLE, store.paths(_TABLE, chosen))
        target = str(temporary).replace("'", "''")
        # Who is forgotten takes an export of their own along, also one without events.
        told = f", KV_METADATA {{'{EXPORT_OF}': '{key_of(learner)}'}}" if learner is not None else ""
        engine.connection.execute(
            f"COPY ({query('exported_events')}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, "
            f"ROW_GROUP_SIZE {_ROWS_AT_ONCE}{told})"
        )
        counted = engine.run(
            f"SELECT count(*) AS n, count(DISTINCT learner_id) AS learners FROM read_parquet('{target}')"
        )
        move_into_place(temporary, output)
    (row,) = counted.to_pylist()
    return Exported(output, row["n"], row["learners"], first, last)


def _allowed(deployment: Deployment, learner: str | None) -> list[str]:
    allowed = deployment.analysable()
    if learner is None:
        return sorted(one for one, in_analytics in allowed.items() if in_analytics)
    if learner not in allowed:
        raise AmericanoError(
            "Nothing of this learner may be exported: there is no such account, or it opted out of analysis."
        )
    return [learner]
