"""An evaluation from beginning to end: rows, folds, what every model says, and the facts that a reader needs."""

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from americano_assets.core.evaluation.folds import (
    FOLDS,
    LEAST_LEARNERS_TO_FOLD,
    Fold,
    judge,
    learner_folds,
    time_split,
)
from americano_assets.core.evaluation.report import Evaluated
from americano_assets.core.models.rules import cold_start
from americano_assets.core.study_days.cutoff import Target
from americano_assets.evaluation.log_tables import (
    LogTables,
    Progress,
    features_and_labels,
    open_log,
    studied_pairs,
    with_record,
)
from americano_assets.stages.s2_features.features import known_rows

MOST_ROWS = 1_000_000
_GIVEN_SPINE = (
    "A log has no plans: a row is a (learner, objective) that was studied in the window after a cut-off. So p is the "
    "chance of a struggle given that it is studied, and who studies what is taken from the future, as a plan would "
    "tell it."
)


@dataclass(frozen=True)
class Options:
    """What the caller chose.

    Attributes:
        every_days: Days between cut-offs.
        most_rows: A larger log is evaluated on a sample of whole learners of about so many pairs.
    """

    target: Target
    zone: ZoneInfo
    every_days: int = 7
    most_rows: int = MOST_ROWS


def evaluate_log(path: Path, options: Options, progress: Progress) -> Evaluated:
    """Evaluate on an interaction log; its files are made in a temporary folder and removed.

    Raises:
        LogError: See evaluation_log.stage_log.
    """
    with tempfile.TemporaryDirectory(prefix="americano-evaluate-") as folder:
        log = open_log(path, Path(folder), options.zone, options.target, progress)
        days = log.cutoffs(options.every_days)
        sources, sampled = studied_pairs(log, days, options.most_rows, progress)
        built = features_and_labels(log.tables, sources, progress)
        rows = known_rows(log.tables.store, built)
        progress("records before each cut-off", 0, 1)
        rows = with_record(log.tables, rows) if len(rows) else _without_rows(rows)
        progress("records before each cut-off", 1, 1)
    folds, how = _folds(rows, options.target.horizon_days)
    facts = {
        "source": {"kind": "log", "name": path.name},
        "setting": "folds" if len(folds) > 1 else "later weeks",
        "target": _target(options),
        "data": _data(log, rows, sampled, len(days), len(sources)),
        "notes": [_GIVEN_SPINE, *log.notes, *how, *_shortcomings(log, rows, sampled, options)],
    }
    return judged(rows, folds, facts, progress)


def judged(
    rows: pd.DataFrame,
    folds: list[Fold],
    facts: dict[str, Any],
    progress: Progress,
    slices: dict[str, pd.Series] | None = None,
    *,
    own_names: bool = False,
) -> Evaluated:
    """Train and judge on each fold; see `core.evaluation.judge`."""
    results = []
    for number, fold in enumerate(folds, start=1):
        progress("training and judging", number - 1, len(folds))
        results.append(judge(rows, fold, own_names=own_names))
        progress("training and judging", number, len(folds))
    return Evaluated(rows, results, facts, slices or {})


def row_facts(rows: pd.DataFrame) -> dict[str, Any]:
    """What stands in the report of any evaluated rows."""
    n = len(rows)
    return {
        "rows": n,
        "row_learners": int(rows["learner"].nunique()) if n else 0,
        "base_rate": float(rows["struggled"].mean()) if n else None,
        "cold_start_share": float(cold_start(rows).mean()) if n else None,
        "never_active_share": float((~rows["ever_answered"].astype(bool)).mean()) if n else None,
    }


def _folds(rows: pd.DataFrame, horizon_days: int) -> tuple[list[Fold], list[str]]:
    if rows.empty:
        return [], []
    learners = rows["learner"].nunique()
    if learners >= LEAST_LEARNERS_TO_FOLD:
        # Numbers without gaps, so that folds are equal.
        codes = rows["learner"].rank(method="dense").to_numpy().astype(np.int64) - 1
        note = (
            f"{FOLDS} folds of learners: whoever is tested taught neither the model nor its calibration nor the "
            "threshold. Folds share their weeks."
        )
        return learner_folds(codes), [note]
    few = "1 learner is" if learners == 1 else f"{learners} learners are"
    note = (
        f"{few} too few to keep some apart (at least {LEAST_LEARNERS_TO_FOLD} are needed): the first weeks teach, "
        "later ones calibrate, the last ones judge. The learners that judge are not new to the model."
    )
    return [time_split(rows["cutoff_day"], horizon_days)], [note]


def _target(options: Options) -> dict[str, Any]:
    return {
        "horizon_days": options.target.horizon_days,
        "struggle_below": options.target.struggle_below,
        "every_days": options.every_days,
        "timezone": str(options.zone),
    }


def _data(
    log: LogTables, rows: pd.DataFrame, sampled: dict[str, Any], cutoffs: int, cutoffs_with_pairs: int
) -> dict[str, Any]:
    totals = {
        name: value.isoformat(sep=" ") if name in ("first_at", "last_at") else value
        for name, value in log.totals.items()
    }
    return {
        **totals,
        "cutoffs": cutoffs,
        "cutoffs_with_pairs": cutoffs_with_pairs,
        **sampled,
        "unknown_outcomes": sampled["evaluated_pairs"] - len(rows),
        **row_facts(rows),
    }


def _shortcomings(log: LogTables, rows: pd.DataFrame, sampled: dict[str, Any], options: Options) -> list[str]:
    notes = []
    horizon = options.target.horizon_days
    if sampled["sampled_learners"] is not None:
        notes.append(
            f"{sampled['pairs']:,} rows would be more than --max-rows {options.most_rows:,}: the figures are those of "
            f"{sampled['sampled_learners']:,} of {sampled['learners']:,} learners, drawn whole. Features that look at "
            "all learners still do."
        )
    if log.last - log.first < timedelta(days=horizon):
        days = (log.last - log.first).days + 1
        notes.append(
            f"The log spans {days} study days: no window of {horizon} days closes in it, so there is nothing to "
            "evaluate. Take a longer log, or a smaller --horizon-days."
        )
    elif rows.empty:
        notes.append(
            "No (learner, objective) has a known outcome: it needs 3 reviews or 1 graded validation within a window of "
            f"{horizon} days."
        )
    elif rows["struggled"].nunique() == 1:
        what = "a struggle" if rows["struggled"].iloc[0] else "no struggle"
        notes.append(
            f"Every outcome is {what}: nothing can be told apart. A mean score below --struggle-below "
            f"{options.target.struggle_below} is a struggle."
        )
    return notes


def _without_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(learner=[], ever_answered=[], answers_before=[])
