"""Two arms compared: an estimate with its interval, or the reason why there is none."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from americano_assets.core.base.arrays import FloatArray, IntArray
from americano_assets.core.interventions.measured_help import MIN_LEARNERS
from americano_assets.core.statistics.confidence_sequence import LEVEL, half_width

# A normal approximation needs some of both outcomes in each arm.
MIN_OF_EACH = 5
# Where intervals are sharpest: 3 points, at which an effect of 8 stands out, and the like on other scales.
SHARPEST_AT = {"struggle": 0.03, "unstudied": 0.03, "mean_score": 0.015, "answers": 0.3}


@dataclass(frozen=True)
class Comparison:
    """Treated minus holdout; None with a reason.

    Attributes:
        estimate: Difference, adjusted.
        low, high: Of the interval.
        standard_error: Clustered by learner.
        rate_treated, rate_holdout: Plain means of the arms.
        n_treated, n_holdout: Episodes.
        learners_treated, learners_holdout: Learners with episodes in an arm; with `unit` episode most are in both.
        bound_low, bound_high: What the estimate could be at the least and the most, were study not selective; only of
            comparisons that selection touches.
        reason: Why there is no estimate.
    """

    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    rate_treated: float | None = None
    rate_holdout: float | None = None
    n_treated: int = 0
    n_holdout: int = 0
    learners_treated: int = 0
    learners_holdout: int = 0
    bound_low: float | None = None
    bound_high: float | None = None
    reason: str | None = None


def compared(rows: pd.DataFrame, outcome: str, *, least: int = MIN_LEARNERS, cluster: str = "user_id") -> Comparison:
    """The average effect on an outcome, adjusted for p.

    Least squares of the outcome on the arm, p centred on its mean, and their product (Lin, Annals of Applied
    Statistics 7, 2013): unbiased to the first order whatever p has to do with the outcome, and never less precise than
    the plain difference. Standard errors are clustered (Liang and Zeger, 1986) by learner; the interval stays valid
    under nightly looks.

    Args:
        rows: One an episode: `treated`, `probability`, the outcome, and the cluster.
        outcome: Column, a key of SHARPEST_AT.
        least: Clusters that each arm must have.
        cluster: Whose rows are not independent.
    """
    found = counted(rows, outcome, cluster)
    reason = too_few(rows, outcome, found, least, cluster)
    if reason:
        return replace(found, reason=reason)
    treated, p = _float(rows["treated"]), _float(rows["probability"])
    centred = p - p.mean()
    design = np.column_stack([np.ones(len(rows)), treated, centred, treated * centred])
    estimate, error = (values[1] for values in _fitted(design, _float(rows[outcome]), codes(rows[cluster])))
    return with_interval(found, float(estimate), float(error), SHARPEST_AT[outcome], LEVEL)


def counted(rows: pd.DataFrame, outcome: str, cluster: str = "user_id") -> Comparison:
    """How many there are in each arm, and how they fared; nothing compared yet."""
    arms = rows["treated"].astype(bool)
    one, other = rows[arms], rows[~arms]
    return Comparison(
        rate_treated=float(one[outcome].mean()) if len(one) else None,
        rate_holdout=float(other[outcome].mean()) if len(other) else None,
        n_treated=len(one),
        n_holdout=len(other),
        learners_treated=int(one[cluster].nunique()),
        learners_holdout=int(other[cluster].nunique()),
    )


def too_few(rows: pd.DataFrame, outcome: str, found: Comparison, least: int, cluster: str = "user_id") -> str | None:
    """Why these rows say nothing yet, or None."""
    word = "learners" if cluster == "user_id" else "objectives"
    if min(found.learners_treated, found.learners_holdout) < least:
        return (
            f"Insufficient data: {found.learners_treated} {word} treated and {found.learners_holdout} held out have "
            f"closed episodes; {least} are needed in each arm."
        )
    if outcome in ("struggle", "unstudied"):
        for arm, name in ((True, "treated"), (False, "holdout")):
            values = rows.loc[rows["treated"].astype(bool) == arm, outcome].astype(bool)
            rarest = int(min(values.sum(), (~values).sum()))
            if rarest < MIN_OF_EACH:
                return (
                    f"Insufficient data: in the {name} arm only {rarest} episodes ended one way; {MIN_OF_EACH} needed."
                )
    return None


def with_interval(found: Comparison, estimate: float, error: float, sharpest_at: float, level: float) -> Comparison:
    """The comparison with its estimate, or with the reason why that has no interval."""
    if not (np.isfinite(error) and error > 0):
        return replace(found, reason="Insufficient data: the outcomes do not vary enough for an interval.")
    reach = half_width(error, sharpest_at, level)
    return replace(found, estimate=estimate, low=estimate - reach, high=estimate + reach, standard_error=error)


def bounded(rows: pd.DataFrame, found: Comparison) -> Comparison:
    """The comparison of studied episodes, with bounds for who was studied because of the help, or in spite of it.

    Lee (Review of Economic Studies 76, 2009): the arm in which more was studied is trimmed by the excess, once by its
    struggles and once by its other episodes, in the extreme. Assumes that help moves study in one direction only. The
    interval holds both bounds; their standard errors are jackknifed over learners, and what is unlike between the
    trimmed and the kept is not adjusted for p.

    Args:
        rows: All episodes, studied or not: `treated`, `studied`, `struggle`, `user_id`.
        found: The comparison of those that were studied.
    """
    if found.estimate is None:
        return found
    learner = codes(rows["user_id"])
    treated, studied, struggle = (rows[name].to_numpy(bool) for name in ("treated", "studied", "struggle"))
    sums = np.column_stack(
        [
            np.bincount(learner, arm & what, minlength=learner.max() + 1)
            for arm in (treated, ~treated)
            for what in (np.ones_like(studied), studied, struggle)
        ]
    )
    whole = _lee(sums.sum(axis=0)[None, :])[0]
    left_out = _lee(sums.sum(axis=0) - sums)
    count = len(sums)
    errors = np.sqrt((count - 1) / count * np.square(left_out - left_out.mean(axis=0)).sum(axis=0))
    if not (np.isfinite(errors).all() and (errors > 0).all()):
        return replace(found, bound_low=float(whole[0]), bound_high=float(whole[1]))
    reach = [half_width(float(error), SHARPEST_AT["struggle"], LEVEL) for error in errors]
    return replace(
        found,
        bound_low=float(whole[0]),
        bound_high=float(whole[1]),
        low=float(whole[0]) - reach[0],
        high=float(whole[1]) + reach[1],
    )


def _lee(sums: FloatArray) -> FloatArray:
    """Lower and upper bound for each row of (n, studied, struggled) of both arms: shape (rows, 2)."""
    share, mean = [], []
    for first in (0, 3):
        n, studied, struggled = sums[:, first : first + 3].T
        share.append(studied / n)
        mean.append(struggled / studied)
    excess = [np.clip(1 - share[1 - arm] / share[arm], 0, None) for arm in (0, 1)]
    ends = [
        (np.clip((mean[arm] - excess[arm]) / (1 - excess[arm]), 0, 1), np.clip(mean[arm] / (1 - excess[arm]), 0, 1))
        for arm in (0, 1)
    ]
    return np.column_stack([ends[0][0] - ends[1][1], ends[0][1] - ends[1][0]])


def by_type(rows: pd.DataFrame, types: list[str], *, level: float = LEVEL) -> dict[str, Comparison]:
    """What each type of intervention adds, given the others that were chosen for the same episode.

    One model over all episodes for which anything was chosen: the outcome on which types were chosen, on each of them
    with the arm, on p and on p with the arm. Effects of types are taken to add up. Comparing the arms over the episodes
    of one type instead would credit it with what its companions did.

    Args:
        rows: As for `compared`, with `struggle` and a Boolean column for each type.
        types: Columns.
        level: Of a type's interval; divide the error by the number of types to name those that work.
    """
    rows = rows[rows[types].any(axis=1)] if len(rows) else rows
    found = {kind: counted(rows[rows[kind]], "struggle") for kind in types}
    short = {kind: too_few(rows[rows[kind]], "struggle", found[kind], MIN_LEARNERS) for kind in types}
    known = [kind for kind in types if short[kind] is None]
    result = {kind: replace(found[kind], reason=reason) for kind, reason in short.items() if reason is not None}
    if not known:
        return result
    treated, p, chosen = _float(rows["treated"]), _float(rows["probability"]), rows[types].to_numpy(dtype=float)
    centred = p - p.mean()
    # Rare types keep their place in the model, so that what they do is not taken for the work of others.
    base = np.column_stack([np.ones(len(rows)), chosen, centred, treated * centred])
    design = np.column_stack([chosen * treated[:, None], base])
    design = design[:, design.any(axis=0) | (np.arange(design.shape[1]) < len(types))]
    rank = np.linalg.matrix_rank(design)
    values, errors = _fitted(design, _float(rows["struggle"]), codes(rows["user_id"]))
    for place, kind in enumerate(types):
        if kind not in known:
            continue
        if np.linalg.matrix_rank(np.delete(design, place, axis=1)) == rank:
            result[kind] = replace(found[kind], reason="Always chosen together with others: it cannot be told apart.")
        else:
            result[kind] = with_interval(
                found[kind], float(values[place]), float(errors[place]), SHARPEST_AT["struggle"], level
            )
    return result


def codes(values: pd.Series) -> IntArray:
    """Numbers 0, 1, … for the distinct values."""
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)


def _float(values: Any) -> FloatArray:
    return np.asarray(values, dtype=float)


def _fitted(design: FloatArray, outcome: FloatArray, groups: IntArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients and their clustered standard errors."""
    with warnings.catch_warnings():
        # Of a covariance that is not of full rank: said by the ranks above.
        warnings.simplefilter("ignore")
        fit = OLS(outcome, design).fit(cov_type="cluster", cov_kwds={"groups": groups})
        return np.asarray(fit.params), np.asarray(fit.bse)
