"""Evaluation of the next answer: a log or the own interactions, a pass of the ratings over them for each fold."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from americano_assets.core.evaluation.folds import FOLDS, LEAST_LEARNERS_TO_FOLD
from americano_assets.core.evaluation.next_answer import (
    Answered,
    Foretold,
    foretell,
    is_tested,
    next_answer_report,
)
from americano_assets.core.features.skill_ratings import Keys, advance, initial_state
from americano_assets.core.features.skill_update import TOLD_NAMES
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_tables import Progress, chunks, learner_order, open_log
from americano_assets.evaluation.own_data import newest_day
from americano_assets.evaluation.run import Options
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.skill_ratings import answers_of, read_answers

_FOLDS = (
    f"{FOLDS} folds of learners: of a tested learner nothing was fitted, and objectives, items and coefficients were "
    "moved by the other learners alone, by what they answered on earlier study days; the learner's own ratings by "
    "each own answer before. The regression is fitted on the other learners, all their weeks."
)
_NOT_JUDGED = (
    "Not judged, though ratings are moved by them: what was skipped, what has no objective, and what was answered at "
    "the very instant of an answer before it, since which came first is not known."
)


class NextAnswers:
    """Graded interactions of a store, and who of their learners is fitted on and judged."""

    def __init__(
        self, store: ParquetStore, days: Mapping[date, Version], order: pd.DataFrame, moving: Keys, most: int
    ) -> None:
        """Nothing is read yet.

        Args:
            store: Where `interactions` lie.
            days: Their contents by study day.
            order: `learner_order` of those who may be looked at.
            moving: Sorted keys of the learners who move objectives, items and coefficients.
            most: So many interactions, or a little fewer, are fitted on and judged: those of whole learners.

        Raises:
            AmericanoError: There are too few learners to keep some apart.
        """
        if len(order) < LEAST_LEARNERS_TO_FOLD:
            raise AmericanoError(
                f"{len(order)} learners answered, too few to keep some apart: at least {LEAST_LEARNERS_TO_FOLD} are "
                "needed to foretell their next answers."
            )
        self._store, self._moving = store, moving
        self._days = {day: version for day, version in sorted(days.items()) if version.rows}
        # The order says nothing of the learners, so its beginning is a random sample of them.
        self.learners = len(order)
        self.kept = max(LEAST_LEARNERS_TO_FOLD, int((order["n"].cumsum() <= most).sum()))
        keys = keys_of(pa.array(order["learner_id"].head(self.kept)))
        by_key = np.argsort(keys)
        self._keys, self._place = keys[by_key], by_key.astype(np.int64)

    def foretold(self, right_from: float, progress: Progress) -> Iterator[Foretold]:
        """Each fold's answers; of those of no other fold more than a portion of days is held.

        Args:
            right_from: A score from which on an answer is right.
            progress: Told the step, how far it is, and of how much.
        """
        for fold in range(FOLDS):
            progress("foretelling answers of learners never seen", fold, FOLDS)
            yield foretell(Answered.of(list(self.answered(fold, right_from))), fold)
            progress("foretelling answers of learners never seen", fold + 1, FOLDS)

    def answered(self, fold: int, right_from: float) -> Iterator[Answered]:
        """What is fitted on and judged, a portion of days at a time, where nobody of a fold moves what others share."""
        tested = np.sort(self._keys[is_tested(self._place, fold)])
        counted = np.setdiff1d(self._moving, tested, assume_unique=True)
        state = initial_state()
        for days, _ in chunks((day, version.rows) for day, version in self._days.items()):
            rows = read_answers(self._store, {day: self._days[day] for day in days}, "occurred_at", "skipped")
            answers = answers_of(rows)
            told = np.empty((len(answers.day), len(TOLD_NAMES)))
            state = advance(state, answers, counted, told=told)
            at = np.minimum(np.searchsorted(self._keys, answers.learner), len(self._keys) - 1)
            at_once = np.zeros(len(rows), dtype=bool)
            moment = rows["occurred_at"].to_numpy()
            at_once[1:] = (answers.learner[1:] == answers.learner[:-1]) & (moment[1:] == moment[:-1])
            judged = (
                (self._keys[at] == answers.learner) & ~at_once & ~rows["skipped"].to_numpy() & (answers.objective > 0)
            )
            yield Answered(
                self._place[at][judged], answers.score[judged] >= right_from, told[judged].astype(np.float32)
            )


def next_answers_of_log(path: Path, options: Options, progress: Progress) -> dict[str, Any]:
    """The report on an interaction log; its files are made in a temporary folder and removed.

    Raises:
        AmericanoError: See log_reader.stage_log, `NextAnswers` and `_report`.
    """
    with TemporaryDirectory(prefix="americano-evaluate-") as folder:
        log = open_log(path, Path(folder), options.zone, options.target, progress, options.reading)
        order = learner_order(log.tables)
        everybody = np.sort(keys_of(pa.array(order["learner_id"])))
        answers = NextAnswers(
            log.tables.store, log.tables.inputs.days["interactions"], order, everybody, options.most_rows
        )
        facts = {
            "source": {"kind": "log", "name": path.name},
            "conversions": log.conversions,
            "notes": [*log.notes, _FOLDS, _NOT_JUDGED],
        }
        return _report(answers, options.target.struggle_below, options.set_by["struggle_below"], facts, progress)


def next_answers_of_own(settings: Settings, most_rows: int, progress: Progress) -> dict[str, Any]:
    """The report on what this deployment holds, without those who keep out of analyses.

    Raises:
        AmericanoError: There is nothing stored yet; see `NextAnswers` and `_report`.
    """
    deployment = Deployment(settings, claims=False)
    day = newest_day(deployment)
    tables = day_tables(deployment, day)
    allowed = deployment.analysable()
    order = learner_order(tables)
    order = order[order["learner_id"].isin(allowed)].reset_index(drop=True)
    moving = np.sort(keys_of(pa.array([one for one, counts in allowed.items() if counts], pa.string())))
    answers = NextAnswers(tables.store, tables.inputs.days["interactions"], order, moving, most_rows)
    facts = {
        "source": {"kind": "store", "name": f"This deployment up to study day {day}"},
        "conversions": [],
        "notes": [_FOLDS, _NOT_JUDGED],
    }
    return _report(answers, settings.americano_struggle_below, "AMERICANO_STRUGGLE_BELOW", facts, progress)


def _report(
    answers: NextAnswers, right_from: float, set_by: str, facts: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """The report.

    Raises:
        AmericanoError: Every answer is right, or none is.
    """
    folds = list(answers.foretold(right_from, progress))
    right = np.concatenate([one.answers.right for one in folds])
    if right.all() or not right.any():
        raise AmericanoError(
            f"Of {len(right):,} answers {int(right.sum()):,} are right, a score from {right_from:g} on being one: take "
            "another --struggle-below, that divides them."
        )
    sampled = answers.kept < answers.learners
    return next_answer_report(
        folds,
        {
            **facts,
            "right_from": right_from,
            "set_by": set_by,
            "learners": answers.learners,
            "sampled_learners": answers.kept if sampled else None,
        },
    )
