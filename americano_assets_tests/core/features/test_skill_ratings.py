"""Ratings by hand, recovered from planted ones, and the same whichever way the pass is cut, named or compiled.

Every learner's topic is the half of the objectives that an objective lies in.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.features import skill_ratings
from americano_assets.core.features.skill_ratings import Answers, Keys, State
from americano_assets.core.features.skill_update import (
    ANSWERS_SCALE,
    COEFFICIENT,
    DAILY_VARIANCE,
    FORGETTING,
    ITEM,
    LEARNER,
    OBJECTIVE,
    PAIR,
    PRIOR_VARIANCE,
    SAME_DAY,
    TOLD_NAMES,
    TOPIC,
    USUAL_TIME_SINCE,
)

EVERY_LEARNER = np.arange(1, 1000, dtype=np.uint64)


def answers(*rows: tuple[int, int, int, int, float]) -> Answers:
    """Rows of (day, learner, objective, item, score), put into the order of day and learner."""
    listed = sorted(rows, key=lambda row: row[:2])
    day, learner, objective, item, score = (np.array(column) for column in zip(*listed, strict=True))
    who, what, which = (column.astype(np.uint64) for column in (learner, objective, item))
    topic = np.where(what == 0, np.uint64(0), np.uint64(50) + what // np.uint64(7))
    return Answers(day.astype(np.int64), who, topic, what, which, score.astype(float))


def coefficients(state: State) -> np.ndarray:
    """Everyone, time since, studied before, right before, wrong before."""
    shared = state[COEFFICIENT]
    found: np.ndarray = shared.mean[shared.key == shared.other]
    return found


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
    return Answers(*(getattr(rows, name)[chosen] for name in ("day", "learner", "topic", "objective", "item", "score")))


def same(one: State, other: State) -> bool:
    """Whether two states agree to the last bit."""
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for x, y in pairs for a, b in zip(x.columns(), y.columns(), strict=True))


def test_one_answer_moves_every_term_by_its_variance() -> None:
    state = skill_ratings.advance(skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0)), EVERY_LEARNER)
    # Half was expected: the weight is 1/4, the surprise 1/2. How fast the learner forgets it does not tell.
    variances = {level: PRIOR_VARIANCE[level] for level in (LEARNER, TOPIC, PAIR, OBJECTIVE, ITEM)}
    scale = 1 + 0.25 * sum(variances.values())
    for level, variance in variances.items():
        sign = -1 if level in (OBJECTIVE, ITEM) else 1
        assert state[level].mean == pytest.approx([sign * variance * 0.5 / scale], abs=2e-9)
        assert state[level].variance == pytest.approx([variance - variance**2 * 0.25 / scale], abs=2e-9)
    assert (state[FORGETTING].mean[0], state[FORGETTING].variance[0]) == (0, PRIOR_VARIANCE[FORGETTING])
    # The constant alone was 1 in this answer: the gradient over the precision and what the answer adds to it.
    assert coefficients(state) == pytest.approx([0.5 / scale / (1 + 0.25 / scale), 0, 0, 0, 0], abs=2e-9)


def test_a_second_answer_is_expected_by_what_was_practised_and_how_long_ago() -> None:
    before = skill_ratings.advance(skill_ratings.initial_state(), answers((100, 1, 7, 70, 0.8)), EVERY_LEARNER)
    shared = before[COEFFICIENT]
    taught = np.array([shared.mean[0], -0.4, 0.3, 0.9, -0.5])
    mean = np.where(shared.key == shared.other, taught[shared.key.astype(int)], 0)
    slope = replace(before[FORGETTING], mean=np.array([-0.2]))
    before = (before[LEARNER], slope, *before[TOPIC:COEFFICIENT], replace(shared, mean=mean))
    since = math.log(1 + 21 / 7) - USUAL_TIME_SINCE
    x = sum(before[level].mean[0] for level in (LEARNER, TOPIC, PAIR)) + taught[0]
    x += (-0.4 - 0.2) * since + 0.3 + 0.9 * math.log(1 + 0.8 / ANSWERS_SCALE) - 0.5 * math.log(1 + 0.2 / ANSWERS_SCALE)
    exactly = 1 / (1 + math.exp(-(x - before[OBJECTIVE].mean[0] - before[ITEM].mean[0])))
    after = skill_ratings.advance(before, answers((121, 1, 7, 70, exactly)), EVERY_LEARNER)
    # What was expected surprises nobody.
    assert after[LEARNER].mean[0] == pytest.approx(before[LEARNER].mean[0], abs=1e-12)
    assert (after[PAIR].right[0], after[PAIR].wrong[0]) == pytest.approx((0.8 + exactly, 0.2 + 1 - exactly))
    surprised = skill_ratings.advance(before, answers((121, 1, 7, 70, 1.0)), EVERY_LEARNER)
    # The coefficients move by the inverse of their precision after the answer times its gradient.
    terms = sum(before[level].variance[0] for level in (OBJECTIVE, ITEM))
    own = zip((LEARNER, FORGETTING, TOPIC, PAIR), (1, since**2, 1, 1), strict=True)
    grown = (min(PRIOR_VARIANCE[level], before[level].variance[0] + 21 * DAILY_VARIANCE) * by for level, by in own)
    share = 1 / (1 + exactly * (1 - exactly) * (terms + sum(grown)))
    logs = (math.log(1 + 0.8 / ANSWERS_SCALE), math.log(1 + 0.2 / ANSWERS_SCALE))
    gradient = share * (1 - exactly) * np.array([1, since, 1, *logs])
    precision = surprised[COEFFICIENT].variance.reshape(5, 5)
    assert coefficients(surprised) == pytest.approx(taught + np.linalg.solve(precision, gradient), abs=1e-8)
    moved = surprised[FORGETTING].mean[0] + 0.2
    # The forgetting moves as the learner does, by the time since.
    learner = surprised[LEARNER].mean[0] - before[LEARNER].mean[0]
    known = before[LEARNER].variance[0] + 21 * DAILY_VARIANCE
    assert moved == pytest.approx(learner / known * PRIOR_VARIANCE[FORGETTING] * since, rel=1e-9)


def test_answers_of_a_day_on_one_objective_say_less_than_as_many_of_several_days() -> None:
    one = skill_ratings.advance(skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0)), EVERY_LEARNER)
    weight, variance = 0.25 / (1 + SAME_DAY), PRIOR_VARIANCE[LEARNER]
    scale = 1 + weight * sum(PRIOR_VARIANCE[level] for level in (LEARNER, TOPIC, PAIR, OBJECTIVE, ITEM))
    two = skill_ratings.advance(
        skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0), (100, 1, 7, 0, 0.5)), EVERY_LEARNER
    )
    # The first of two counts 1 / (1 + SAME_DAY) of an answer; the second adds little, since half is expected.
    assert two[LEARNER].variance[0] < variance - variance**2 * weight / scale
    first = 0.5 / (1 + SAME_DAY) / scale * variance
    assert two[LEARNER].mean[0] < first < one[LEARNER].mean[0]
    apart = skill_ratings.advance(
        skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0), (101, 1, 7, 0, 0.5)), EVERY_LEARNER
    )
    assert apart[LEARNER].variance[0] < two[LEARNER].variance[0]
    # Answers on different objectives do not share a day's form.
    other = skill_ratings.advance(
        skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0), (100, 1, 8, 0, 0.5)), EVERY_LEARNER
    )
    assert other[LEARNER].variance[0] < two[LEARNER].variance[0]


def test_what_is_known_of_a_learner_gets_less_certain_with_time_up_to_the_prior() -> None:
    before = skill_ratings.advance(skill_ratings.initial_state(), answers((100, 1, 7, 70, 1.0)), EVERY_LEARNER)
    for days in (30, 10**6):
        # An answer without an objective moves the learner alone, so its step shows the learner's variance.
        after = skill_ratings.advance(before, answers((100 + days, 1, 0, 0, 1.0)), EVERY_LEARNER)
        v = min(PRIOR_VARIANCE[LEARNER], before[LEARNER].variance[0] + days * DAILY_VARIANCE)
        p = 1 / (1 + math.exp(-before[LEARNER].mean[0] - coefficients(before)[0]))
        step = v * (1 - p) / (1 + p * (1 - p) * v)
        assert after[LEARNER].mean[0] - before[LEARNER].mean[0] == pytest.approx(step, rel=1e-9)


def test_planted_forgetting_and_practice_are_found() -> None:
    random = np.random.default_rng(3)
    forgets = random.normal(0, 0.3, 80)
    rows = []
    for learner in range(80):
        for objective in range(12):
            day, right, wrong, last = 100 + int(random.integers(0, 20)), 0.0, 0.0, 0
            while day < 400:
                x = 1.0
                if last:
                    x += 0.6 * math.log(1 + right / ANSWERS_SCALE) + 0.6 * math.log(1 + wrong / ANSWERS_SCALE)
                    x -= (0.7 + forgets[learner]) * (math.log(1 + (day - last) / 7) - USUAL_TIME_SINCE)
                score = float(random.uniform() < 1 / (1 + math.exp(-x)))
                rows.append((day, learner + 1, objective + 1, 0, score))
                right, wrong, last = right + score, wrong + 1 - score, day
                day += int(random.integers(2, 60))
    state = skill_ratings.advance(skill_ratings.initial_state(), answers(*rows), EVERY_LEARNER)
    _, since, _, right, wrong = coefficients(state)
    assert since == pytest.approx(-0.7, abs=0.15)
    assert np.corrcoef(state[FORGETTING].mean, -forgets)[0, 1] > 0.6
    # Right and wrong answers rate the learner too: which of them teaches more is not found.
    assert right + wrong == pytest.approx(1.2, abs=0.3)


def test_planted_abilities_and_difficulties_are_found() -> None:
    rows, ability, difficulty = school(60)
    state = skill_ratings.advance(skill_ratings.initial_state(), rows, EVERY_LEARNER)
    assert np.corrcoef(state[LEARNER].mean, ability)[0, 1] > 0.9
    assert np.corrcoef(state[OBJECTIVE].mean, difficulty)[0, 1] > 0.95


@given(st.integers(101, 112))
def test_a_state_is_the_same_whichever_earlier_one_it_was_carried_on_from(cut: int) -> None:
    rows, _, _ = school(6, days=12)
    whole = skill_ratings.advance(skill_ratings.initial_state(), rows, EVERY_LEARNER)
    first = skill_ratings.advance(skill_ratings.initial_state(), part(rows, rows.day < cut), EVERY_LEARNER)
    assert same(skill_ratings.advance(first, part(rows, rows.day >= cut), EVERY_LEARNER), whole)


def test_the_learners_names_change_no_bit() -> None:
    rows, _, _ = school(9, days=8)
    renamed = 1 + (rows.learner * np.uint64(7)) % np.uint64(10)
    order = np.lexsort((np.arange(len(renamed)), renamed, rows.day))
    state = skill_ratings.advance(skill_ratings.initial_state(), rows, EVERY_LEARNER)
    other = part(replace(rows, learner=renamed), order)
    found = skill_ratings.advance(skill_ratings.initial_state(), other, EVERY_LEARNER)
    for level in (OBJECTIVE, ITEM, COEFFICIENT):
        assert np.array_equal(found[level].mean, state[level].mean)
    assert np.array_equal(
        found[LEARNER].mean[np.argsort(np.argsort(np.unique(rows.learner) * 7 % 10))], state[LEARNER].mean
    )


def test_whoever_does_not_count_moves_nobody_else() -> None:
    rows, _, _ = school(8, days=6)
    hidden: Keys = EVERY_LEARNER[EVERY_LEARNER != 3]
    without = skill_ratings.advance(skill_ratings.initial_state(), part(rows, rows.learner != 3), hidden)
    state = skill_ratings.advance(skill_ratings.initial_state(), rows, hidden)
    for level in (OBJECTIVE, ITEM, COEFFICIENT):
        assert np.array_equal(state[level].mean, without[level].mean)
    assert state[LEARNER].mean[2] != 0
    assert skill_ratings.agrees(state, hidden)
    assert not skill_ratings.agrees(state, EVERY_LEARNER)


def test_within_a_day_only_the_learners_own_ratings_move() -> None:
    rows, _, _ = school(5, days=6)
    yesterday = skill_ratings.advance(skill_ratings.initial_state(), part(rows, rows.day < 105), EVERY_LEARNER)
    today = part(rows, rows.day == 105)
    everybody = skill_ratings.advance(yesterday, today, EVERY_LEARNER, close=False)
    alone = skill_ratings.advance(yesterday, part(today, today.learner == 2), EVERY_LEARNER, close=False)
    for level in (OBJECTIVE, ITEM, COEFFICIENT):
        known = np.isin(everybody[level].key, yesterday[level].key)
        assert np.array_equal(everybody[level].mean[known], yesterday[level].mean)
        assert not everybody[level].mean[~known].any()
    assert everybody[LEARNER].mean[1] == alone[LEARNER].mean[1] != yesterday[LEARNER].mean[1]
    own = alone[PAIR].key == 2
    assert np.array_equal(alone[PAIR].mean[own], everybody[PAIR].mean[everybody[PAIR].key == 2])


def test_an_answer_without_an_objective_moves_the_learner_alone() -> None:
    state = skill_ratings.advance(skill_ratings.initial_state(), answers((100, 1, 0, 0, 1.0)), EVERY_LEARNER)
    assert state[LEARNER].mean[0] > 0
    assert [len(state[level].key) for level in (TOPIC, PAIR, OBJECTIVE, ITEM)] == [0, 0, 0, 0]


def test_compiled_and_plain_agree_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _, _ = school(10, days=10)
    plain = skill_ratings.advance(skill_ratings.initial_state(), rows, EVERY_LEARNER)
    monkeypatch.setattr(skill_ratings, "COMPILED_FROM", 1)
    assert same(skill_ratings.advance(skill_ratings.initial_state(), rows, EVERY_LEARNER), plain)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_what_is_told_of_an_answer_is_what_was_known_before_it(
    is_compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skill_ratings, "COMPILED_FROM", 1 if is_compiled else 10**6)
    rows, _, _ = school(6, days=8)

    def told_of(score: np.ndarray) -> np.ndarray:
        told = np.empty((len(score), len(TOLD_NAMES)))
        skill_ratings.advance(skill_ratings.initial_state(), replace(rows, score=score), EVERY_LEARNER, told=told)
        return told

    told = told_of(rows.score)
    for place in range(0, len(rows.day), 7):
        # Whatever it and everything after it turn out to be, and what the others answer on its day.
        later = (rows.day > rows.day[place]) | (np.arange(len(rows.day)) >= place)
        others = (rows.day == rows.day[place]) & (rows.learner != rows.learner[place])
        other = told_of(np.where(later | others, 1 - rows.score, rows.score))
        np.testing.assert_array_equal(told[place], other[place])
    # And it is what the learner's ratings are moved by: of the first answer nothing is known but the priors.
    first = [PRIOR_VARIANCE[level] for level in (LEARNER, TOPIC, PAIR, OBJECTIVE, ITEM)]
    np.testing.assert_allclose(told[0], [0, 0, 0, 0, 0, 0, 0, sum(first)])
    assert (told[rows.day == rows.day.max(), :-1] != 0).any(axis=0).all()
