"""How near the models come to the best possible AUC of a simulated cohort, all of its learners judged.

./americano demo --cohort simulated --help-logits 0 [--learners N --days D] && .venv/bin/python -m benchmarks.nearest

Five trainings on the newest training set of the deployment, each with another fifth of the learners held out, split by
learner and time as a night splits them. Rows and AUC as in the demo: planned for the day after the cut-off, expected by
the true probabilities, so that only what the models say varies. Beside them the ratings alone, one input of the models.
"""

import pandas as pd

from americano_assets.core.training.fit import MODEL_TYPES, fit_models
from americano_assets.core.training.splits import TURNS, assign_splits
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.scenarios.cohort_demo import known_truth, of_known_truth
from americano_assets.loading.demo.simulator.truth import expected_auc
from americano_assets.settings import load_settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET

_RATINGS = "ratings alone"


def main() -> None:
    deployment = Deployment(load_settings())
    day = deployment.store.last_day_with("model")
    stored = None if day is None else deployment.store.read_day(TRAINING_SET, day)
    truth = known_truth(deployment)
    if stored is None or truth is None:
        raise AmericanoError(
            "This deployment holds no simulated cohort: run `americano demo --cohort simulated` first."
        )
    rows = stored.to_pandas()
    judged = []
    for turn in range(TURNS):
        split = assign_splits(rows, deployment.target.horizon_days, turn=turn)
        scorers = fit_models(*(rows[split == name] for name in ("train", "calibration")))
        held_out = of_known_truth(rows[split == "test"], truth)
        p = {name: scorer.probability(held_out) for name, scorer in scorers.items()}
        judged.append(held_out[["p_struggle"]].assign(**p, **{_RATINGS: 1 - held_out["elo_chance"]}))
    judged.append(pd.concat(judged))
    print("| AUC to be expected | " + " | ".join(f"fifth {turn + 1}" for turn in range(TURNS)) + " | all |")
    print("| --- |" + " ---: |" * len(judged))
    print("| rows | " + " | ".join(f"{len(one):,}" for one in judged) + " |")
    truths = [one["p_struggle"].to_numpy() for one in judged]
    best = [expected_auc(p, p) for p in truths]
    told = {"best possible": best}
    for name in (_RATINGS, *MODEL_TYPES):
        reached = [expected_auc(one[name].to_numpy(), p) for one, p in zip(judged, truths, strict=True)]
        told[name.replace("_", " ")] = reached
    told[f"{name} short by"] = [most - auc for most, auc in zip(best, reached, strict=True)]
    for name, figures in told.items():
        print(f"| {name} | " + " | ".join(f"{auc:.3f}" for auc in figures) + " |")


if __name__ == "__main__":
    main()
