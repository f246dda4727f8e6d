"""Which rows teach, which calibrate, which judge; and what every model says of the rows that judge."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray, IntArray
from americano_assets.core.evaluation.baselines import fit_baselines
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.statistics.cluster_bootstrap import LEAST_LEARNERS
from americano_assets.core.training.fit_trees import outcomes
from americano_assets.core.training.flagging import LIKELY, Flags, choose, threshold_told
from americano_assets.core.training.train import train

FOLDS = 5
# Below this a fifth of the learners is too few to judge anything; time is split instead.
LEAST_LEARNERS_TO_FOLD = 2 * LEAST_LEARNERS
_TRAIN_SHARE, _CALIBRATION_SHARE = 0.6, 0.2


@dataclass(frozen=True)
class Fold:
    """One division of the rows.

    Attributes:
        name: What it is called in reports.
        train, calibration, test: Places of rows, no place in two of them.
        by_time: Learners stand in several parts; what the training must not mix are then weeks, not learners.
    """

    name: str
    train: IntArray
    calibration: IntArray
    test: IntArray
    by_time: bool = False


@dataclass(frozen=True)
class Judged:
    """What one fold's models said of its test rows.

    Attributes:
        fold: The fold.
        chosen: The model that the training would let score a night.
        why: Why that one, in a sentence.
        order: The trained models in the order in which the gate was asked, decided on the calibration rows.
        probability: By model, shape (test rows,).
        flagged: By model, shape (test rows,).
        threshold: By model, chosen on the calibration rows; None where the rule needs none.
        threshold_told: By model that has one: what its threshold does on the rows that it was chosen on.
        confidence: Of each model that has one, shape (test rows,).
    """

    fold: Fold
    chosen: str
    why: str
    order: tuple[str, ...]
    probability: dict[str, FloatArray]
    flagged: dict[str, BoolArray]
    threshold: dict[str, float | None]
    threshold_told: dict[str, str]
    confidence: dict[str, FloatArray]


def learner_folds(learner: IntArray) -> list[Fold]:
    """Each fold tests learners that neither its models nor their calibration and threshold have seen.

    Learner i is tested in fold i mod FOLDS, calibrates the fold before that, and trains the others.

    Args:
        learner: Number of each row's learner, in an order that says nothing of them.
    """
    group = learner % FOLDS
    return [
        Fold(
            f"learners {number + 1} of {FOLDS}",
            np.flatnonzero((group != number) & (group != (number + 1) % FOLDS)),
            np.flatnonzero(group == (number + 1) % FOLDS),
            np.flatnonzero(group == number),
        )
        for number in range(FOLDS)
    ]


def time_split(cutoff_day: pd.Series, horizon_days: int) -> Fold:
    """The last fifth of the cut-offs tests, the fifth before calibrates, the windows that closed before that train.

    For too few learners to fold. A part's windows close before the next part's first cut-off, so no part has seen
    another's outcomes; at the seams rows go unused.

    Args:
        cutoff_day: Cut-off of each row.
        horizon_days: H.
    """
    day = pd.to_datetime(cutoff_day).to_numpy().astype("datetime64[D]").astype(np.int64)
    cutoffs = np.unique(day)
    at = [int(len(cutoffs) * share) for share in (_TRAIN_SHARE, _TRAIN_SHARE + _CALIBRATION_SHARE)]
    if len(cutoffs) < 3:
        nothing = np.array([], dtype=np.int64)
        return Fold("later weeks", nothing, nothing, np.arange(len(day)), by_time=True)
    calibrates, tests = cutoffs[max(at[0], 1)], cutoffs[max(at[1], 2)]
    return Fold(
        "later weeks",
        np.flatnonzero(day + horizon_days <= calibrates),
        np.flatnonzero((day >= calibrates) & (day + horizon_days <= tests)),
        np.flatnonzero(day >= tests),
        by_time=True,
    )


def judge(rows: pd.DataFrame, fold: Fold, *, own_names: bool = False) -> Judged:
    """Train on a fold and say what each model and each rule of thumb makes of its test rows.

    Args:
        rows: As schemas.TRAINING_SET with the columns of evaluation/sql/record.sql and `learner`, a number.
        fold: The division.
        own_names: The training is to be exactly the one that a night does, names and all.
    """
    split = np.full(len(rows), "unused", dtype=object)
    for name in ("train", "calibration", "test"):
        split[getattr(fold, name)] = name
    # Neither names nor the order of rows reach the models: both are told by numbers that the log alone decides.
    groups = rows["cutoff_day"].astype(str) if fold.by_time else rows["learner"]
    taught = rows.copy(deep=False)
    taught["split"], taught["learner_id"] = split, rows["learner_id"] if own_names else groups
    training = train(taught, "auto")
    test, calibration = rows.iloc[fold.test], rows.iloc[fold.calibration]
    probability: dict[str, FloatArray] = {}
    flagged: dict[str, BoolArray] = {}
    threshold: dict[str, float | None] = {}
    told: dict[str, str] = {}
    confidence: dict[str, FloatArray] = {}
    for name, candidate in training.candidates.items():
        p = candidate.scorer.probability(test)
        probability[name], flagged[name] = p, candidate.scorer.flagged(test, p)
        threshold[name], told[name] = candidate.scorer.threshold, candidate.threshold_told
        confidence[name] = candidate.scorer.confidence(test, p)
    for name, baseline in fit_baselines(rows.iloc[fold.train], calibration).items():
        p = baseline.probability(test)
        at = None
        if baseline.flagged is None:
            warm = calibration[~cold_start(calibration)]
            struggled, p_warm, known = outcomes(warm), baseline.probability(warm), ~cold_start(warm)
            at = choose(struggled, p_warm, known, warm["learner"], default=LIKELY)
            told[name] = threshold_told(at, Flags.of(struggled, p_warm >= at, known))
            flagged[name] = (p >= at) & ~cold_start(test)
        else:
            flagged[name] = baseline.flagged(test, p)
        probability[name], threshold[name] = p, at
    return Judged(
        fold, training.chosen, training.why, training.order, probability, flagged, threshold, told, confidence
    )
