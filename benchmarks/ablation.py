"""What each group of extended features gives: `python -m benchmarks.ablation HOME...`.

Reads the newest training set of each home.

Groups are added in their stated order, and each is taken away from all; measured on other learners and later weeks
than a model was fitted on. The learners and weeks of the final held-out figures (split `test`) choose nothing.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from americano_assets.core.base.arrays import FloatArray, log_losses, logit, sigmoid
from americano_assets.core.features.catalog import EXTENDED_NAMES, FEATURE_NAMES, OBSERVED_NAMES
from americano_assets.core.statistics.cluster_bootstrap import Interval, paired_difference
from americano_assets.core.training.fit_trees import MOST_LEAF, PARAMETERS
from americano_assets.core.training.splits import learner_split
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import ParquetStore

# In the order in which they were added; what was dropped since stands in docs/features.md.
GROUPS: dict[str, tuple[str, ...]] = {
    "skill ratings": ("elo_chance", "elo_learner", "elo_topic", "elo_pair", "elo_practice", "elo_difficulty"),
    "cohort": ("cohort_first_try", "cohort_recent", "cohort_before"),
    "last score, shrunk mean": ("last_score", "objective_success", "topic_last_score", "topic_success"),
    "counts": ("log_successes", "log_failures", "topic_log_successes", "topic_log_failures"),
    "since last lapse": ("days_since_lapse",),
}
BASE = FEATURE_NAMES + OBSERVED_NAMES
# Rolling origins: each block of weeks is judged by models that saw only windows closed before it began.
BLOCKS = 3
_FIRST_SHARE = 0.45


@dataclass(frozen=True)
class Judged:
    """Predictions of both kinds of model on rows held out by learner and by time.

    Attributes:
        struggled: Outcome, shape (n,).
        learner: Whose row, shape (n,).
        p: By kind of model, shape (n,) each; the blend is the mean of the others' logits, as the gate's is.
    """

    struggled: np.ndarray
    learner: np.ndarray
    p: dict[str, FloatArray]

    def losses(self, kind: str) -> FloatArray:
        """Log loss of each row."""
        return log_losses(self.struggled, self.p[kind])

    def auc(self, kind: str) -> float:
        """Area under the ROC curve."""
        return float(roc_auc_score(self.struggled, self.p[kind]))


def models() -> dict[str, Any]:
    """One unfitted model of each kind, with fixed settings: the ablation tunes nothing."""
    return {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500)),
        "boosting": HistGradientBoostingClassifier(
            random_state=0, early_stopping=False, min_samples_leaf=MOST_LEAF, **PARAMETERS
        ),
    }


def choose(rows: pd.DataFrame, inputs: Sequence[str], horizon_days: int) -> Judged:
    """Fit on training learners, judge on calibration learners in later blocks of weeks, all before the test weeks."""
    day = pd.to_datetime(rows["cutoff_day"])
    by = {learner: learner_split(learner) for learner in rows["learner_id"].unique()}
    side = rows["learner_id"].map(by)
    before_test = rows["split"] != "test"
    first_test = day[rows["split"] == "test"].min()
    before_test &= day + timedelta(days=horizon_days) <= first_test
    held_days = np.sort(day[before_test & (side == "calibration")].to_numpy())
    places = np.linspace(_FIRST_SHARE, 1, BLOCKS + 1) * (len(held_days) - 1)
    edges = [pd.Timestamp(held_days[int(place)]) for place in places]
    edges[-1] += timedelta(days=1)
    parts = []
    for start, end in pairwise(edges):
        fit = before_test & (side == "train") & (day + timedelta(days=horizon_days) <= start)
        held = before_test & (side == "calibration") & (day >= start) & (day < end)
        parts.append(_judge(rows[fit], rows[held], inputs))
    return _together(parts)


def final(rows: pd.DataFrame, inputs: Sequence[str]) -> Judged:
    """Fit on the split `train`, judge on the split `test`: not to be used for choosing."""
    return _judge(rows[rows["split"] == "train"], rows[rows["split"] == "test"], inputs)


def _judge(fit: pd.DataFrame, held: pd.DataFrame, inputs: Sequence[str]) -> Judged:
    x, y = fit[list(inputs)].to_numpy(dtype=float), fit["struggled"].to_numpy(dtype=bool)
    new = held[list(inputs)].to_numpy(dtype=float)
    p = {kind: model.fit(x, y).predict_proba(new)[:, 1] for kind, model in models().items()}
    p["blend"] = sigmoid(np.mean([logit(one) for one in p.values()], axis=0))
    return Judged(held["struggled"].to_numpy(dtype=bool), held["learner_id"].to_numpy(), p)


def _together(parts: Sequence[Judged]) -> Judged:
    return Judged(
        np.concatenate([part.struggled for part in parts]),
        np.concatenate([part.learner for part in parts]),
        {kind: np.concatenate([part.p[kind] for part in parts]) for kind in parts[0].p},
    )


def table(rows: pd.DataFrame, horizon_days: int) -> list[str]:
    """Lines of a Markdown table: each group added to those before it, then each taken from all, with the change.

    Changes of log loss carry an interval over learners. Taken from all, a change above 0 says that the group helps.
    """
    lines = ["| inputs | model | log loss | change (95 %) | AUC |", "| --- | --- | --- | --- | --- |"]
    inputs, before = list(BASE), choose(rows, BASE, horizon_days)
    lines += [
        f"| the fifteen | {kind} | {before.losses(kind).mean():.4f} | | {before.auc(kind):.4f} |" for kind in before.p
    ]
    for group, names in GROUPS.items():
        varying = [name for name in names if name in rows and rows[name].nunique() > 1]
        if not varying:
            lines.append(f"| {group} | | | constant here | |")
            continue
        after = choose(rows, inputs + varying, horizon_days)
        lines += [_line(f"+ {group}", kind, before, after) for kind in after.p]
        inputs, before = inputs + varying, after
    for group, names in GROUPS.items():
        less = [name for name in inputs if name not in names]
        if len(less) < len(inputs):
            after = choose(rows, less, horizon_days)
            lines += [_line(f"all - {group}", kind, before, after) for kind in after.p]
    for name, chosen in (("the fifteen", list(BASE)), ("all inputs", [*BASE, *EXTENDED_NAMES])):
        judged = final(rows, chosen)
        lines += [
            f"| *held out at last*: {name} | {kind} | {judged.losses(kind).mean():.4f} | n = {len(judged.struggled)} "
            f"| {judged.auc(kind):.4f} |"
            for kind in judged.p
        ]
    return lines


def _line(inputs: str, kind: str, before: Judged, after: Judged) -> str:
    change = paired_difference(after.losses(kind), before.losses(kind), after.learner)
    told = "too few learners" if change is None else _told(change)
    return f"| {inputs} | {kind} | {after.losses(kind).mean():.4f} | {told} | {after.auc(kind):.4f} |"


def _told(change: Interval) -> str:
    return f"{change.estimate:+.4f} ({change.low:+.4f} to {change.high:+.4f})"


def last_training_set(home: Path) -> pd.DataFrame:
    """The rows of the newest training set that a home keeps.

    Raises:
        AmericanoError: It keeps none.
    """
    store = ParquetStore(home / "data")
    days = sorted(path.name.removeprefix("day=") for path in (store.root / "training_set").glob("day=*"))
    rows = None if not days else store.read_day("training_set", pd.Timestamp(days[-1]).date())
    if rows is None:
        raise AmericanoError(f"{home.name} has no training set yet: run `americano nightly` or `americano demo` there.")
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def main() -> None:
    """Print a table for each home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path, nargs="+", help="an AMERICANO_HOME with a training set")
    parser.add_argument("--horizon-days", type=int, default=14, help="H of these homes, in study days")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    for home in given.home:
        rows = last_training_set(home)
        print(f"{home.name}: {len(rows)} rows", *table(rows, given.horizon_days), sep="\n", flush=True)


if __name__ == "__main__":
    main()
