"""What `americano import` does: read and check every file, then bring all of it into the app's tables at once."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from americano_assets.contract.catalog import read_schema
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import days_between, last_closed, opening, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_file import quoted
from americano_assets.evaluation.log_reader import Reading, StagedLog, bounded, stage_log
from americano_assets.evaluation.log_tables import LAST_CALENDAR_DAY, Progress
from americano_assets.loading.imports.anki.cards import LATELY_DAYS, LEARNER, Asked
from americano_assets.loading.imports.anki.collection import Collection, read_collection
from americano_assets.loading.imports.anki.files import is_anki
from americano_assets.loading.imports.app_rows import (
    OWNER,
    Written,
    close_missions,
    describe,
    take,
    write_log,
    write_plans,
)
from americano_assets.loading.imports.homes import require_own, settle, settled
from americano_assets.loading.imports.plans import keep_known, read_plans
from americano_assets.orchestration.local_runner import make_ready
from americano_assets.resources.duckdb.connection import Engine
from americano_assets.resources.home.chosen import IMPORTED
from americano_assets.resources.home.folder import open_home
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.staging import Staging
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.snapshots import refreshed_days
from americano_assets.stages.s2_features.feature_engine import open_feature_engine

_LABEL, _OTHERWISE = "UNKNOWN", "INTERMEDIATE"


@dataclass(frozen=True)
class Request:
    """What is imported, and how.

    Attributes:
        files: Logs and Anki collections.
        plans: A file of plans.
        names: The log's own name of a column of ours, where it differs.
        given: horizon_days, struggle_below, timezone; None where nothing was given.
        learner: Whose an Anki collection is; None where nobody said so.
        tags: See `anki.collection.Asked`.
        into_this_database: The database of one's own home is meant.
    """

    files: Sequence[Path]
    plans: Path | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(
        default_factory=lambda: {"horizon_days": None, "struggle_below": None, "timezone": None}
    )
    learner: str | None = None
    tags: str | None = None
    into_this_database: bool = False


@dataclass
class Loaded:
    """What became of one file.

    Attributes:
        name: The file.
        totals: evaluation/sql/log_totals.sql; empty of a file of plans.
        first, last: Its first and last study day.
        written: What became of its interactions, or plans.
        left_out: Rows that were not loaded, by why.
        told: How values were read, and what else is to be known, in sentences.
    """

    name: str
    totals: dict[str, Any]
    first: date | None
    last: date | None
    written: Written
    left_out: Mapping[str, int]
    told: list[str]


@dataclass
class Imported:
    """What was imported.

    Attributes:
        settings: Of the home, as the next command finds them.
        files: Of each file, plans last.
        night: The study day whose night makes predictions of it; None: the last closed one, as always.
        read_again: Study days that nights have read and will not read again by themselves, and in which something is
            new; the first and the last. None where there is none.
        before_start: Interactions of before the first study day, which no night reads.
    """

    settings: Settings
    files: list[Loaded]
    night: date | None
    read_again: tuple[date, date] | None
    before_start: int = 0


@dataclass
class _Staged:
    name: str
    log: StagedLog
    collection: Collection | None
    first: date
    last: date


def import_files(settings: Settings, request: Request, progress: Progress) -> Imported:
    """Load files; all or nothing, and nothing twice.

    Every file is read and checked before a home or a database is touched.

    Args:
        settings: Of the home, see `homes.require_allowed`.
        request: What is to be imported.
        progress: Told the step, how far it is, and of how much.

    Raises:
        AmericanoError: A file cannot be read or breaks a rule, or something else is in the database.
    """
    settings, times = settled(settings, request.given, into_this_database=request.into_this_database)
    reading = Reading(times, request.names)
    deployment = Deployment(settings)
    with (
        tempfile.TemporaryDirectory(prefix="americano-import-") as folder,
        open_feature_engine() as engine,
        bounded(engine.connection, Path(folder)),
    ):
        engine.calendar(LAST_CALENDAR_DAY, settings.zone)
        staged = []
        for number, path in enumerate(request.files):
            progress("reading and checking", number, len(request.files))
            staged.append(_stage(engine, path, Path(folder) / str(number), request, reading, deployment))
        progress("reading and checking", len(request.files), len(request.files))
        told_plans = None
        if request.plans is not None:
            (plans := Path(folder) / "plans").mkdir()
            told_plans = read_plans(engine.connection, request.plans, plans, reading, settings.zone.key)
        if not request.into_this_database:
            _mark(settings, times, min(one.first for one in staged) - timedelta(days=1))
        url = make_ready(settings)
        if settings.database_url is None:
            _know_unknown(url)
        with connect(url) as connection, connection.transaction():
            connection.execute("LOCK TABLE ml.demo_load IN SHARE ROW EXCLUSIVE MODE")  # One load at a time.
            require_own(connection)
            staging = Staging(connection)
            files, changed = [], Written()
            for number, one in enumerate(staged):
                progress("loading", number, len(staged))
                loaded = _load(engine, staging, one, request, deployment)
                files.append(loaded)
                changed += loaded.written
            if request.plans is not None and told_plans is not None:
                files.append(_load_plans(engine, staging, request.plans, told_plans))
            _close_plans(staging, settings)
            progress("loading", len(staged), len(staged))
            before = 0
            if request.into_this_database:
                before = _before_start(connection, deployment)
    return Imported(settings, files, _night(staged, deployment), _read_again(changed, deployment), before)


def _mark(settings: Settings, times: str, first_day: date) -> None:
    """Have the home known as an import's, and what was decided decide in it, before anything is loaded."""
    home = settings.americano_home
    if home.name == IMPORTED:  # Whoever runs the server for root passes through one's own.
        open_home(home.parent, make=True)
    open_home(home, make=True)
    settle(settings, times, first_day)


