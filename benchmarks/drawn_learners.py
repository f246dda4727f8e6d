"""What a training on half of the rows loses: whole learners, drawn as a night draws them, beside a training on all.

./americano demo --all && .venv/bin/python -m benchmarks.drawn_learners

Both are judged on the same learners and weeks, of which neither taught; in five turns everybody is judged once.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from rich.progress import track

from americano_assets.core.base.arrays import log_losses
from americano_assets.core.statistics.cluster_bootstrap import paired_difference
from americano_assets.core.statistics.learner_draw import drawn_until
from americano_assets.core.statistics.metrics import figures_of_enough
from americano_assets.core.training import fit
from americano_assets.core.training.splits import TURNS, assign_splits
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.settings import load_settings
from americano_assets.stages.common.deployment import Deployment
from benchmarks.earlier_days import newest_rows

_FIGURES = ("auc_roc", "log_loss", "recall", "precision", "ece")


def main() -> None:
    deployment = Deployment(load_settings())
    rows = newest_rows(deployment)
    learner = keys_of(pa.array(rows["learner_id"]))
    keys, counts = np.unique(learner, return_counts=True)
    until = drawn_until(keys, counts, len(rows) // 2)
    assert until is not None
    drawn = learner < until
    print(f"{drawn.sum():,} of {len(rows):,} rows, of {len(np.unique(learner[drawn])):,} of {len(keys):,} learners")
    said: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for turn in track(range(TURNS), "Training"):
        split = assign_splits(rows, deployment.target.horizon_days, turn)
        judged = rows[split == "test"]
        for name, taught in (("all", np.ones(len(rows), dtype=bool)), ("half", drawn)):
            train, calibration = (rows[taught & (split == part)] for part in ("train", "calibration"))
            for model, scorer in fit.fit_models(train, calibration, fit.TRAINED_TYPES).items():
                p = scorer.probability(judged)
                one = judged[["learner_id", "struggled"]].assign(p=p, flagged=scorer.flagged(judged, p))
                said.setdefault((model, name), []).append(one)
    found = []
    for model in fit.TRAINED_TYPES:
        both = {name: pd.concat(said[model, name]) for name in ("all", "half")}
        struggled = both["all"]["struggled"].to_numpy(dtype=bool)
        losses = {name: log_losses(struggled, one["p"].to_numpy()) for name, one in both.items()}
        apart = paired_difference(losses["half"], losses["all"], both["all"]["learner_id"].to_numpy())
        for name, one in both.items():
            figures = figures_of_enough(struggled, one["p"].to_numpy(), one["flagged"].to_numpy(dtype=bool))
            found.append((model, name, *(figures[figure] for figure in _FIGURES)))
        if apart is not None:
            print(f"{model}: log loss, half minus all {apart.estimate:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})")
    table = pd.DataFrame(found, columns=["model", "taught by", *_FIGURES]).round(4)
    print(f"{len(struggled):,} judged rows\n{table.to_string(index=False)}")


if __name__ == "__main__":
    main()
