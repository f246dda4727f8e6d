"""What worked before moves a priority, in proportion and never on noise."""

import numpy as np
import pandas as pd

from americano_assets.core.interventions.measured_help import MIN_LEARNERS
from americano_assets.core.interventions.type_priorities import shifted, type_effects


def planted(effect: float, learners: int, seed: int, *, per_learner: int = 4, share: float = 0.5) -> pd.DataFrame:
    """Counts of one type whose treated episodes struggle less often by `effect`; learners differ a lot."""
    random = np.random.default_rng(seed)
    base = np.clip(random.normal(0.5, 0.15, learners), 0.2, 0.8)
    rows = []
    for number in range(learners):
        held = int(random.binomial(per_learner, share))
        for arm, n, rate in (("holdout", held, base[number]), ("treated", per_learner - held, base[number] - effect)):
            if n:
                rows.append(
                    ("PREREQUISITE_REVIEW", f"learner-{number}", arm, n, int(random.binomial(n, np.clip(rate, 0, 1))))
                )
    return pd.DataFrame(rows, columns=["intervention_type", "user_id", "arm", "episodes", "struggles"])


def test_help_that_works_goes_up_and_harm_goes_down() -> None:
    good = type_effects(planted(0.12, 2000, 1))["PREREQUISITE_REVIEW"]
    assert good.shift == 2
    assert 0.1 < good.effect < 0.14
    assert good.low > 0
    # Few say the same less loudly: shrunk towards nothing.
    few = type_effects(planted(0.12, 100, 1))["PREREQUISITE_REVIEW"]
    assert few.high - few.low > good.high - good.low
    assert type_effects(planted(-0.12, 2000, 1))["PREREQUISITE_REVIEW"].shift == -2
    assert type_effects(planted(0.04, 8000, 1))["PREREQUISITE_REVIEW"].shift == 1


def test_noise_moves_nothing() -> None:
    shifts = [type_effects(planted(0, 200, seed))["PREREQUISITE_REVIEW"].shift for seed in range(300)]
    assert sum(shift != 0 for shift in shifts) <= 3


def test_a_few_learners_say_nothing_however_loud() -> None:
    counts = planted(0.5, MIN_LEARNERS - 1, 1)
    assert type_effects(counts) == {}
    assert type_effects(counts.head(0)) == {}
    assert type_effects(planted(0.2, 500, 1, share=0.0)) == {}


def test_learners_are_the_clusters() -> None:
    once = planted(0.1, 500, 2)
    # The same answers ten times over are no more evidence than once.
    tenfold = once.assign(episodes=once["episodes"] * 10, struggles=once["struggles"] * 10)
    one, other = (type_effects(counts)["PREREQUISITE_REVIEW"] for counts in (once, tenfold))
    assert (one.low, one.high) == (other.low, other.high)


def test_priorities_stay_within_what_the_app_allows() -> None:
    assert [shifted(9, 2), shifted(2, -2), shifted(6, 1)] == [10, 1, 7]
