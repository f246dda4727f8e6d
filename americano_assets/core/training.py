"""Fits, calibrates, chooses the threshold and measures, all on rows that are handed in."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from americano_assets.core.features import EXTENDED_NAMES, FEATURE_NAMES
from americano_assets.core.logistic import LogisticModel, TooLittleDataError, fit_logistic, importance
from americano_assets.core.metrics import Calibration, calibration_bins, figures, threshold_for_recall
from americano_assets.core.risk import MEDIUM_RISK
from americano_assets.core.rules import cold_start
from americano_assets.core.scoring import Scorer

RECALL_AIM = 0.75
RECENT_WEEKS = 26
RULES = "rule_based"
LOGISTIC = "logistic_regression"
FALLBACK_RATE = 0.5


@dataclass(frozen=True)
class Candidate:
    """One model as it would score a night, with its figures on the test rows and its calibration curve there."""

    model_type: str
    scorer: Scorer
    figures: dict[str, float | None]
    figures_active: dict[str, float | None]
    curve: Calibration | None


@dataclass(frozen=True)
class Training:
    """What a training set taught.

    Attributes:
        candidates: By model type; the rules are always there.
        chosen: The model type that scores.
        why: Why that one, in a sentence.
        importance: Each feature's share of the chosen model, 0-1.
        rows: Rows and learners of each split, and the cold-start share of the test rows.
    """

    candidates: dict[str, Candidate]
    chosen: str
    why: str
    importance: dict[str, float]
    rows: dict[str, float]


def train(rows: pd.DataFrame, wanted: str) -> Training:
    """Train on a training set with its splits.

    Args:
        rows: As schemas.TRAINING_SET; may be empty.
        wanted: `auto`, or the one model type that may be chosen.

    Raises:
        TooLittleDataError: `wanted` is a trained model and the rows cannot carry one.
    """
    parts = {name: rows[rows["split"] == name] for name in ("train", "calibration", "test")}
    rate = float(parts["train"]["struggled"].mean()) if len(parts["train"]) else FALLBACK_RATE
    scorers = {RULES: Scorer(None, rate, MEDIUM_RISK)}
    why = "MODEL_TYPE asks for the rules"
    if wanted != RULES:
        try:
            model = fit_logistic(parts["train"], parts["calibration"])
            scorers[LOGISTIC] = Scorer(model, rate, 0.5)
        except TooLittleDataError as error:
            if wanted == LOGISTIC:
                raise
            why = f"the rules score: {error}"
    recent = _recent(parts["calibration"])
    candidates = {
        name: _measure(name, _with_threshold(scorer, recent), parts["test"]) for name, scorer in scorers.items()
    }
    chosen = RULES
    if LOGISTIC in candidates:
        chosen, why = _choose(candidates, wanted)
    logistic = candidates[chosen].scorer.logistic
    nothing = dict.fromkeys(FEATURE_NAMES + EXTENDED_NAMES, 0.0)
    return Training(
        candidates,
        chosen,
        why,
        importance(logistic) if isinstance(logistic, LogisticModel) else nothing,
        _row_counts(parts, len(rows)),
    )


def _choose(candidates: dict[str, Candidate], wanted: str) -> tuple[str, str]:
    if wanted == LOGISTIC:
        return LOGISTIC, "MODEL_TYPE asks for the logistic regression"
    model, rules = (candidates[name].figures["log_loss"] for name in (LOGISTIC, RULES))
    if model is None or rules is None:
        return RULES, "the rules score: no held-out rows to compare on"
    if model < rules:
        return LOGISTIC, f"log loss on held-out learners {model:.4f}, the rules {rules:.4f}"
    return (
        RULES,
        f"the trained model's log loss on held-out learners, {model:.4f}, does not beat the rules' {rules:.4f}",
    )


def _with_threshold(scorer: Scorer, calibration: pd.DataFrame) -> Scorer:
    warm = calibration[~cold_start(calibration)] if len(calibration) else calibration
    if not len(warm) or not warm["struggled"].any():
        return scorer
    threshold = threshold_for_recall(warm["struggled"].to_numpy(dtype=bool), scorer.probability(warm), RECALL_AIM)
    return Scorer(scorer.logistic, scorer.cohort_rate, threshold)


def _measure(name: str, scorer: Scorer, test: pd.DataFrame) -> Candidate:
    if not len(test):
        nothing = figures(np.array([], dtype=bool), np.array([]), np.array([], dtype=bool))
        return Candidate(name, scorer, nothing, nothing, None)
    struggled = test["struggled"].to_numpy(dtype=bool)
    p = scorer.probability(test)
    flagged = scorer.flagged(test, p)
    active = ~cold_start(test)
    return Candidate(
        name,
        scorer,
        figures(struggled, p, flagged),
        figures(struggled[active], p[active], flagged[active]),
        calibration_bins(struggled, p),
    )


def _recent(calibration: pd.DataFrame) -> pd.DataFrame:
    """The most recent half year of the calibration rows: the threshold should suit the present term."""
    if calibration.empty:
        return calibration
    days = pd.to_datetime(calibration["cutoff_day"])
    return calibration[days > days.max() - pd.Timedelta(weeks=RECENT_WEEKS)]


def _row_counts(parts: dict[str, pd.DataFrame], total: int) -> dict[str, float]:
    counts: dict[str, float] = {"rows": float(total)}
    for name, part in parts.items():
        counts[f"{name}_rows"] = float(len(part))
        counts[f"{name}_learners"] = float(part["learner_id"].nunique())
    test = parts["test"]
    if len(test):
        counts["test_cold_share"] = float(cold_start(test).mean())
    return counts
