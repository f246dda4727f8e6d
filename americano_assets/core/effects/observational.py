"""What can be said without a holdout: who applied the help against who did not, adjusted, checked, and labelled so.

Sources: Robins, Rotnitzky and Zhao, JASA 89 (1994), for AIPW; Crump, Hotz, Imbens and Mitnik, Biometrika 96 (2009), for
the region of overlap; placebo outcomes after Imbens and Rubin, Causal Inference (2015), chapter 21.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from americano_assets.core.base.arrays import BoolArray, FloatArray, logit
from americano_assets.core.effects.randomized import SHARPEST_AT, Comparison, codes, counted, too_few, with_interval
from americano_assets.core.interventions.measured_help import MIN_LEARNERS
from americano_assets.core.statistics.confidence_sequence import LEVEL

# Outside of it a few rows would carry the whole estimate.
OVERLAP = (0.1, 0.9)
LEAST_OVERLAP = 0.5
_PLACEBO = "earlier_struggle"
_HISTORY = ("history_n", "history_struggle", "history_applied", _PLACEBO)


@dataclass(frozen=True)
class Observed:
    """An adjusted comparison and its checks.

    Attributes:
        naive: The plain difference, which who applies help and who does not is free to distort.
        adjusted: AIPW over the region of overlap.
        placebo: The same for the outcome of the episode before, which nothing done later can have changed: it should
            hold 0. None where too few have one.
        overlap: Share of episodes whose chance of being helped lies in OVERLAP.
    """

    naive: float | None
    adjusted: Comparison
    placebo: Comparison | None
    overlap: float | None


def observed(rows: pd.DataFrame) -> Observed:
    """The adjusted difference in struggles between episodes whose learners applied help and the others.

    Adjusts for p (its log-odds) and the learner's history up to the first flag: the share of struggles among earlier
    closed episodes, how many there were, how often help was applied. Each nuisance is fitted on half of the learners
    and used on the other half, so that no episode is judged by a model that saw it.

    Args:
        rows: As `with_history` returns them, with `treated`: whether help was applied.
    """
    found = counted(rows, "struggle")
    reason = too_few(rows, "struggle", found, MIN_LEARNERS)
    if reason:
        return Observed(None, replace(found, reason=reason.replace("held out", "not")), None, None)
    if found.rate_treated is None or found.rate_holdout is None:
        raise ValueError("compared arms have rates")
    naive = found.rate_treated - found.rate_holdout
    adjusted, overlap = _aipw(rows, "struggle", _covariates(rows), found)
    before = rows[rows[_PLACEBO].notna()]
    before = before.assign(struggle=before[_PLACEBO].astype(bool))
    placebo: Comparison | None = counted(before, "struggle")
    if placebo is not None and too_few(before, "struggle", placebo, MIN_LEARNERS):
        placebo = None
    elif placebo is not None:
        placebo, _ = _aipw(before, "struggle", _covariates(before), placebo)
    if overlap < LEAST_OVERLAP:
        reason = (
            f"Insufficient overlap: only {overlap:.0%} of episodes had a chance of being helped between "
            f"{OVERLAP[0]:.0%} and {OVERLAP[1]:.0%}; who is helped and who is not cannot be compared."
        )
        adjusted = replace(adjusted, estimate=None, low=None, high=None, standard_error=None, reason=reason)
    elif placebo is not None and not _holds_zero(placebo):
        reason = (
            "The placebo check failed: those who applied help differed already before it could have helped, after "
            "all adjustment. The estimate says nothing of the help."
        )
        adjusted = replace(adjusted, reason=reason)
    return Observed(naive, adjusted, placebo, overlap)


def with_history(ledger: pd.DataFrame) -> pd.DataFrame:
    """Add what was known of each learner at each first flag.

    Args:
        ledger: One row an episode: `user_id`, `flagged_at`, `outcome_at`, `struggle`, `treated`, `prediction_id`.

    Returns:
        With `history_n`, `history_struggle` and `history_applied`: number, shrunk share of struggles and share applied
        among the learner's episodes that had closed by then, but for the last of these, whose struggle is
        `earlier_struggle` (null: none had closed).
    """
    columns: dict[str, list[FloatArray]] = {name: [] for name in _HISTORY}
    order = []
    for _, own in ledger.sort_values(["flagged_at", "prediction_id"], kind="stable").groupby("user_id", sort=True):
        closed_in_order = own.sort_values(["outcome_at", "prediction_id"], kind="stable")
        ends = closed_in_order["outcome_at"].to_numpy()
        struggles = np.concatenate([[0.0], np.cumsum(closed_in_order["struggle"].to_numpy(dtype=float))])
        applied = np.concatenate([[0.0], np.cumsum(closed_in_order["treated"].to_numpy(dtype=float))])
        closed = np.searchsorted(ends, own["flagged_at"].to_numpy(), side="right")
        known = np.maximum(closed - 1, 0)
        order.append(own.index.to_numpy())
        columns["history_n"].append(known.astype(float))
        columns["history_struggle"].append((struggles[known] + 1) / (known + 2))
        columns["history_applied"].append((applied[known] + 1) / (known + 2))
        columns[_PLACEBO].append(np.where(closed > 0, struggles[closed] - struggles[known], np.nan))
    if not order:
        return ledger.assign(**{name: pd.Series(dtype=float) for name in columns})
    index = np.concatenate(order)
    return ledger.assign(
        **{name: pd.Series(np.concatenate(parts), index=index, dtype=float) for name, parts in columns.items()}
    )


def _holds_zero(found: Comparison) -> bool:
    return found.low is None or found.high is None or found.low <= 0 <= found.high


def _covariates(rows: pd.DataFrame) -> FloatArray:
    p = logit(np.clip(rows["probability"].to_numpy(dtype=float), 0.001, 0.999))
    columns = [
        p,
        np.square(p),
        rows["history_struggle"].to_numpy(dtype=float),
        np.log1p(rows["history_n"].to_numpy(dtype=float)),
        rows["history_applied"].to_numpy(dtype=float),
    ]
    standardised = [(c - c.mean()) / c.std() for c in columns if c.std() > 0]
    return np.column_stack([np.ones(len(rows)), *standardised])


def _aipw(rows: pd.DataFrame, outcome: str, covariates: FloatArray, found: Comparison) -> tuple[Comparison, float]:
    """The estimate over the region of overlap, and the share of episodes that lie in it."""
    y, treated = rows[outcome].to_numpy(dtype=float), rows["treated"].to_numpy(dtype=bool)
    learner = codes(rows["user_id"])
    half = learner % 2 == 0
    chance, if_treated, if_not = np.empty(len(y)), np.empty(len(y)), np.empty(len(y))
    for used in (half, ~half):
        fitted = ~used
        chance[used] = _propensity(covariates[fitted], treated[fitted], covariates[used])
        for arm, result in ((True, if_treated), (False, if_not)):
            own = fitted & (treated == arm)
            result[used] = covariates[used] @ OLS(y[own], covariates[own]).fit().params
    inside = (chance >= OVERLAP[0]) & (chance <= OVERLAP[1])
    share = float(inside.mean())
    if not inside.any():
        return replace(found, reason="Insufficient overlap: nobody's help was in doubt."), share
    score = if_treated - if_not
    score = score + np.where(treated, (y - if_treated) / chance, -(y - if_not) / (1 - chance))
    score, learner = score[inside], learner[inside]
    estimate = float(score.mean())
    sums = np.bincount(learner, score - estimate)
    groups = len(np.unique(learner))
    error = float(np.sqrt(np.square(sums).sum() * groups / max(groups - 1, 1))) / len(score)
    return with_interval(found, estimate, error, SHARPEST_AT["struggle"], LEVEL), share


def _propensity(covariates: FloatArray, treated: BoolArray, wanted: FloatArray) -> FloatArray:
    try:
        fit = Logit(treated.astype(float), covariates).fit(disp=False, maxiter=50)
    except (PerfectSeparationError, np.linalg.LinAlgError):
        # Told apart without a doubt, or without a difference: outside of any overlap.
        return np.zeros(len(wanted))
    return np.asarray(fit.predict(wanted), dtype=float)
