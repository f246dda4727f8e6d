"""A difference between groups is told as one where it is beyond chance, and as none where it is not."""

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.outcomes.fairness import Gap, largest_gaps, told


def foreseen(one: float, other: float, n: int = 300, groups: int = 2) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Struggles, n a group, two a learner, of which so large a share was foreseen in the first group and the others."""
    rows, group = [], []
    for number in range(groups):
        flagged = np.random.default_rng(number).permutation(n) < n * (one if number == 0 else other)
        for place in range(n):
            rows.append({"learner_id": f"{number}-{place // 2}", "struggled": True, "flagged": flagged[place]})
            group.append(f"group {number}")
    return pd.DataFrame(rows), {"age_band": np.array(group, dtype=object)}


def largest_gap(rows: pd.DataFrame, parts: dict[str, np.ndarray]) -> Gap | None:
    """The surest of all, if there is one."""
    return next(iter(largest_gaps(rows, parts)), None)


@pytest.mark.parametrize(("one", "other", "worse"), [(0.4, 0.8, "group 0"), (0.8, 0.4, "group 1")])
def test_a_difference_beyond_chance_names_who_is_worse_off(one: float, other: float, worse: str) -> None:
    rows, parts = foreseen(one, other)
    gap = largest_gap(rows, parts)
    assert gap is not None
    assert gap.worse == worse
    assert gap.low > 0
    sentence = told(gap, {worse: "Those of 40"})
    assert sentence.startswith(
        "Struggles are not foreseen alike: the surest difference is by age band, 40 % of 300 struggles (Those of 40) "
        "against 80 % of 300 (group"
    )
    assert "40.0 points apart" in sentence


def test_a_difference_within_noise_is_told_as_that() -> None:
    sentence = told(largest_gap(*foreseen(0.6, 0.65, n=60)), {})
    assert sentence.startswith("No difference in how many struggles are foreseen is beyond chance")
    assert "interval \N{MINUS SIGN}" in sentence


def test_who_looks_at_many_pairs_finds_none_more_easily() -> None:
    """Whatever is one of forty-five pairs takes more than what is the only one."""
    alone, among = (largest_gap(*foreseen(0.5, 0.7, n=150, groups=groups)) for groups in (2, 10))
    assert alone is not None
    assert among is not None
    assert (alone.pairs, among.pairs) == (1, 45)
    assert among.high - among.low > 1.3 * (alone.high - alone.low)


def test_a_large_group_is_not_hidden_by_a_small_one_that_differs_more_by_chance() -> None:
    rows, parts = foreseen(0.5, 0.7, n=400)
    few = pd.DataFrame(
        [{"learner_id": f"few-{number}", "struggled": True, "flagged": number < 14} for number in range(31)]
    )
    both = pd.concat([rows, few], ignore_index=True)
    gap = largest_gap(both, {"age_band": np.append(parts["age_band"], ["few"] * len(few))})
    assert gap is not None
    assert (gap.worse, gap.better) == ("group 0", "group 1")


def test_nothing_is_compared_on_fewer_than_thirty_struggles_or_by_the_models_own_confidence() -> None:
    rows, parts = foreseen(0.1, 0.9, n=29)
    assert largest_gap(rows, parts) is None
    rows, parts = foreseen(0.1, 0.9)
    assert largest_gap(rows, {"confidence": parts["age_band"]}) is None
    assert largest_gap(rows.assign(struggled=False), parts) is None
    assert "cannot be told" in told(None, {})


def test_every_kind_has_its_own_the_surest_first() -> None:
    rows, parts = foreseen(0.4, 0.8)
    mixed = np.where(np.arange(len(rows)) % 4 < 2, "F", "M").astype(object)
    gender, age = largest_gaps(rows, {"gender": mixed, **parts})[::-1]
    assert (gender.by, age.by, age.pairs) == ("gender", "age_band", 2)
    assert gender.low < 0 < age.low
