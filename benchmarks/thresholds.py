"""Over how many weeks of calibration rows the threshold should be chosen: what it gives on the weeks to come.

./americano demo --all && .venv/bin/python -m benchmarks.thresholds

Trained as of earlier days and judged on the weeks after each (earlier_days.py).
"""

import pandas as pd
from rich.progress import track

from americano_assets.core.base.arrays import BoolArray
from americano_assets.core.training import fit
from americano_assets.core.training.fit_trees import outcomes
from americano_assets.core.training.flagging import RECALL_AIM
from americano_assets.settings import load_settings
from americano_assets.stages.common.deployment import Deployment
from benchmarks.earlier_days import TIMES, TURNS, newest_rows, trainings

_WEEKS = (13, 26, 52, 104)
_RECALL, _ACCURACY = 0.70, 0.75


def main() -> None:
    deployment = Deployment(load_settings())
    found = []
    total = TIMES * len(TURNS)
    parts = trainings(newest_rows(deployment), deployment.target.horizon_days)
    for train, calibration, judged in track(parts, "Training", total=total):
        struggled = outcomes(judged)
        for name, scorer in fit.fit_models(train, calibration, fit.TRAINED_TYPES).items():
            p, known = scorer.probability(judged), scorer.probability(calibration)
            for weeks in _WEEKS:
                at = fit.with_threshold(scorer, calibration, known, weeks=weeks)
                flagged: BoolArray = at.flagged(judged, p)
                recall, accuracy = float(flagged[struggled].mean()), float((flagged == struggled).mean())
                both = recall > _RECALL and accuracy > _ACCURACY
                found.append((name, weeks, recall, abs(recall - RECALL_AIM), accuracy, both))
    columns = ["model", "weeks", "recall", f"off {RECALL_AIM}", "accuracy", "both targets met"]
    table = pd.DataFrame(found, columns=columns).groupby(["model", "weeks"], sort=False)
    print(f"Means of {table.size().iloc[0]} trainings\n{table.mean().round(3).to_string()}")


if __name__ == "__main__":
    main()
