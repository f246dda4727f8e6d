"""An evaluation from beginning to end: rows, folds, what every model says, and the facts that a reader needs."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

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
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.statistics.metrics import share
from americano_assets.core.study_days.cutoff import Target
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_reader import UTC_ZONE, Reading
from americano_assets.evaluation.log_tables import (
    LogTables,
    Progress,
    features_and_labels,
    learner_order,
    open_log,
    studied_pairs,
    with_record,
)
from americano_assets.resources.home.folder import demo_values
from americano_assets.settings import Settings
from americano_assets.stages.s2_features.features import known_rows

MOST_ROWS = 1_000_000
# Half a minute for few rows, some five minutes for a million: docs/results/performance.md has what it is made of.
_SECONDS, _SECONDS_A_ROW = 30, 0.00025
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
        reading: What the log does not say itself.
        set_by: Of each part of the report's `target` the option or setting that decided it.
    """

    target: Target
    zone: ZoneInfo
    every_days: int = 7
    most_rows: int = MOST_ROWS
    reading: Reading = field(default_factory=Reading)
    set_by: Mapping[str, str] = field(default_factory=dict)


def log_options(
    settings: Settings, given: Mapping[str, Any], names: Mapping[str, str], every_days: int, most_rows: int
) -> Options:
    """What a log is evaluated by: what was given, else the settings; those that a demo left in its home are its own.

    Args:
        settings: Of the deployment.
        given: horizon_days, struggle_below, timezone; None where nothing was given.
        names: The log's own names of columns.
        every_days: Days between cut-offs.
        most_rows: From how many rows on a sample is taken.

    Raises:
        AmericanoError: There is no such time zone.
    """
    of_a_demo = demo_values(settings)
    values, set_by = {}, {}
    for name, value in given.items():
        setting = f"AMERICANO_{name.upper()}"
        values[name], set_by[name] = value, f"--{name.replace('_', '-')}"
        if value is None and setting in of_a_demo:
            values[name], set_by[name] = (
                Settings.model_fields[setting.lower()].default,
                f"the default, since {setting} is the demo's here",
            )
        elif value is None:
            values[name], set_by[name] = getattr(settings, setting.lower()), setting
    if values["timezone"] not in available_timezones():
        raise AmericanoError(f"--timezone {values['timezone']}: no IANA time zone; one is Europe/Berlin.")
    return Options(
        Target(values["horizon_days"], values["struggle_below"]),
        ZoneInfo(values["timezone"]),
        every_days,
        most_rows,
        Reading(given["timezone"] or UTC_ZONE, names),
        set_by,
    )


def evaluate_log(path: Path, options: Options, progress: Progress) -> Evaluated:
    """Evaluate on an interaction log; its files are made in a temporary folder and removed.

    Raises:
        LogError: See log_reader.stage_log.
    """
    # What was made of the log on the way is gone before the training needs the room.
    return judged(*_rows_of_log(path, options, progress), progress)


def _rows_of_log(path: Path, options: Options, progress: Progress) -> tuple[pd.DataFrame, list[Fold], dict[str, Any]]:
    """The rows with known outcomes, their folds, and the facts of the report."""
    with tempfile.TemporaryDirectory(prefix="americano-evaluate-") as folder:
        log = open_log(path, Path(folder), options.zone, options.target, progress, options.reading)
        days = log.cutoffs(options.every_days)
        order = learner_order(log.tables)
        sources, sampled = studied_pairs(log, days, order, options.most_rows, progress)
        built = features_and_labels(log.tables, sources, progress)
        progress("records before each cut-off", 0, 1)
        # Handed on without a name here, so that they go once they are moved.
        rows = with_record(log.tables, known_rows(log.tables.store, built), order)
        progress("records before each cut-off", 1, 1)
    folds, how = _folds(rows, options.target.horizon_days)
    facts = {
        "source": {"kind": "log", "name": path.name},
        "setting": "folds" if len(folds) > 1 else "later weeks",
        "target": _target(options),
        "data": _data(log, rows, sampled, len(days), len(sources)),
        "conversions": log.conversions,
        "shortcoming": _shortcoming(log, rows, options),
        "notes": [_GIVEN_SPINE, *log.notes, *how, *_sampling(sampled, options)],
    }
    return rows, folds, facts


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
    minutes = max(1, round((_SECONDS + _SECONDS_A_ROW * len(rows)) / 60))
    step = f"training and judging {len(rows):,} rows, about {minutes:,} min on two idle cores"
    for number, fold in enumerate(folds, start=1):
        progress(step, number - 1, len(folds))
        results.append(judge(rows, fold, own_names=own_names))
        progress(step, number, len(folds))
    return Evaluated(rows, results, facts, slices or {})


def row_facts(rows: pd.DataFrame) -> dict[str, Any]:
    """What stands in the report of any evaluated rows."""
    n = len(rows)
    return {
        "rows": n,
        "row_learners": int(rows["learner"].nunique()) if n else 0,
        "base_rate": share(rows["struggled"]),
        "cold_start_share": share(cold_start(rows)) if n else None,
        "never_active_share": share(~rows["ever_answered"].astype(bool)),
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
        "set_by": dict(options.set_by),
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


def _sampling(sampled: dict[str, Any], options: Options) -> list[str]:
    if sampled["sampled_learners"] is None:
        return []
    note = (
        f"{sampled['pairs']:,} rows would be more than --max-rows {options.most_rows:,}: the figures are those of "
        f"{sampled['sampled_learners']:,} of {sampled['learners']:,} learners, drawn whole. Features that look at "
        "all learners still do."
    )
    return [note]


def _shortcoming(log: LogTables, rows: pd.DataFrame, options: Options) -> tuple[str, str] | None:
    """Why the log cannot be evaluated, and what to do; None where the rows do not rule it out."""
    horizon = options.target.horizon_days
    if log.last - log.first < timedelta(days=horizon):
        days = (log.last - log.first).days + 1
        why = f"the log spans {days} study days, and no window of {horizon} days closes in it"
        return why, "Take a longer log, or a smaller --horizon-days."
    if rows.empty:
        why = "no (learner, objective) has a known outcome: it takes 3 reviews or 1 graded validation within"
        return f"{why} {horizon} days", "Take a log with more answers, or a larger --horizon-days."
    if rows["struggled"].nunique() == 1:
        what = "a struggle" if rows["struggled"].iloc[0] else "no struggle"
        why = f"every outcome is {what}, a mean score below {options.target.struggle_below:g} being one"
        return why, "Take a --struggle-below that divides the outcomes."
    return None
