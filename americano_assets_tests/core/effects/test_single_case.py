"""The randomization test over phases: by hand, against a slow enumeration, and valid whatever the outcomes are."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.effects.single_case import (
    BASELINE,
    INTERVENTION,
    SingleCase,
    kind_of,
    phases_of,
    randomization_test,
)

A, B = BASELINE, INTERVENTION


def kinds(*lengths: int) -> list[str]:
    """Phases of these lengths in turn, the baseline first."""
    return [(A, B)[place % 2] for place, length in enumerate(lengths) for _ in range(length)]


def every_way(occasions: int, phases: int, least: int) -> list[list[str]]:
    """All ways, by trying everything."""
    lengths = product(range(least, occasions + 1), repeat=phases)
    return [kinds(*way) for way in lengths if sum(way) == occasions]


outcomes = st.lists(st.integers(0, 4).map(lambda n: n / 4), min_size=13, max_size=13)
lengths_of_13 = st.sampled_from([way for way in product(range(2, 8), repeat=4) if sum(way) == 13])


def test_a_pattern_that_fits_one_way_only_is_as_rare_as_one_way() -> None:
    # ABAB over 16 occasions, each phase at least 3: 16 - 4 * 3 = 4 occasions are free among 4 phases, (4 + 3 over 3)
    # ways. The baseline always struggles, the intervention never: no other way is as extreme.
    found = randomization_test([1] * 4 + [0] * 4 + [1] * 4 + [0] * 4, kinds(4, 4, 4, 4))
    assert found.phases == ((A, 4), (B, 4), (A, 4), (B, 4))
    assert (found.ways, math.comb(7, 3)) == (35, 35)
    assert (found.mean_baseline, found.mean_intervention, found.estimate) == (1, 0, -1)
    assert found.p_lower == found.p_two_sided == pytest.approx(1 / 35)


def test_an_ab_design_by_hand() -> None:
    # One boundary after 3 to 22 of 25 occasions: 20 ways. Struggles on the first four and on the tenth.
    struggles = [1, 1, 1, 1, 0, 0, 0, 0, 0, 1] + [0] * 15
    found = randomization_test(struggles, kinds(5, 20))
    assert found.ways == 20
    assert found.estimate == pytest.approx(1 / 20 - 4 / 5)
    # After 3: 2/22 - 1. After 4: 1/21 - 1. After 5: the one that happened, 1/20 - 4/5. All others are less far from 0.
    assert found.p_lower == pytest.approx(3 / 20)


def test_what_makes_it_worse_is_told_by_the_two_sided_p() -> None:
    found = randomization_test([0] * 4 + [1] * 4 + [0] * 4 + [1] * 4, kinds(4, 4, 4, 4))
    assert found.estimate == 1
    assert found.p_lower == 1
    assert found.p_two_sided == pytest.approx(1 / 35)


@given(values=outcomes, lengths=lengths_of_13)
def test_it_counts_what_a_slow_enumeration_counts(values: list[float], lengths: tuple[int, ...]) -> None:
    def difference(way: list[str]) -> float:
        means = {kind: np.mean([v for v, own in zip(values, way, strict=True) if own == kind]) for kind in (A, B)}
        return float(means[B] - means[A])

    happened = difference(kinds(*lengths))
    found = randomization_test(values, kinds(*lengths), least=2)
    others = [difference(way) for way in every_way(13, 4, 2)]
    assert found.ways == len(others) == 56
    assert found.p_lower == pytest.approx(sum(one <= happened + 1e-9 for one in others) / 56)
    assert found.p_two_sided == pytest.approx(sum(abs(one) >= abs(happened) - 1e-9 for one in others) / 56)


@given(values=outcomes)
def test_it_is_valid_whatever_the_outcomes_are(values: list[float]) -> None:
    # Help does nothing, so the outcomes are the same whichever way was drawn: p at most x in at most x of the ways.
    told = [randomization_test(values, way, least=2) for way in every_way(13, 4, 2)]
    for p in ([one.p_lower for one in told], [one.p_two_sided for one in told]):
        for x in set(p):
            assert x is not None
            assert sum(one is not None and one <= x + 1e-12 for one in p) / len(p) <= x + 1e-12


@given(values=outcomes, lengths=lengths_of_13, shift=st.integers(-3, 3), scale=st.sampled_from([0.5, 2.0, 100.0]))
def test_the_unit_of_the_outcome_does_not_matter(
    values: list[float], lengths: tuple[int, ...], shift: int, scale: float
) -> None:
    one = randomization_test(values, kinds(*lengths), least=2)
    other = randomization_test([scale * value + shift for value in values], kinds(*lengths), least=2)
    assert (one.p_lower, one.p_two_sided) == (other.p_lower, other.p_two_sided)


def test_more_ways_than_can_be_looked_at_are_drawn_the_same_each_time() -> None:
    random = np.random.default_rng(3)
    lengths = (40, 40, 40, 40)
    helped = np.array([kind == B for kind in kinds(*lengths)])
    struggles = (random.random(160) < np.where(helped, 0.3, 0.6)).astype(float).tolist()
    found = randomization_test(struggles, kinds(*lengths))
    assert found.ways > 200_000
    assert not found.exact
    assert found.p_lower is not None
    assert 1 / 20_001 <= found.p_lower < 0.02
    assert randomization_test(struggles, kinds(*lengths)) == found
    # No drawn way is as far from 0 as a perfect pattern, which is one of its own ways all the same.
    perfect = randomization_test([float(not one) for one in helped], kinds(*lengths))
    assert perfect.p_lower == perfect.p_two_sided == pytest.approx(1 / 20_001)
    # Without an effect it is not rare.
    nothing = randomization_test((random.random(160) < 0.5).astype(float).tolist(), kinds(*lengths))
    assert nothing.p_two_sided is not None
    assert nothing.p_two_sided > 0.05


@pytest.mark.parametrize(
    ("lengths", "reason"),
    [
        ((10,), "no occasion of intervention"),
        ((6, 2, 6, 6), "a phase has 2 occasions; 3 are needed in each"),
        ((3, 3, 3, 4), "could have been drawn in 4 ways only; 20 are needed"),
        ((), "no occasion of baseline and intervention"),
    ],
)
def test_too_little_is_said_and_no_p_is_given(lengths: tuple[int, ...], reason: str) -> None:
    found: SingleCase = randomization_test([0.0] * sum(lengths), kinds(*lengths))
    assert reason in str(found.reason)
    assert found.p_lower is found.p_two_sided is None


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        *(("A", A), ("a2", A), ("A 1", A), ("baseline", A), ("Baseline_2", A), ("phase A1", A), (" control ", A)),
        *(("B", B), ("B-2", B), ("INTERVENTION", B), ("treatment 1", B), ("Phase_B", B)),
        *(("", None), (None, None), ("AB", None), ("washout", None), ("banana", None), ("A1 (pilot)", None)),
    ],
)
def test_labels_are_read_as_people_write_them(label: str | None, kind: str | None) -> None:
    assert kind_of(label) == kind


def test_phases_are_runs() -> None:
    assert phases_of([A, A, B, A]) == ((A, 2), (B, 1), (A, 1))
    assert phases_of([]) == ()
