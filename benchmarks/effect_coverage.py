"""How often the effect's intervals hold what was planted: 200 seeded cohorts a row.

nice python -m benchmarks.effect_coverage [--cohorts 200]
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from americano_assets.core.effects.effects import OBSERVATIONAL, effects
from americano_assets.core.effects.randomized import Comparison, compared
from americano_assets.core.publication.random_assignment import EPISODE, Policy
from americano_assets.loading.demo.scenarios.planted_ledgers import Planted, planted

_ONE_LOOK = 1.96


@dataclass(frozen=True)
class Looks:
    """All nights of one cohort on which there was an estimate, and what was true."""

    truth: float
    found: list[Comparison]
    before_after: float | None

    def holds(self, width: float | None = None, *, last_only: bool = False) -> bool:
        """Whether the interval of every night (or the last) holds the truth; `width`: in standard errors instead."""
        chosen = self.found[-1:] if last_only else self.found
        return all(self._one(look, width) for look in chosen)

    def _one(self, look: Comparison, width: float | None) -> bool:
        estimate, low, high, error = (
            value or 0.0 for value in (look.estimate, look.low, look.high, look.standard_error)
        )
        return low <= self.truth <= high if width is None else abs(estimate - self.truth) <= width * error


def looks(made: Planted, truth: float) -> Looks:
    """The experiment as it would have been watched."""
    found = [compared(night, "struggle") for night in made.nights()]
    return Looks(truth, [one for one in found if one.estimate is not None], made.before_after().reduction_percentage)


def share(values: Iterator[bool] | list[bool]) -> str:
    """A share in per cent."""
    return f"{np.mean(list(values)):7.1%}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=200)
    cohorts = parser.parse_args().cohorts
    print(f"{cohorts} cohorts of 220 learners, 7 weeks, 30 % of (learner, objective)s held out; intervals of 95 %\n")
    print(
        "planted  last night: anytime  one look | every night: anytime  one look | estimate  (sd, mean error)  "
        "half width  before/after says"
    )
    for effect in (-0.08, 0.0):
        done = [looks(planted(seed, learners=220, weeks=7, effect=effect), effect) for seed in range(cohorts)]
        done = [one for one in done if one.found]
        last = [one.found[-1] for one in done]
        estimates = np.array([one.estimate for one in last], dtype=float)
        errors = np.array([one.standard_error for one in last], dtype=float)
        widths = np.array([((one.high or 0) - (one.low or 0)) / 2 for one in last])
        claimed = np.array([one.before_after for one in done], dtype=float)
        print(
            f"{effect:+.2f}                {share([one.holds(last_only=True) for one in done])}  "
            f"{share([one.holds(_ONE_LOOK, last_only=True) for one in done])}  |             "
            f"{share([one.holds() for one in done])}  {share([one.holds(_ONE_LOOK) for one in done])}  |  "
            f"{estimates.mean():+.4f}  ({estimates.std():.4f}, {errors.mean():.4f})      {widths.mean():.3f}      "
            f"{claimed.mean():.0f} % fewer struggles"
        )
    print("\nwithout a holdout, help applied the more the higher the risk, planted -0.08 (400 learners, 8 weeks):")
    naive, adjusted = [], []
    for seed in range(cohorts // 4):
        made = planted(seed, learners=400, weeks=8, effect=-0.08, policy=Policy(EPISODE, 0.0), indication=3.0)
        (one,) = [found for found in effects(made.ledger, made.end) if found.evidence == OBSERVATIONAL]
        if one.comparison.estimate is not None:
            naive.append(one.details["naive"] + 0.08)
            adjusted.append(one.comparison.estimate + 0.08)
    for name, values in (("naive", naive), ("adjusted (AIPW)", adjusted)):
        print(
            f"  {name:16} bias {np.mean(values):+.4f}, root mean squared error {np.sqrt(np.square(values).mean()):.4f}"
        )


if __name__ == "__main__":
    main()
