"""From a staged log to the tables that a night is computed from: the same queries, in a store of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.study_days.cutoff import Target, naive
from americano_assets.core.study_days.study_day import EPOCH, cutoff, day_number, opening
from americano_assets.evaluation.log_file import quoted
from americano_assets.evaluation.log_reader import Reading, bounded, stage_log
from americano_assets.evaluation.sql import query
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES, Inputs, graded_span
from americano_assets.stages.s1_snapshots.sql import query as grading_query
from americano_assets.stages.s1_snapshots.state_snapshots import StateSnapshot, record_snapshot, snapshots
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s2_features.features import TrainingTables
from americano_assets.stages.s2_features.point_in_time import PairSource, PointInTimeTables

# Rows are held in memory at a time; a log with fewer is kept there while its cut-offs are computed.
ROWS_AT_ONCE = 1_500_000
LAST_CALENDAR_DAY = date(2099, 12, 31)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LogTables:
    """A log as the pipeline's tables.

    Attributes:
        tables: Features and labels of any cut-off.
        first: The first study day that has a row.
        totals: What the log holds (evaluation/sql/log_totals.sql).
        conversions: What was decided of values that could be read otherwise, a sentence each.
        notes: What was decided where the log left it open.
    """

    tables: PointInTimeTables
    first: date
    totals: dict[str, Any]
    conversions: list[str]
    notes: list[str]

    @property
    def last(self) -> date:
        """The last study day that has a row."""
        return self.tables.inputs.day

    def cutoffs(self, every_days: int) -> list[date]:
        """The study days whose cut-offs are evaluated: from the first on, `every_days` apart, their window closed."""
        horizon = timedelta(days=self.tables.target.horizon_days)
        days = (self.last - horizon - self.first).days
        return [self.first + timedelta(days=n) for n in range(0, days + 1, every_days)]


def open_log(
    path: Path, folder: Path, zone: ZoneInfo, target: Target, progress: Progress, reading: Reading
) -> LogTables:
    """Read a log, check it, and build its interactions day by day.

    Args:
        path: The log.
        folder: An empty folder for everything that is made of it.
        zone: Time zone of the study day.
        target: H and the struggle threshold.
        progress: Told the step, how far it is, and of how much.
        reading: What the log does not say itself.

    Raises:
        LogError: See log_reader.stage_log.
    """
    store = ParquetStore(folder / "data")
    with open_feature_engine() as engine, bounded(engine.connection, folder):
        engine.calendar(LAST_CALENDAR_DAY, zone)
        progress("reading and checking the log", 0, 1)
        staged = stage_log(engine.connection, path, folder, reading)
        progress("reading and checking the log", 1, 1)
        connection = engine.connection
        connection.execute(f"CREATE OR REPLACE TEMP VIEW staged AS FROM read_parquet({quoted(staged.path)})")
        counts = connection.execute("SELECT day, count(*) FROM staged GROUP BY day ORDER BY day").fetchall()
        versions: dict[str, dict[date, Version]] = {table: {} for table in DAY_TABLES}
        done = 0
        for days, rows in chunks(counts):
            for table in DAY_TABLES:
                versions[table] |= _build(engine, store, table, days)
            done += rows
            progress("interactions", done, sum(rows for _, rows in counts))
        first, last = counts[0][0], counts[-1][0]
        taken_at = opening(first, zone) - timedelta(seconds=1)
        contents = {table: store.put_whole(table, engine.run(query(table))).content for table in STATE_TABLES}
    record_snapshot(store, StateSnapshot(taken_at, contents))
    staged.path.unlink()
    inputs = Inputs(last, versions, snapshots(store))
    tables = PointInTimeTables(store, inputs, zone, target, cutoff(last, zone).astimezone(UTC))
    return LogTables(tables, first, staged.totals, staged.conversions, staged.notes)


def studied_pairs(
    log: LogTables, days: list[date], learners: pd.DataFrame, most_rows: int, progress: Progress
) -> tuple[dict[date, PairSource], dict[str, Any]]:
    """The pairs studied in the window after each cut-off; of a sample of whole learners where they are too many.

    Args:
        log: The log.
        days: The study days of the cut-offs.
        learners: `learner_order` of the log.
        most_rows: From how many pairs on a sample is taken.
        progress: As `open_log`.

    Returns:
        A stored table of pairs for each day that has any, and how many learners and pairs there were before and
        after sampling.
    """
    store, target = log.tables.store, log.tables.target
    found: dict[date, pa.Table] = {}
    with open_feature_engine() as engine, bounded(engine.connection, store.root):
        for number, day in enumerate(days, start=1):
            window = log.tables.moment(day)
            inside = _within(log.tables.inputs, day, day + timedelta(days=target.horizon_days + 1))
            if inside:
                engine.view("interactions", store.paths("interactions", inside))
                pairs = engine.run(
                    query("studied_pairs"),
                    {"window_start": naive(window.at), "window_end": naive(window.horizon_end)},
                )
                if len(pairs):
                    found[day] = pairs
            progress("pairs studied after each cut-off", number, len(days))
    total = sum(len(pairs) for pairs in found.values())
    kept = learners["learner_id"]
    if total > most_rows:
        # The order says nothing of the learners, so its beginning is a random sample of whole learners.
        kept = kept.head(max(1, int(len(kept) * most_rows / total)))
        wanted = pa.array(kept)
        found = {day: pairs.filter(pc.is_in(pairs["learner_id"], value_set=wanted)) for day, pairs in found.items()}
    sources = {}
    for day, pairs in found.items():
        if len(pairs):
            stored = store.put_whole("pairs", pairs)
            sources[day] = PairSource(stored.content, store.whole_path("pairs", stored.content))
    sampled = {
        "pairs": total,
        "learners": len(learners),
        "evaluated_pairs": sum(len(pairs) for pairs in found.values()),
        "sampled_learners": len(kept) if total > most_rows else None,
    }
    return sources, sampled


def features_and_labels(
    tables: PointInTimeTables, sources: dict[date, PairSource], progress: Progress
) -> TrainingTables:
    """Features and labels of given pairs; few days at a time where the log is large."""
    tables = copy(tables)  # the ratings that it carries from one cut-off to the next go with it
    days = sorted(sources)
    rows = sum(version.rows for version in tables.inputs.days["interactions"].values())
    at_once = len(days) if rows <= ROWS_AT_ONCE else 1
    result = TrainingTables({}, {})
    for start in range(0, len(days), max(at_once, 1)):
        some = days[start : start + at_once]
        features = tables.features(some, {day: sources[day] for day in some})
        # A pair whose objective is unknown has no features: the outcome is asked of those that have.
        labels = tables.labels(tables.pairs_of_features(features))
        result.features.update(features)
        result.labels.update(labels)
        progress("features and labels", start + len(some), len(days))
    return result


def learner_order(tables: PointInTimeTables) -> pd.DataFrame:
    """Learners in the order of evaluation/sql/learner_contents.sql, with `answered`."""
    with _over_all_days(tables) as engine:
        contents = engine.run(query("learner_contents")).select(["learner_id", "n", "answered"])
        frame: pd.DataFrame = contents.to_pandas()
    return frame


def with_record(tables: PointInTimeTables, rows: pd.DataFrame, order: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rows with what the log said before their cut-off, sorted so that neither names nor the given order matter.

    Args:
        tables: Of the log.
        rows: The rows.
        order: `learner_order` of the tables, where it is known already.

    Returns:
        `rows` with the columns of evaluation/sql/record.sql, `learner` (a number from the order of contents),
        `answers_before`, `ever_answered`; sorted by learner, cut-off and objective.
    """
    if rows.empty:
        return rows.assign(learner=[], ever_answered=[], answers_before=[])
    order = learner_order(tables) if order is None else order
    numbers = pd.Series(np.arange(len(order)), index=order["learner_id"])
    answered = pd.Series((order["answered"] > 0).to_numpy(), index=order["learner_id"])
    place = rows[["cutoff_day", "objective_id"]].assign(learner=rows["learner_id"].map(numbers).astype("int64"))
    place = place.reset_index(drop=True).sort_values(["learner", "cutoff_day", "objective_id"], kind="stable")
    # Moved once, and added to from here on: a copy of all columns for each would be several times their room.
    rows = rows.take(place.index.to_numpy())
    rows.index = pd.RangeIndex(len(rows))
    rows["learner"], rows["ever_answered"] = place["learner"].to_numpy(), rows["learner_id"].map(answered)
    at = {day: naive(tables.moment(pd.Timestamp(day).date()).at) for day in rows["cutoff_day"].unique()}
    asked = pa.table(
        {
            "row": pa.array(np.arange(len(rows))),
            **{name: pa.array(rows[name], pa.string()) for name in ("learner_id", "objective_id", "course_id")},
            "cutoff": pa.array(rows["cutoff_day"].map(at), pa.timestamp("us")),
        }
    )
    with _over_all_days(tables) as engine:
        engine.register("evaluated", asked)
        record: pd.DataFrame = engine.run(query("record"), {"struggle_below": tables.target.struggle_below}).to_pandas()
    for name in record.columns.drop("row"):
        rows[name] = record[name]
    rows["answers_before"] = record["learner_n"]
    return rows


