"""Chance decides who is helped: the arm of an episode, as a function of a salt and of whom it is about."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED

Unit = Literal["learner", "episode"]
LEARNER: Unit = "learner"
EPISODE: Unit = "episode"
# A night that publishes within this time after its cut-off could still be seen before the day's study begins.
ON_TIME = timedelta(hours=6)
# So seldom does a check of the draw fail by chance that it stands for never, also when it is asked every night.
NEVER = 1e-6
_DRAW_BITS = 53  # what a float holds exactly


@dataclass(frozen=True)
class Policy:
    """What the settings ask for.

    Attributes:
        unit: `learner`: all episodes of a learner share an arm; `episode`: all of a (learner, objective) do, so that
            planning an objective anew does not draw it anew.
        share: Share of units that are held out, 0-1; 0: nobody is.
    """

    unit: Unit = EPISODE
    share: float = 0.0

    @property
    def is_random(self) -> bool:
        """Whether chance decides anything: with a share of 0 or 1 nothing can be compared."""
        return 0.0 < self.share < 1.0


@dataclass(frozen=True)
class Experiment:
    """A policy with the deployment's salt, which is shown nowhere: who knows it could tell arms in advance."""

    policy: Policy
    salt: str = field(repr=False)

    def arms(self, learners: Iterable[str], objectives: Iterable[str]) -> list[str]:
        """TREATED or HOLDOUT for each (learner, objective)."""
        drawn: dict[tuple[str, ...], str] = {}
        result = []
        for learner, objective in zip(learners, objectives, strict=True):
            unit = (learner,) if self.policy.unit == LEARNER else (learner, objective)
            if unit not in drawn:
                drawn[unit] = HOLDOUT if draw(self.salt, *unit) < self.policy.share else TREATED
            result.append(drawn[unit])
        return result


def draw(salt: str, *unit: str) -> float:
    """A number in [0, 1), uniform over units, the same for the same salt and unit.

    Held out is whoever draws below the share, so a larger share holds out the same units and more.
    """
    digest = hashlib.sha256("\x1f".join((salt, *unit)).encode()).digest()
    number: int = int.from_bytes(digest[:8], "big") >> (64 - _DRAW_BITS)
    return math.ldexp(number, -_DRAW_BITS)


def is_by_chance(units: int, held_out: int, share: float) -> bool:
    """Whether so many units held out are what a draw with this share gives, but for one time in a million.

    Exact binomial tails, each with half of that. Units are independent draws, and which of them is flagged first does
    not depend on its arm, so nothing but a broken draw makes this false.
    """
    from scipy.stats import binom  # heavy, and the API draws without it

    tail = min(binom.cdf(held_out, units, share), binom.sf(held_out - 1, units, share))
    return bool(tail >= NEVER / 2)


def is_on_time(*, replayed: bool, cutoff: datetime, published_at: datetime) -> bool:
    """Whether a learner could have seen in time what a night publishes: never a replay, a backfill, a late night."""
    return not replayed and timedelta(0) <= published_at - cutoff <= ON_TIME
