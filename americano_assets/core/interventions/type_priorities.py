"""Which interventions worked before moves their priority, and noise does not."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED
from americano_assets.core.interventions.measured_help import MIN_LEARNERS, PRIOR_SPREAD

# Six types a night: an interval of 99.5 % each.
_INTERVAL = 2.807
LARGE_EFFECT = 0.05
HIGHEST, LOWEST = 10, 1


@dataclass(frozen=True)
class TypeEffect:
    """What is known of one type of intervention.

    Attributes:
        effect: Fewer struggles with it than in the holdout, in shares of episodes (positive: it helps), shrunk to 0.
        low: Lower end of its interval.
        high: Upper end.
        n_treated: Episodes for which it was chosen and shown.
        n_holdout: Episodes for which it was chosen and withheld.
        shift: What it adds to the type's priority, -2 to 2; 0 while the interval holds 0.
    """

    effect: float
    low: float
    high: float
    n_treated: int
    n_holdout: int
    shift: int


def type_effects(counts: pd.DataFrame) -> dict[str, TypeEffect]:
    """Effects by type, by intention to treat: the arms compared over all episodes for which the type was chosen.

    The difference in rates has a variance clustered by learner (Liang and Zeger, 1986: sums of squared influence), and
    is shrunk to 0 by a normal prior of PRIOR_SPREAD. Types with fewer than MIN_LEARNERS learners in an arm are left
    out.

    Args:
        counts: One row a (intervention_type, user_id, arm): `episodes`, `struggles`.
    """
    found = {}
    for kind, rows in counts.groupby("intervention_type", sort=True):
        learners = np.unique(rows["user_id"].to_numpy(dtype=object), return_inverse=True)[1]
        arms = {}
        for arm in (TREATED, HOLDOUT):
            own = (rows["arm"] == arm).to_numpy()
            arms[arm] = tuple(
                np.bincount(learners[own], rows[name].to_numpy(dtype=float)[own], minlength=learners.max() + 1)
                for name in ("episodes", "struggles")
            )
        if min(int((episodes > 0).sum()) for episodes, _ in arms.values()) < MIN_LEARNERS:
            continue
        rate = {arm: struggles.sum() / episodes.sum() for arm, (episodes, struggles) in arms.items()}
        influence = {
            arm: (struggles - episodes * rate[arm]) / episodes.sum() for arm, (episodes, struggles) in arms.items()
        }
        variance = float(np.square(influence[HOLDOUT] - influence[TREATED]).sum())
        n_treated, n_holdout = (int(arms[arm][0].sum()) for arm in (TREATED, HOLDOUT))
        found[str(kind)] = _shrunk(float(rate[HOLDOUT] - rate[TREATED]), variance, n_treated, n_holdout)
    return found


def shifted(priority: int, shift: int) -> int:
    """A priority moved by what was learned, within what the app allows."""
    return min(max(priority + shift, LOWEST), HIGHEST)


def _shrunk(difference: float, variance: float, n_treated: int, n_holdout: int) -> TypeEffect:
    prior = PRIOR_SPREAD**2
    effect = difference * prior / (prior + variance)
    reach = _INTERVAL * math.sqrt(prior * variance / (prior + variance))
    low, high = effect - reach, effect + reach
    size = 0 if low <= 0 <= high else 2 if abs(effect) >= LARGE_EFFECT else 1
    return TypeEffect(effect, low, high, n_treated, n_holdout, size if effect > 0 else -size)