def _stage(
    engine: Engine, path: Path, folder: Path, request: Request, reading: Reading, deployment: Deployment
) -> _Staged:
    folder.mkdir()
    collection, log = None, path
    if is_anki(path):
        asked = Asked(request.learner or LEARNER, deployment.zone, deployment.now(), request.tags)
        collection = read_collection(path, folder, asked)
        log, reading = collection.log, Reading()
    staged = stage_log(engine.connection, log, folder, reading)
    days = engine.connection.execute(f"SELECT min(day), max(day) FROM read_parquet({quoted(staged.path)})").fetchone()
    assert days is not None
    return _Staged(path.name, staged, collection, *days)


def _load(engine: Engine, staging: Staging, one: _Staged, request: Request, deployment: Deployment) -> Loaded:
    engine.connection.execute(f"CREATE OR REPLACE TEMP VIEW staged AS FROM read_parquet({quoted(one.log.path)})")
    collection = one.collection
    tables = None
    if collection is not None:
        tables = {"places": collection.places, "known_cards": collection.cards, "memory": collection.memory}
    learner, before = request.learner or LEARNER, None
    if collection is not None:
        before = _last_review(staging.connection, learner)
    describe(engine, complexity=_complexity(staging.connection), collection=tables)
    written = write_log(engine, staging)
    told = [*one.log.conversions, *one.log.notes]
    left_out: Mapping[str, int] = {}
    if collection is not None:
        if before is not None and request.learner is None and written.new == written.rows:
            raise AmericanoError(
                f'{one.name} shares no answer with what was imported as learner "{LEARNER}": say whose it is (--learner'
                f" NAME), or that it is the same learner's (--learner {LEARNER}). Nothing was loaded."
            )
        take(engine, "planned", collection.due)
        write_plans(engine, staging, "due")
        given = {"learner": learner, "before": before, "now": naive(deployment.now())}
        close_missions(staging, "close_due", given)
        left_out, told = collection.left_out, collection.notes
    return Loaded(one.name, one.log.totals, one.first, one.last, written, left_out, told)


def _load_plans(engine: Engine, staging: Staging, path: Path, told: list[str]) -> Loaded:
    """The plans of learners and objectives that are there, of this import or of one before."""
    connection = staging.connection
    known = connection.execute(
        'SELECT o.id, o.objective, l.id FROM learning_objectives o JOIN lectures l ON l.id = o."lectureId"'
        ' WHERE l."userId" = %s ORDER BY o.id',
        [OWNER],
    ).fetchall()
    columns = zip(("objective_id", "objective", "lecture_id"), zip(*known, strict=True), strict=True)
    take(engine, "places", pa.table({name: pa.array(values, pa.string()) for name, values in columns}))
    learners = [row[0] for row in connection.execute("SELECT id FROM users WHERE id <> %s ORDER BY id", [OWNER])]
    left_out = keep_known(engine.connection, pa.table({"learner_id": pa.array(learners, pa.string())}), path)
    return Loaded(path.name, {}, None, None, write_plans(engine, staging, "plan"), left_out, told)


def _close_plans(staging: Staging, settings: Settings) -> None:
    last = staging.execute(
        'SELECT greatest((SELECT max("reviewedAt") FROM reviews),'
        ' (SELECT max("respondedAt") FROM validation_responses))'
    ).fetchone()
    if last is not None and last[0] is not None:
        close_missions(staging, "close_plans", {"zone": settings.americano_timezone, "until": last[0]})


def _last_review(connection: psycopg.Connection[Any], learner: str) -> datetime | None:
    row = connection.execute('SELECT max("reviewedAt") FROM reviews WHERE "userId" = %s', [learner]).fetchone()
    return None if row is None else row[0]


def _know_unknown(url: str) -> None:
    """Give the enum a label for what a log does not say: a new one may not be used in the transaction that makes it."""
    with connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER TYPE \"ObjectiveComplexity\" ADD VALUE IF NOT EXISTS '{_LABEL}'")


def _complexity(connection: psycopg.Connection[Any]) -> str:
    """What is written where a log says nothing of it; an app's enum has no label for that."""
    labels = read_schema(connection).tables["learning_objectives"].columns["complexity"].labels
    return _LABEL if not labels or _LABEL in labels else _OTHERWISE


def _night(staged: Sequence[_Staged], deployment: Deployment) -> date | None:
    closed, last = last_closed(deployment.now(), deployment.zone), max(one.last for one in staged)
    return None if (closed - last).days < LATELY_DAYS else last


def _read_again(changed: Written, deployment: Deployment) -> tuple[date, date] | None:
    """What is new in study days that were read so long ago that a night takes them for settled."""
    if changed.changed_from is None:
        return None
    first = study_day_of(changed.changed_from.replace(tzinfo=UTC), deployment.zone)
    closed = last_closed(deployment.now(), deployment.zone)
    last = refreshed_days(closed, first)[0] - timedelta(days=1) if closed >= first else first - timedelta(days=1)
    read = deployment.store.current_days("interactions", days_between(first, last)) if last >= first else {}
    return (min(read), max(read)) if read else None


def _before_start(connection: psycopg.Connection[Any], deployment: Deployment) -> int:
    starts = naive(opening(deployment.first_day, deployment.zone))
    row = connection.execute(
        'SELECT (SELECT count(*) FROM reviews WHERE "reviewedAt" < %(at)s)'
        ' + (SELECT count(*) FROM validation_responses WHERE "respondedAt" < %(at)s)',
        {"at": starts},
    ).fetchone()
    return int(row[0]) if row else 0
