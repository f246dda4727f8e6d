"""The skill ratings over a whole log, as a first night makes it: days in portions, one compiled pass each.

.venv/bin/python -m benchmarks.skill_ratings [--answers N]

The yardstick counts and averages the same scores by learner and objective with NumPy, the keys sorted once a portion.
"""

import argparse
import os
import resource
import time

import numpy as np

from americano_assets.core.features.skill_ratings import Answers, advance, initial_state

LEARNERS, OBJECTIVES, CARDS, DAYS, PORTION = 5000, 300, 4, 180, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=20_000_000)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    keys = np.sort(random.integers(1, 2**63, LEARNERS, dtype=np.uint64))
    state, ours, theirs = initial_state(), 0.0, 0.0
    advance(state, _portion(random, keys, 0, 30_000), keys)  # compiles
    for first in range(0, DAYS, PORTION):
        answers = _portion(random, keys, first, options.answers * PORTION // DAYS)
        began = time.process_time()
        state = advance(state, answers, keys)
        ours += time.process_time() - began
        began = time.process_time()
        _, pair = np.unique(answers.learner ^ answers.objective, return_inverse=True)
        np.bincount(pair, answers.score) / np.bincount(pair)
        theirs += time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{options.answers:,} answers, {sum(len(one.key) for one in state):,} ratings: {ours:.1f} s of the processor, "
        f"{ours / theirs:.1f} x counting them ({theirs:.1f} s); peak {peak:.1f} GB; load {os.getloadavg()[0]:.1f}"
    )


def _portion(random: np.random.Generator, keys: np.ndarray, first: int, n: int) -> Answers:
    """So many answers of PORTION study days, in their order."""
    day, learner = np.sort(random.integers(first, first + PORTION, n)), random.integers(0, LEARNERS, n)
    order = np.lexsort((learner, day))
    objective = random.integers(1, OBJECTIVES + 1, n).astype(np.uint64)
    item = objective * np.uint64(CARDS) + random.integers(0, CARDS, n).astype(np.uint64)
    score = (random.random(n) < 0.7).astype(float)
    return Answers(day[order], keys[learner[order]], objective % np.uint64(6) + np.uint64(1), objective, item, score)


if __name__ == "__main__":
    main()
