"""What a night's features cost with more history, and with more pairs; a picture of both beside this file.

.venv/bin/python -m benchmarks.history [--learners N] [--picture FILE]
"""

import argparse
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from benchmarks.cohort import LAST_DAY, Size, moment, night, write_cohort
from benchmarks.features import Taken, load_state, taken

DAYS = (30, 90, 180, 360)
SHARES = (0.25, 0.5, 1.0, 2.0)
PICTURE = Path(__file__).with_suffix(".png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=500)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    by_days = [(days, _measured(Size(options.learners, 300, days))) for days in DAYS]
    sizes = [Size(round(share * options.learners), 300, 180) for share in SHARES]
    by_pairs = [(size.learners * size.objectives, _measured(size)) for size in sizes]
    print(f"load {os.getloadavg()[0]:.1f}")
    _draw(by_days, by_pairs, options)


def _measured(size: Size) -> Taken:
    """The cheapest of three nights, by the processors, whole days kept as after a night before."""
    root = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    try:
        interactions = write_cohort(ParquetStore(root), size)
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as alone:
            found: Taken = alone.apply(cheapest, (root, size))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    pairs = size.learners * size.objectives
    print(f"{size.days} days, {pairs:,} pairs, {interactions:,} interactions: {found}", flush=True)
    return found


def cheapest(root: Path, size: Size) -> Taken:
    """The night's features three times over."""
    results = []
    for _ in range(3):
        tables = night(root, size)
        with open_feature_engine() as engine:
            tables.view_log(engine, [LAST_DAY])
            load_state(engine, root, size)
            results.append(taken(lambda: engine.features(moment(), from_later_state=False, derived=True)))
    return min(results, key=lambda one: one.cpu)


def _draw(by_days: list[tuple[int, Taken]], by_pairs: list[tuple[int, Taken]], options: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), constrained_layout=True)
    left.plot([days for days, _ in by_days], [one.cpu for _, one in by_days], "o-")
    left.axvline(180, color="0.6", linestyle=":", label="look-back")
    left.set(title=f"{300 * options.learners:,} pairs", xlabel="days of history", xticks=DAYS)
    right.plot([pairs / 1000 for pairs, _ in by_pairs], [one.cpu for _, one in by_pairs], "o-")
    pairs, last = by_pairs[-1]
    right.plot([0, pairs / 1000], [0, last.cpu], color="0.6", linestyle=":", label="in proportion to the last")
    right.set(title="180 days of history", xlabel="thousand pairs (learner, objective)", xlim=(0, None))
    for axes in (left, right):
        axes.set_ylim(0, None)
        axes.set_ylabel("processor seconds of a night's features")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(options.picture, dpi=110)


if __name__ == "__main__":
    main()
