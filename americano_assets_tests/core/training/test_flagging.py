"""A threshold finds the struggles that it aims at, or flags few and says so; it never flags everybody for the aim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from americano_assets.core.training.flagging import (
    LEAST_PRECISION,
    LIKELY,
    MOST_FLAGGED,
    NOBODY,
    RECALL_AIM,
    Flags,
    choose,
    nobody_told,
    objection,
    threshold_told,
)

DEFAULT = 0.4


def chosen(struggled: list[bool], p: list[float], known: list[bool] | None = None) -> tuple[float, Flags]:
    """The threshold, and what it flags; every row is a learner's only one."""
    outcome, probability = np.array(struggled), np.array(p)
    is_known = np.ones(len(outcome), dtype=bool) if known is None else np.array(known)
    at = choose(outcome, probability, is_known, np.arange(len(outcome)), default=DEFAULT)
    return at, Flags.of(outcome, (probability >= at) & is_known, is_known)


def test_an_aim_that_cold_starts_put_out_of_reach_flags_nobody_where_no_list_is_of_use() -> None:
    # 1,000 known rows of which one struggled, and 80 cold struggles: the smallest p would flag all of them.
    p = np.linspace(0.001, 0.9, 1000).tolist()
    at, flags = chosen(
        [False] * 300 + [True] + [False] * 699 + [True] * 80, p + [0.3] * 80, [True] * 1000 + [False] * 80
    )
    assert (at, flags.flagged) == (NOBODY, 0)
    assert threshold_told(at, flags).startswith("nobody is flagged: on the calibration learners no threshold")


def test_an_aim_that_cold_starts_put_out_of_reach_still_finds_those_who_are_well_told() -> None:
    # The same cold struggles, and 100 known rows at the top of which most struggled.
    p = np.linspace(0.001, 0.9, 1000).tolist()
    struggled = [False] * 900 + [place % 10 < 8 for place in range(100)] + [True] * 80
    at, flags = chosen(struggled, p + [0.3] * 80, [True] * 1000 + [False] * 80)
    assert at == pytest.approx(p[900], abs=0.002)
    assert (flags.hits, flags.struggles) == (80, 160)
    told = threshold_told(at, flags)
    assert told.startswith("the aim, 75% of the struggles, is out of reach")
    assert "it finds 50.0% of the struggles of the calibration learners and flags 10.0%" in told


def test_more_than_half_are_flagged_only_where_most_of_them_struggle() -> None:
    random = np.random.default_rng(1)
    p = random.uniform(size=2000)
    few, most = random.uniform(size=2000) < 0.3, random.uniform(size=2000) < 0.5 + 0.4 * p
    # p says nothing of the few: three quarters of them lie in three quarters of the rows.
    _, bounded = chosen(few.tolist(), p.tolist())
    assert 0 < bounded.flagged <= MOST_FLAGGED * 2000
    at, free = chosen(most.tolist(), p.tolist())
    assert free.flagged > MOST_FLAGGED * 2000
    assert free.recall >= RECALL_AIM
    assert threshold_told(at, free).startswith("finds 75.")


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 900), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 40),
)
def test_whatever_the_rows_are_no_list_is_shown_to_be_of_no_use(
    drawn: list[tuple[bool, int, bool]], times: int
) -> None:
    outcome, thousandths, known = (np.repeat(np.array(column), times) for column in zip(*drawn, strict=True))
    learner = np.arange(len(outcome))
    at = choose(outcome, thousandths / 1000, known, learner, default=DEFAULT)
    flagged = (thousandths / 1000 >= at) & known
    assert objection(outcome, flagged, known, learner) is None
    if at not in (NOBODY, DEFAULT):
        flags = Flags.of(outcome, flagged, known)
        share, precision = flags.flagged / flags.known, flags.hits / flags.flagged
        assert precision >= LEAST_PRECISION
        assert share <= MOST_FLAGGED or precision >= LIKELY


def test_where_nobody_struggled_yet_the_default_stays_unless_it_would_flag_many() -> None:
    assert chosen([False] * 20, [0.5] * 20)[0] == DEFAULT
    assert chosen([False] * 200, [0.5] * 10 + [0.1] * 190)[0] == DEFAULT
    at, flags = chosen([False] * 200, [0.5] * 120 + [0.1] * 80)
    assert (at, flags.flagged) == (NOBODY, 0)


def test_what_chance_could_make_of_a_list_of_use_is_no_objection() -> None:
    random = np.random.default_rng(2)
    flagged = np.arange(2000) < 1020  # a little more than half, a little less than half of them right
    struggled = flagged & (random.uniform(size=2000) < LIKELY - 0.01)
    known, learner = np.ones(2000, dtype=bool), np.arange(2000) // 4
    assert objection(struggled, flagged, known, learner) is None
    everybody = objection(struggled & (random.uniform(size=2000) < 0.5), known, known, learner)
    assert everybody is not None
    assert everybody.startswith("it flags 100.0% of the rows of which something is known, 1")


def test_an_empty_list_is_told_by_its_cause() -> None:
    assert "flags nobody" in nobody_told(NOBODY)
    for threshold in (0.4, None):
        assert nobody_told(threshold) == "no objective of anybody looks risky enough to be flagged"


def test_of_few_rows_counts_are_told_and_no_share() -> None:
    rows = "rows of which something is known"
    assert threshold_told(0.3, Flags(known=29, flagged=12, hits=8, struggles=9)) == (
        f"finds 8 of the 9 struggles of the calibration learners and flags 12 of the 29 {rows}, 8 of them rightly"
    )
    assert threshold_told(0.3, Flags(known=60, flagged=30, hits=24, struggles=30)) == (
        f"finds 80.0% of the struggles of the calibration learners and flags 50.0% of the {rows}, 80.0% of them rightly"
    )