@contextmanager
def _over_all_days(tables: PointInTimeTables) -> Iterator[FeatureEngine]:
    with open_feature_engine() as engine, bounded(engine.connection, tables.store.root):
        engine.view("interactions", tables.store.paths("interactions", tables.inputs.days["interactions"]))
        yield engine


def chunks(counts: Iterable[tuple[date, int]]) -> Iterator[tuple[list[date], int]]:
    """Consecutive days with at most ROWS_AT_ONCE rows, or one day with more."""
    held: list[date] = []
    rows = 0
    for day, n in counts:
        if held and rows + n > ROWS_AT_ONCE:
            yield held, rows
            held, rows = [], 0
        held.append(day)
        rows += n
    if held:
        yield held, rows


def _build(engine: FeatureEngine, store: ParquetStore, table: str, days: list[date]) -> dict[date, Version]:
    """One of DAY_TABLES for the days of a chunk, by the query that builds it every night."""
    bounds = graded_span(days[0], days[-1])
    for source in LOG_TABLES:
        engine.make(source, query(source), bounds)
    rows = engine.run(grading_query(table), bounds)
    numbers = rows.column("study_day").to_numpy()
    versions = {}
    for number in np.unique(numbers) if len(numbers) else [day_number(days[0])]:
        first, last = np.searchsorted(numbers, [number, number + 1])
        day = EPOCH + timedelta(days=int(number))
        versions[day] = store.put_day(table, day, rows.slice(first, last - first).to_batches(), rows.schema)
    return versions


def _within(inputs: Inputs, first: date, last: date) -> dict[date, Version]:
    return {day: version for day, version in inputs.days["interactions"].items() if first <= day <= last}
