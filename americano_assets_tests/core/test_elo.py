"""Ratings by hand, recovered from planted ones, and the same whichever way the pass is cut, named or compiled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core import elo
from americano_assets.core.elo import EVERYONE, ITEM, LEARNER, OBJECTIVE, PAIR, PRIOR_VARIANCE, Answers, Keys, State

EVERY_LEARNER = np.arange(1, 1000, dtype=np.uint64)


def answers(*rows: tuple[int, int, int, int, float]) -> Answers:
    """Rows of (day, learner, objective, item, score), put into the order of day and learner."""
    listed = sorted(rows, key=lambda row: row[:2])
    day, learner, objective, item, score = (np.array(column) for column in zip(*listed, strict=True))
    who, what, which = (column.astype(np.uint64) for column in (learner, objective, item))
    return Answers(day.astype(np.int64), who, what, which, score.astype(float))


def school(learners: int, seed: int = 0, days: int = 40) -> tuple[Answers, np.ndarray, np.ndarray]:
    """Answers of learners and to objectives with planted abilities and difficulties."""
    random = np.random.default_rng(seed)
    ability, difficulty = random.normal(0, 1, learners), random.normal(0, 1, 12)
    rows = []
    for day in range(days):
        for learner in range(learners):
            for objective in random.integers(0, 12, 3):
                p = 1 / (1 + math.exp(difficulty[objective] - ability[learner]))
                item = 100 * (objective + 1) + random.integers(0, 4)
                rows.append((100 + day, learner + 1, objective + 1, item, float(random.uniform() < p)))
    return answers(*rows), ability, difficulty


def part(rows: Answers, chosen: np.ndarray) -> Answers:
    """Some of the answers."""
    return Answers(*(getattr(rows, name)[chosen] for name in ("day", "learner", "objective", "item", "score")))


def same(one: State, other: State) -> bool:
    """Whether two states agree to the last bit."""
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for x, y in pairs for a, b in zip(x.columns(), y.columns(), strict=True))


def test_one_answer_moves_every_term_by_its_variance() -> None:
    state = elo.advance(elo.nobody(), answers((100, 1, 7, 70, 1.0)), EVERY_LEARNER)
    # Half was expected: the weight is 1/4, the surprise 1/2.
    step = 0.5 / (1 + 0.25 * sum(PRIOR_VARIANCE))
    for level, sign in ((LEARNER, 1), (PAIR, 1), (OBJECTIVE, -1), (ITEM, -1), (EVERYONE, 1)):
        assert state[level].mean == pytest.approx([sign * PRIOR_VARIANCE[level] * step], abs=2e-9)
        assert state[level].variance[0] < PRIOR_VARIANCE[level]


def test_what_was_known_of_a_learner_halves_in_its_half_life() -> None:
    before = elo.advance(elo.nobody(), answers((100, 1, 7, 70, 1.0)), EVERY_LEARNER)
    later = 100 + int(elo.LEARNER_HALF_LIFE)
    # Only what is expected of the learner tells how the second answer surprises.
    known = before[LEARNER].mean[0] / 2
    pair = before[PAIR].mean[0] * 0.5 ** (elo.LEARNER_HALF_LIFE / elo.PAIR_HALF_LIFE)
    x = before[EVERYONE].mean[0] + known + pair - before[OBJECTIVE].mean[0] - before[ITEM].mean[0]
    exactly = answers((later, 1, 7, 70, 1 / (1 + math.exp(-x))))
    after = elo.advance(before, exactly, EVERY_LEARNER)
    assert after[LEARNER].mean[0] == pytest.approx(known, abs=1e-12)


def test_planted_abilities_and_difficulties_are_found() -> None:
    rows, ability, difficulty = school(60)
    state = elo.advance(elo.nobody(), rows, EVERY_LEARNER)
    assert np.corrcoef(state[LEARNER].mean, ability)[0, 1] > 0.9
    assert np.corrcoef(state[OBJECTIVE].mean, difficulty)[0, 1] > 0.95


@given(st.integers(101, 112))
def test_a_state_is_the_same_whichever_earlier_one_it_was_carried_on_from(cut: int) -> None:
    rows, _, _ = school(6, days=12)
    whole = elo.advance(elo.nobody(), rows, EVERY_LEARNER)
    first = elo.advance(elo.nobody(), part(rows, rows.day < cut), EVERY_LEARNER)
    assert same(elo.advance(first, part(rows, rows.day >= cut), EVERY_LEARNER), whole)


def test_the_learners_names_change_no_bit() -> None:
    rows, _, _ = school(9, days=8)
    renamed = 1 + (rows.learner * np.uint64(7)) % np.uint64(10)
    order = np.lexsort((np.arange(len(renamed)), renamed, rows.day))
    state = elo.advance(elo.nobody(), rows, EVERY_LEARNER)
    other = part(Answers(rows.day, renamed, rows.objective, rows.item, rows.score), order)
    found = elo.advance(elo.nobody(), other, EVERY_LEARNER)
    for level in (OBJECTIVE, ITEM, EVERYONE):
        assert np.array_equal(found[level].mean, state[level].mean)
    assert np.array_equal(
        found[LEARNER].mean[np.argsort(np.argsort(np.unique(rows.learner) * 7 % 10))], state[LEARNER].mean
    )


def test_whoever_does_not_count_moves_nobody_else() -> None:
    rows, _, _ = school(8, days=6)
    hidden: Keys = EVERY_LEARNER[EVERY_LEARNER != 3]
    without = elo.advance(elo.nobody(), part(rows, rows.learner != 3), hidden)
    state = elo.advance(elo.nobody(), rows, hidden)
    for level in (OBJECTIVE, ITEM, EVERYONE):
        assert np.array_equal(state[level].mean, without[level].mean)
    assert state[LEARNER].mean[2] != 0
    assert elo.agrees(state, hidden)
    assert not elo.agrees(state, EVERY_LEARNER)


def test_within_a_day_only_the_learners_own_ratings_move() -> None:
    rows, _, _ = school(5, days=6)
    yesterday = elo.advance(elo.nobody(), part(rows, rows.day < 105), EVERY_LEARNER)
    today = part(rows, rows.day == 105)
    everybody = elo.advance(yesterday, today, EVERY_LEARNER, close=False)
    alone = elo.advance(yesterday, part(today, today.learner == 2), EVERY_LEARNER, close=False)
    for level in (OBJECTIVE, ITEM, EVERYONE):
        known = np.isin(everybody[level].key, yesterday[level].key)
        assert np.array_equal(everybody[level].mean[known], yesterday[level].mean)
        assert not everybody[level].mean[~known].any()
    assert everybody[LEARNER].mean[1] == alone[LEARNER].mean[1] != yesterday[LEARNER].mean[1]
    own = alone[PAIR].key == 2
    assert np.array_equal(alone[PAIR].mean[own], everybody[PAIR].mean[everybody[PAIR].key == 2])


def test_an_answer_without_an_objective_moves_the_learner_alone() -> None:
    state = elo.advance(elo.nobody(), answers((100, 1, 0, 0, 1.0)), EVERY_LEARNER)
    assert state[LEARNER].mean[0] > 0
    assert [len(state[level].key) for level in (PAIR, OBJECTIVE, ITEM)] == [0, 0, 0]


def test_compiled_and_plain_agree_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _, _ = school(10, days=10)
    plain = elo.advance(elo.nobody(), rows, EVERY_LEARNER)
    monkeypatch.setattr(elo, "COMPILED_FROM", 1)
    assert same(elo.advance(elo.nobody(), rows, EVERY_LEARNER), plain)
