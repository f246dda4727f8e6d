"""Whether an interval of a probability holds the true one: Venn-Abers predictors, and how far learners differ.

.venv/bin/python -m benchmarks.intervals [--seed SEED] [--keep FOLDER]

On simulated learners whom nobody helps, everybody tested once in five turns. The logistic regression is calibrated by
today's map and by an inductive Venn-Abers predictor (Vovk, Petej, UAI 2014): isotonic fits of the calibration rows with
the row itself added as no struggle and as one; p is p1 / (1 - p0 + p1). Beside them 90 % of learners whose log-odds
differ as much from what was said as those of the calibration learners do, by moments. Held is the true probability,
where the simulator knows it exactly: planned for the day after the cut-off.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from americano_assets.core.base.arrays import BoolArray, FloatArray, log_losses, logit, sigmoid
from americano_assets.core.models.calibration import PROBABILITY_BOUNDS
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.statistics.metrics import LEAST_ROWS, expected_calibration_error
from americano_assets.core.training.fit import LOGISTIC, fit
from americano_assets.core.training.fit_trees import outcomes
from americano_assets.core.training.splits import TURNS, assign_splits
from americano_assets.loading.demo.scenarios.cohort_demo import TARGET, of_known_truth
from benchmarks.made_rows import Cohort, made

_SMALL = 10
_DIGITS = 2
# 90 % of a normal distribution.
_WITHIN = 1.645


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--keep", type=Path, help="folder of rows that were made before")
    options = parser.parse_args()
    rows, truth = made(Cohort(seed=options.seed), options.keep)
    assert truth is not None
    print("| calibrated on | rows | log loss: map, Venn-Abers | ECE: map, Venn-Abers | of known truth | width, held |"
          " of learners: width, held |")  # fmt: skip
    print("| --- | ---: | --- | --- | ---: | --- | --- |")
    for few in (False, True):
        told = pd.concat(_said(rows, turn, few) for turn in range(TURNS))
        name = f"{_SMALL} learners" if few else "all calibration learners"
        print(_line(name, told, of_known_truth(told[~told["cold"]], truth)))
        cold = of_known_truth(told[told["cold"]], truth)
        if len(cold) >= LEAST_ROWS:
            print(_line(f"{name}: cold starts", told[told["cold"]], cold))


def _said(rows: pd.DataFrame, turn: int, few: bool) -> pd.DataFrame:
    """The test rows of a turn with p of both ways and both intervals."""
    split = assign_splits(rows, TARGET.horizon_days, turn)
    train, calibration, test = (rows[split == name] for name in ("train", "calibration", "test"))
    if few:
        kept = calibration["learner_id"].drop_duplicates().sort_values().head(_SMALL)
        calibration = calibration[calibration["learner_id"].isin(kept)]
    scorer = fit(LOGISTIC, train, calibration)
    assert scorer.model is not None
    said, struggled = scorer.model.log_odds(calibration), outcomes(calibration)
    p, cold = scorer.probability(test), cold_start(test)
    none, one = venn_abers(said, struggled, scorer.model.log_odds(test))
    merged = np.where(cold, p, np.clip(one / (1 - none + one), *PROBABILITY_BOUNDS))
    apart = _WITHIN * _spread(scorer.calibrator.probability(said), struggled, calibration["learner_id"])
    log_odds = logit(p)
    return test[["learner_id", "objective_id", "cutoff_day", "struggled"]].assign(
        p=p, merged=merged, cold=cold, none=none, one=one, low=sigmoid(log_odds - apart), high=sigmoid(log_odds + apart)
    )


def venn_abers(said: FloatArray, struggled: BoolArray, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    """p of each asked log-odds if it were no struggle, and if it were one, shape (n,) each."""
    known, place = np.unique(said.round(_DIGITS), return_inverse=True)
    rows = np.bincount(place).astype(float)
    rate = np.bincount(place, struggled) / rows
    wanted, back = np.unique(asked.round(_DIGITS), return_inverse=True)
    found = np.empty((2, len(wanted)))
    for number, one in enumerate(wanted):
        at = np.searchsorted(known, one)
        for outcome in (0, 1):
            fitted = IsotonicRegression().fit_transform(
                np.insert(known, at, one), np.insert(rate, at, outcome), sample_weight=np.insert(rows, at, 1.0)
            )
            found[outcome, number] = fitted[at]
    return found[0][back], found[1][back]


def _spread(p: FloatArray, struggled: BoolArray, learner: pd.Series) -> float:
    """Standard deviation of the learners' own log-odds: how much more their sums vary than by chance."""
    table = pd.DataFrame({"apart": struggled - p, "chance": p * (1 - p), "learner": learner.to_numpy()})
    sums = table.groupby("learner").sum()
    more = (sums["apart"] ** 2 - sums["chance"]).sum() / (sums["chance"] ** 2).sum()
    return float(np.sqrt(max(more, 0.0)))


def _line(name: str, told: pd.DataFrame, known: pd.DataFrame) -> str:
    struggled = told["struggled"].to_numpy(dtype=bool)
    losses = [log_losses(struggled, told[way].to_numpy()).mean() for way in ("p", "merged")]
    errors = [expected_calibration_error(struggled, told[way].to_numpy()) for way in ("p", "merged")]
    truth = known["p_struggle"]
    held = [
        f"{(known[high] - known[low]).mean():.3f}, {((known[low] <= truth) & (truth <= known[high])).mean():.1%}"
        for low, high in (("none", "one"), ("low", "high"))
    ]
    figures = [f"{losses[0]:.4f}, {losses[1]:.4f}", f"{errors[0]:.3f}, {errors[1]:.3f}", f"{len(known):,}", *held]
    return f"| {name} | {len(told):,} | {' | '.join(figures)} |"


if __name__ == "__main__":
    main()
