"""What kind of boosted trees forecasts the weeks to come best.

./americano demo --all && .venv/bin/python -m benchmarks.trees

Trained as of earlier days and judged on the weeks after each (earlier_days.py), before calibration.
"""

import pandas as pd
from rich.progress import track

from americano_assets.core.base.arrays import sigmoid
from americano_assets.core.statistics.metrics import row_log_loss
from americano_assets.core.training.fit_trees import MOST_LEAF, PARAMETERS, fit_trees, outcomes
from americano_assets.settings import load_settings
from americano_assets.stages.common.deployment import Deployment
from benchmarks.earlier_days import TIMES, TURNS, newest_rows, trainings

_CHOSEN = {**PARAMETERS, "min_samples_leaf": MOST_LEAF}
_KINDS: dict[str, dict[str, float]] = {
    "chosen": {},
    "leaves of 50 rows": {"min_samples_leaf": 50},
    "15 leaves": {"max_leaf_nodes": 15},
    "6 leaves": {"max_leaf_nodes": 6},
    "all inputs at a split": {"max_features": 1.0},
    "a fifth of them": {"max_features": 0.2},
    "200 trees": {"max_iter": 200},
    "until 2026-11-28": {"max_leaf_nodes": 15, "min_samples_leaf": 50, "max_features": 1.0},
}


def main() -> None:
    deployment = Deployment(load_settings())
    found = []
    parts = trainings(newest_rows(deployment), deployment.target.horizon_days)
    for train, _, judged in track(parts, "Training", total=TIMES * len(TURNS)):
        struggled = outcomes(judged)
        for kind, changed in _KINDS.items():
            p = sigmoid(fit_trees(train, {**_CHOSEN, **changed}).log_odds(judged))
            found.append((kind, float(row_log_loss(struggled, p).mean())))
    table = pd.DataFrame(found, columns=["trees", "log loss"]).groupby("trees", sort=False)["log loss"]
    first = table.get_group("chosen").to_numpy()
    print(f"Means of {len(first)} trainings\n\n| trees | log loss | worse than chosen in |\n| --- | ---: | ---: |")
    for kind in _KINDS:
        losses = table.get_group(kind).to_numpy()
        print(f"| {kind} | {losses.mean():.4f} | {int((losses > first).sum())} of {len(first)} |")


if __name__ == "__main__":
    main()
