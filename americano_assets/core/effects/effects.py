"""What the help changed: every comparison that a study day reports, over whom and since when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED
from americano_assets.core.effects.observational import observed, with_history
from americano_assets.core.effects.randomized import Comparison, bounded, by_type, compared
from americano_assets.core.publication.random_assignment import EPISODE, LEARNER
from americano_assets.core.statistics.confidence_sequence import LEVEL

# By chance, on episodes that learners could have seen; by chance, on replays, where nothing reached anybody and the
# truth is 0; not by chance.
EXPERIMENT, REHEARSAL, OBSERVATIONAL = "experiment", "rehearsal", "observational"
INTENTION_TO_TREAT, STUDIED_ONLY, UNSTUDIED = "intention_to_treat", "studied_only", "unstudied"
MEAN_SCORE, ANSWERS = "mean_score", "answers"
FIRST_FLAG_ONLY = "first_flag_only"
# So many days; None: since the beginning.
PERIODS = {"week": 7, "month": 30, "all": None}
# Within one learner, objectives are what chance drew; each arm needs so many.
MIN_OBJECTIVES = 20
METHODS = {
    EXPERIMENT: "holdout by chance; least squares on arm, p and their product (Lin 2013); errors clustered by learner; "
    "95 % interval valid under nightly looks (asymptotic confidence sequence)",
    REHEARSAL: "as the experiment, on replayed episodes: nothing reached anybody, so the truth is 0",
    OBSERVATIONAL: "no chance in it: help applied against not, AIPW on p and history (cross-fitted, errors clustered "
    "by learner), over the region of overlap",
}
TYPE_METHOD = (
    "holdout by chance; all types in one model, effects taken to add up; errors clustered by learner; 95 % for all "
    "types at once (Bonferroni), valid under nightly looks"
)
# The unit that is drawn, and the share that is held out.
Design = tuple[str, float]


@dataclass(frozen=True)
class Effect:
    """One comparison of one study day.

    Attributes:
        evidence: EXPERIMENT, REHEARSAL or OBSERVATIONAL.
        scope: all, course, learner or type.
        scope_id: Of the course or learner; the type.
        period: A key of PERIODS: episodes whose window closed in it.
        estimand: INTENTION_TO_TREAT (struggle rate over all flagged episodes), STUDIED_ONLY (of those studied),
            UNSTUDIED (share not studied: attrition), FIRST_FLAG_ONLY (of each draw the first episode alone: whether
            there are others may be the work of the help), MEAN_SCORE (of those graded), ANSWERS (graded answers in the
            window: fewer is time saved).
        comparison: The figures.
        details: What else is worth keeping, by name.
    """

    evidence: str
    scope: str
    scope_id: str
    period: str
    estimand: str
    method: str
    comparison: Comparison
    details: dict[str, Any] = field(default_factory=dict)


def effects(ledger: pd.DataFrame, cutoff: datetime) -> list[Effect]:
    """All comparisons that can be made, or why they cannot.

    Args:
        ledger: One row a closed episode of a learner who may be counted: `prediction_id`, `user_id`,
            `learning_objective_id`, `course_id`, `arm`, `unit`, `holdout_share`, `eligible`, `live`, `probability`,
            `flagged_at`, `outcome_at`, `studied`, `struggle` (False where not studied), `mean_score`, `answers`,
            `intervention_types`, `applied_types` (lists).
        cutoff: Now, naive, UTC.
    """
    ledger = _with_arms(ledger)
    experiment, rehearsal = (
        _of_design(rows, newest_design(rows))
        for rows in (ledger[ledger["eligible"] & ledger["live"]], ledger[ledger["eligible"] & ~ledger["live"]])
    )
    found = [*_by_chance(EXPERIMENT, experiment, cutoff)]
    found += [
        _primary(REHEARSAL, "all", "", period, rows) for period, rows in _by_period(rehearsal, cutoff) if len(rehearsal)
    ]
    if not (experiment["arm"] == HOLDOUT).any():
        found.append(_observational(ledger))
    return found


def own_effects(ledger: pd.DataFrame, cutoff: datetime, design: Design | None) -> list[Effect]:
    """Of each learner with enough objectives the effect within them, as `effects` has it.

    Args:
        ledger: As for `effects`; all rows of each learner.
        cutoff: Now, naive, UTC.
        design: That of the experiment, as `newest_design` of all its episodes.
    """
    ledger = _with_arms(ledger)
    rows = _of_design(ledger[ledger["live"] & ledger["eligible"]], design)
    return [one for period, inside in _by_period(rows, cutoff) for one in _of_learners(EXPERIMENT, period, inside)]


def newest_design(rows: pd.DataFrame) -> Design | None:
    """As which unit and with what share the newest of some episodes was drawn; None of none."""
    if rows.empty:
        return None
    newest = rows.sort_values(["flagged_at", "prediction_id"], kind="stable").iloc[-1]
    return newest["unit"], newest["holdout_share"]


def _with_arms(ledger: pd.DataFrame) -> pd.DataFrame:
    return ledger.assign(treated=ledger["arm"] == TREATED, unstudied=~ledger["studied"].astype(bool))


def _of_design(rows: pd.DataFrame, design: Design | None) -> pd.DataFrame:
    """The episodes that were drawn as the newest one was: shares mixed over time would be mixed up with time."""
    if design is None:
        return rows
    same: pd.Series[bool] = (rows["unit"] == design[0]) & (rows["holdout_share"] == design[1])
    return rows.loc[same]


def _by_period(rows: pd.DataFrame, cutoff: datetime) -> Iterator[tuple[str, pd.DataFrame]]:
    for period, days in PERIODS.items():
        yield period, rows if days is None else rows[rows["outcome_at"] > cutoff - timedelta(days=days)]


def _by_chance(evidence: str, rows: pd.DataFrame, cutoff: datetime) -> Iterator[Effect]:
    for period, inside in _by_period(rows, cutoff):
        scopes: list[tuple[str, str, pd.DataFrame]] = [("all", "", inside)]
        scopes += [("course", str(course), part) for course, part in inside.groupby("course_id", sort=True)]
        for scope, scope_id, part in scopes:
            yield _primary(evidence, scope, scope_id, period, part)
            yield from _secondary(evidence, scope, scope_id, period, part)
        yield from of_types(evidence, period, inside)
        yield from _of_learners(evidence, period, inside)


def _primary(evidence: str, scope: str, scope_id: str, period: str, rows: pd.DataFrame) -> Effect:
    return Effect(evidence, scope, scope_id, period, INTENTION_TO_TREAT, METHODS[evidence], compared(rows, "struggle"))


def _secondary(evidence: str, scope: str, scope_id: str, period: str, rows: pd.DataFrame) -> Iterator[Effect]:
    studied = rows[rows["studied"].astype(bool)]
    graded = rows[rows["mean_score"].notna()]
    for estimand, comparison in (
        (FIRST_FLAG_ONLY, compared(_first_of_each_draw(rows), "struggle")),
        (STUDIED_ONLY, bounded(rows, compared(studied, "struggle"))),
        (UNSTUDIED, compared(rows, "unstudied")),
        (MEAN_SCORE, compared(graded.assign(mean_score=graded["mean_score"].astype(float)), "mean_score")),
        (ANSWERS, compared(rows, "answers")),
    ):
        yield Effect(evidence, scope, scope_id, period, estimand, METHODS[evidence], comparison)


def _first_of_each_draw(rows: pd.DataFrame) -> pd.DataFrame:
    drawn = ["user_id"] if rows["unit"].eq(LEARNER).all() else ["user_id", "learning_objective_id"]
    return rows.sort_values(["flagged_at", "prediction_id"], kind="stable").drop_duplicates(drawn)


def of_types(evidence: str, period: str, rows: pd.DataFrame) -> Iterator[Effect]:
    """What each type of intervention adds, at a level that holds for all types at once."""
    types = sorted({kind for kinds in rows["intervention_types"] for kind in kinds})
    if not types:
        return
    chosen = rows.assign(**{kind: [kind in kinds for kinds in rows["intervention_types"]] for kind in types})
    for kind, comparison in by_type(chosen, types, level=1 - (1 - LEVEL) / len(types)).items():
        shown = chosen[chosen[kind] & chosen["treated"]]
        # An array: of no rows a list would be one of no columns.
        applied = shown[np.array([kind in kinds for kinds in shown["applied_types"]], dtype=bool)]
        after = applied[applied["studied"].astype(bool)]
        details = {
            "applications": len(applied),
            "success_rate": float(1 - after["struggle"].mean()) if len(after) else None,
        }
        yield Effect(evidence, "type", kind, period, INTENTION_TO_TREAT, TYPE_METHOD, comparison, details)


def _of_learners(evidence: str, period: str, rows: pd.DataFrame) -> Iterator[Effect]:
    """Learners with enough objectives in both arms; of the others the reason is the same for all."""
    rows = rows[rows["unit"] == EPISODE]
    if rows.empty:
        return
    drawn = rows.groupby(["user_id", "treated"])["learning_objective_id"].nunique().unstack(fill_value=0)
    enough = drawn.index[(drawn.reindex(columns=[False, True], fill_value=0) >= MIN_OBJECTIVES).all(axis=1)]
    for learner, own in rows[rows["user_id"].isin(enough)].groupby("user_id", sort=True):
        comparison = compared(own, "struggle", least=MIN_OBJECTIVES, cluster="learning_objective_id")
        yield Effect(evidence, "learner", str(learner), period, INTENTION_TO_TREAT, METHODS[evidence], comparison)


def _observational(ledger: pd.DataFrame) -> Effect:
    """Applied against not, among those that were shown help."""
    shown = ledger[ledger["live"] & ledger["treated"] & ledger["intervention_types"].map(len).gt(0)]
    shown = with_history(shown.assign(treated=shown["applied_types"].map(len).gt(0)))
    found = observed(shown)
    details: dict[str, Any] = {"naive": found.naive, "overlap": found.overlap}
    if found.placebo is not None:
        details |= {"placebo": found.placebo.estimate, "placebo_interval": [found.placebo.low, found.placebo.high]}
    return Effect(OBSERVATIONAL, "all", "", "all", INTENTION_TO_TREAT, METHODS[OBSERVATIONAL], found.adjusted, details)
