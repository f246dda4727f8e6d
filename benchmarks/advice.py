"""Indicators and interventions of flagged rows in which a third of the signs fire, by the processor's time.

.venv/bin/python -m benchmarks.advice [--rows N]
"""

import argparse
import os
import resource
import time
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.interventions.choose_interventions import Known, interventions_of
from americano_assets.core.interventions.learner_profile import Hours, Profile
from americano_assets.core.interventions.signs import SIGNS, indicators_of
from americano_assets.resources.memory import batch_rows

OBJECTIVES = 300
ROWS_OF_A_LEARNER = 84
FIRES, OBSERVED = 0.35, 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=420_000)
    rows = parser.parse_args().rows
    drawn = np.random.default_rng(1)
    took, made = {"indicators": 0.0, "interventions": 0.0}, {"indicators": 0, "interventions": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    at_once = batch_rows()
    for first in range(0, rows, at_once):
        flagged = _flagged(drawn, np.arange(first, min(first + at_once, rows)))
        known = _known(drawn, flagged)
        for what in took:
            began = time.process_time()
            made[what] += len(indicators_of(flagged) if what == "indicators" else interventions_of(flagged, known))
            took[what] += time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    for what, seconds in took.items():
        print(f"{what}: {made[what] / rows:.2f} a row, {seconds / rows * 1e6:.1f} us a row")
    print(
        f"peak {peak:.2f} GB ({before:.2f} before, rows that are made for it included); load {os.getloadavg()[0]:.1f}"
    )


def _flagged(drawn: np.random.Generator, number: np.ndarray) -> pd.DataFrame:
    values: dict[str, Any] = {}
    for sign in SIGNS:
        # So that FIRES of them are past the threshold.
        near = sign.threshold - (sign.extreme - sign.threshold) * (1 - FIRES) / FIRES
        values[sign.feature] = near + drawn.random(len(number)) * (sign.extreme - near)
        values[f"observed_{sign.feature}"] = drawn.random(len(number)) < OBSERVED
    objectives = number % OBJECTIVES
    return pd.DataFrame(
        {
            "prediction_id": [f"c{one:024}" for one in number],
            "learner_id": [f"learner-{one // ROWS_OF_A_LEARNER}" for one in number],
            "objective_id": [f"objective-{one}" for one in objectives],
            "unmastered_prerequisites": [
                [f"objective-{(one + more) % OBJECTIVES}" for more in range(1, 1 + count)]
                for one, count in zip(objectives, drawn.integers(0, 4, len(number)), strict=True)
            ],
            "cohort_lapse_rate": drawn.random(len(number)) * 0.5,
            **values,
        }
    )


def _known(drawn: np.random.Generator, rows: pd.DataFrame) -> Known:
    profiles = {
        learner: Profile(
            float(drawn.integers(20, 90)),
            float(drawn.integers(20, 90)),
            Hours(int(drawn.integers(5, 20)), 22),
            ("visual", "text", "clinical", None)[drawn.integers(4)],
        )
        for learner in rows["learner_id"].unique()
    }
    pairs = zip(rows["learner_id"], rows["objective_id"], strict=True)
    easier = {pair: "objective-7" for number, pair in enumerate(pairs) if number % 3}
    return Known({f"objective-{one}": f"Treat the patient {one}" for one in range(OBJECTIVES)}, profiles, easier)


if __name__ == "__main__":
    main()
