"""How the answers turn out, day by day, from the parameters, the state and chance."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from americano_assets.loading.demo.simulator.draw.curriculum import (
    CARDS,
    CARDS_PER_OBJECTIVE,
    OBJECTIVES,
    Curriculum,
    Floats,
    Ints,
    course_of,
)
from americano_assets.loading.demo.simulator.draw.learners import Bools, Learners
from americano_assets.loading.demo.simulator.draw.memory import AGAIN, EASY, GOOD, HARD, reviewed
from americano_assets.loading.demo.simulator.draw.plan import Agenda, Fate, Plan, Step, overload
from americano_assets.loading.demo.simulator.truth import (
    FOLLOW_UP_EASE,
    FORM_SPREAD,
    VALIDATION_EASE,
    VALIDATION_POINTS,
)

OVERLOAD, AT_NIGHT = 0.7, 0.35
_MISSING_PREREQUISITES = 0.8
_GAIN_RIGHT, _GAIN_WRONG, _GAIN_SLOWS = 0.2, 0.08, 0.6


@dataclass(frozen=True)
class Answers:
    """Arrays by answer, in the order in which a learner gives them, days after each other.

    Attributes:
        entry: Number in the agenda.
        row: Of the plan.
        is_review: Else an answer to the objective's validation prompt, or its skipping.
        card: Number over all cards; 0 for a validation.
        rating: 1 AGAIN to 4 EASY; 0 for a validation.
        points: Tenths of a validation's score; 0 where skipped.
        skipped: A validation skipped.
        memory: (answer, 4): difficulty and stability before and after.
    """

    entry: Ints
    row: Ints
    is_review: Bools
    card: Ints
    rating: Ints
    points: Ints
    skipped: Bools
    memory: np.ndarray[tuple[int, int], np.dtype[np.float32]]

    def __len__(self) -> int:
        return len(self.entry)


@dataclass
class _State:
    mastery: Floats  # (learner, objective), logits gained by studying
    studied: Ints  # (learner, objective), day last studied, -1 never
    card_difficulty: np.ndarray[tuple[int], np.dtype[np.float32]]
    card_stability: np.ndarray[tuple[int], np.dtype[np.float32]]
    card_day: np.ndarray[tuple[int], np.dtype[np.int16]]


def answer(
    generator: np.random.Generator,
    learners: Learners,
    curriculum: Curriculum,
    plan: Plan,
    agenda: Agenda,
    days: int,
    help_given: Floats | None = None,
) -> tuple[Answers, Floats]:
    """All answers of the simulation.

    Every draw is made whether it is needed or not: so who is helped changes nobody else's chance.

    Returns:
        The answers, and for each planned row the logits of success as the day that it is planned for opens; NaN after
        the last day.
    """
    answers, ease = _expanded(plan, agenda, curriculum)
    n = len(learners)
    state = _State(
        np.zeros((n, OBJECTIVES)),
        np.full((n, OBJECTIVES), -1, np.int64),
        np.zeros(n * CARDS, np.float32),
        np.zeros(n * CARDS, np.float32),
        np.zeros(n * CARDS, np.int16),
    )
    index, weight = curriculum.prerequisites()
    fixed = (
        learners.ability[plan.learner]
        + learners.strength[plan.learner, course_of(plan.objective)]
        - curriculum.difficulty[plan.objective]
        - OVERLOAD * overload(plan, learners.tolerance)
        - AT_NIGHT * (plan.at_night > 0)
    )
    if help_given is not None:
        fixed = fixed + help_given
    form = generator.normal(0, FORM_SPREAD, len(plan))
    base = np.full(len(plan), np.nan)
    chance = generator.random((2, len(answers)), dtype=np.float32)
    row_bounds = np.searchsorted(plan.day, np.arange(days + 1))
    answer_bounds = np.searchsorted(agenda.day[answers.entry], np.arange(days + 1))
    for day in range(days):
        rows = slice(row_bounds[day], row_bounds[day + 1])
        base[rows] = fixed[rows] + _memory_of(state, learners, plan, rows, day, index, weight)
        now = slice(answer_bounds[day], answer_bounds[day + 1])
        row = answers.row[now]
        success = expit(base[row] + form[row] + ease[now])
        _review(state, answers, now, plan, success, chance, day)
        graded = ~answers.is_review[now] & ~answers.skipped[now]
        tenths = generator.random((VALIDATION_POINTS, int(graded.sum()))) < success[graded]
        answers.points[now][graded] = tenths.sum(axis=0)
        _learn(state, answers, now, plan, day)
    return answers, base


def _expanded(plan: Plan, agenda: Agenda, curriculum: Curriculum) -> tuple[Answers, Floats]:
    row = agenda.row
    count = np.select(
        [agenda.step == Step.MAIN, agenda.step == Step.FOLLOW_UP],
        [plan.reviews[row] + plan.validated[row], plan.follow_ups[row]],
        1,
    )
    entry = np.repeat(np.arange(len(row)), count)
    place = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count)
    row, step = row[entry], agenda.step[entry]
    place = place + np.where(step == Step.FOLLOW_UP, plan.reviews[row], 0)
    is_review = (step == Step.FOLLOW_UP) | ((step == Step.MAIN) & (place < plan.reviews[row]))
    card = (plan.first_card[row] + place) % CARDS_PER_OBJECTIVE
    ease = np.where(
        is_review,
        curriculum.card_ease[plan.objective[row], card] + FOLLOW_UP_EASE * (step == Step.FOLLOW_UP),
        VALIDATION_EASE,
    )
    n = len(entry)
    answers = Answers(
        entry=entry,
        row=row,
        is_review=is_review,
        card=np.where(is_review, plan.objective[row] * CARDS_PER_OBJECTIVE + card, 0),
        rating=np.zeros(n, np.int64),
        points=np.zeros(n, np.int64),
        skipped=~is_review & (step == Step.MAIN) & (plan.fate[row] != Fate.ANSWERED),
        memory=np.zeros((n, 4), np.float32),
    )
    return answers, ease


def _memory_of(
    state: _State, learners: Learners, plan: Plan, rows: slice, day: int, index: Ints, weight: Floats
) -> Floats:
    """What studying has added so far, less what was forgotten and what is missing of the prerequisites."""
    learner, objective = plan.learner[rows], plan.objective[rows]
    studied = state.studied[learner, objective]
    weeks = np.where(studied >= 0, day - studied, 0) / 7
    known = 1 - np.exp(-state.mastery[learner[:, None], index[objective]])
    missing = (weight[objective] * (1 - known)).sum(axis=1)
    result: Floats = (
        state.mastery[learner, objective]
        - learners.forgetting[learner] * np.log1p(weeks)
        - _MISSING_PREREQUISITES * missing
    )
    return result


def _review(
    state: _State,
    answers: Answers,
    now: slice,
    plan: Plan,
    success: Floats,
    chance: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    day: int,
) -> None:
    review = answers.is_review[now]
    p = success[review]
    right = chance[0, now][review] < p
    manner = chance[1, now][review]
    rating = np.where(manner < 0.4 * (1 - p), HARD, np.where(manner > 1 - 0.35 * p, EASY, GOOD))
    rating = np.where(right, rating, AGAIN).astype(np.int64)
    answers.rating[now][review] = rating
    cards = plan.learner[answers.row[now][review]] * CARDS + answers.card[now][review]
    difficulty, stability = state.card_difficulty[cards], state.card_stability[cards]
    since = np.maximum(day - state.card_day[cards], 1).astype(np.float64)
    later = reviewed(difficulty.astype(np.float64), stability.astype(np.float64), since, rating)
    state.card_difficulty[cards], state.card_stability[cards] = later
    state.card_day[cards] = day
    answers.memory[now][review] = np.column_stack((difficulty, stability, *later))


def _learn(state: _State, answers: Answers, now: slice, plan: Plan, day: int) -> None:
    if now.start == now.stop:
        return
    entry = answers.entry[now] - answers.entry[now.start]
    right = np.where(answers.is_review[now], answers.rating[now] != AGAIN, answers.points[now] / VALIDATION_POINTS)
    gain = np.where(answers.skipped[now], 0.0, _GAIN_WRONG + (_GAIN_RIGHT - _GAIN_WRONG) * right)
    gains = np.bincount(entry, weights=gain)
    _, first = np.unique(entry, return_index=True)
    row = answers.row[now][first]
    pair = plan.learner[row], plan.objective[row]
    state.mastery[pair] += gains * np.exp(-_GAIN_SLOWS * state.mastery[pair])
    state.studied[pair] = day
