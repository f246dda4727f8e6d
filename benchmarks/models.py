"""Training on a million rows with calibration, gate and bootstrap, and scoring a million rows.

.venv/bin/python -m benchmarks.models [--rows N] [--scored N]

Yardsticks, on the same rows in the same run: one plain fit of scikit-learn's logistic regression for training, one
matrix product with a sigmoid for scoring. Processor seconds stand beside seconds: on a busy machine only they compare.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from americano_assets.core.features.catalog import (
    DATA_QUALITY,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    MODEL_INPUTS,
    OBSERVED_NAMES,
)
from americano_assets.core.models.linear import input_values
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.training.champion_history import AUTO
from americano_assets.core.training.splits import assign_splits
from americano_assets.core.training.train import train

WEEKS, PER_LEARNER = 52, 40
HORIZON_DAYS = 7
FIRST = pd.Timestamp("2025-01-02")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="training set, all splits")
    parser.add_argument("--scored", type=int, default=1_000_000)
    options = parser.parse_args()
    rows = training_rows(options.rows)
    print(f"{len(rows):,} rows, {rows['learner_id'].nunique():,} learners, {len(MODEL_INPUTS)} inputs")
    print(rows["split"].value_counts().to_string())
    taught = rows[rows["split"] == "train"]
    values = input_values(taught, MODEL_INPUTS)
    plain, yard = timed(
        "one plain logistic regression", lambda: LogisticRegression(max_iter=200).fit(values, taught["struggled"])
    )
    trained, took = timed("training: four models, calibration, gate", lambda: train(rows, AUTO))
    print(f"  {took / yard:.1f} x the plain fit by processor time; chosen {trained.chosen}: {trained.why}")
    scored = rows.head(options.scored)
    weights, offset = plain.coef_[0], float(plain.intercept_[0])
    _, yard = timed(
        f"one product and a sigmoid over {len(scored):,} rows",
        lambda: 1 / (1 + np.exp(-(input_values(scored, MODEL_INPUTS) @ weights + offset))),
    )
    for name, candidate in trained.candidates.items():

        def score(scorer: Any = candidate.scorer) -> None:
            p = scorer.probability(scored)
            scorer.flagged(scored, p)
            scorer.confidence(scored, p)

        _, took = timed(f"scoring {len(scored):,} rows, {name}", score)
        print(f"  {took / yard:.1f} x the product by processor time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak {peak:.1f} GB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def timed(what: str, work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives and its processor seconds; both kinds of seconds are printed."""
    began, spent = time.perf_counter(), time.process_time()
    result = work()
    spent = time.process_time() - spent
    print(f"{what}: {time.perf_counter() - began:.1f} s, of the processor {spent:.1f} s", flush=True)
    return result, spent


def training_rows(n: int) -> pd.DataFrame:
    """Rows as a year of nights gives them: outcomes follow a few features, a tenth of the rows are cold starts."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({name: generator.uniform(size=n) for name in (*FEATURE_NAMES, *EXTENDED_NAMES)})
    observed = generator.uniform(size=n) > 0.1
    for name in OBSERVED_NAMES:
        frame[name] = observed
    frame[DATA_QUALITY] = observed.astype(float)
    frame[VALIDATION_MEAN] = np.where(observed, frame["validation_score"], np.nan)
    log_odds = (
        3 * (0.5 - frame["validation_score"]) + 2 * (frame["elo_difficulty"] - 0.5) + 2 * (0.5 - frame["topic_success"])
    )
    learner = np.arange(n) // PER_LEARNER
    frame = frame.assign(
        learner_id=np.char.add("learner-", learner.astype(str)).astype(object),
        objective_id=np.char.add("objective-", (np.arange(n) % 500).astype(str)).astype(object),
        course_id=np.char.add("course-", (learner % 20).astype(str)).astype(object),
        cutoff_day=FIRST + pd.to_timedelta(7 * (np.arange(n) % WEEKS), unit="D"),
        struggled=generator.uniform(size=n) < 1 / (1 + np.exp(-log_odds)),
    )
    return frame.assign(split=assign_splits(frame, HORIZON_DAYS))


if __name__ == "__main__":
    main()
