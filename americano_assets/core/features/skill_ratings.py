"""Ratings of learners, topics, objectives and items that move with every graded answer, in one pass over the log.

The usual name for ratings of learners and items that move with every answer is Elo's: Pelanek (Computers & Education
98:169, 2016).
"""

import inspect
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from americano_assets.core.base.canonical import canonical_python
from americano_assets.core.base.jit import compiled
from americano_assets.core.features import skill_update
from americano_assets.core.features.skill_update import (
    ANSWERS_SCALE,
    COEFFICIENT,
    COEFFICIENT_NAMES,
    DAILY_VARIANCE,
    FORGETTING,
    ITEM,
    LEARNER,
    OBJECTIVE,
    PAIR,
    PRIOR_PRECISION,
    PRIOR_VARIANCE,
    TOLD_NAMES,
    TOPIC,
    USUAL_TIME_SINCE,
    move,
)

# Fewer answers than these are cheaper in plain Python than loading the compiler.
COMPILED_FROM = 20_000
NOTHING = np.uint64(0)

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ratings:
    """One level's ratings, sorted by (key, other).

    Attributes:
        key: The learner's, objective's or item's key; of a coefficient its place.
        other: The topic's or objective's key where the level is a pair, of coefficients the place of the other one,
            else 0.
        mean: On the scale of log-odds; of an objective or item it is the difficulty. The coefficients' stand where key
            and other are the same.
        variance: Of the mean; of coefficients the inverse of their covariance.
        day: Study day of the last answer, in days since 1970-01-01.
        counted: Whether a learner's answers moved objectives, items and coefficients.
        right: Of a learner on an objective, the scores of the answers, added up.
        wrong: The same of what they lacked to 1.
    """

    key: Keys
    other: Keys
    mean: Floats
    variance: Floats
    day: Ints
    counted: npt.NDArray[np.bool_]
    right: Floats
    wrong: Floats

    @classmethod
    def new(cls, key: Keys, other: Keys, variance: float) -> "Ratings":
        """Ratings before any answer."""
        n = len(key)
        none = np.zeros(n)
        return cls(key, other, none, np.full(n, variance), np.zeros(n, np.int64), np.ones(n, np.bool_), none, none)

    def columns(self) -> tuple[Any, ...]:
        """The arrays in the order of the attributes."""
        return self.key, self.other, self.mean, self.variance, self.day, self.counted, self.right, self.wrong


# One of Ratings a level, in the order of LEVEL_NAMES.
State = tuple[Ratings, ...]


@dataclass(frozen=True)
class Answers:
    """Graded interactions, sorted by (study day, learner key, occurred_at, source, source id); shape (n,) each.

    Attributes:
        day: Study day in days since 1970-01-01.
        learner, topic, objective, item: Keys; 0 where there is none.
        score: 0-1.
    """

    day: Ints
    learner: Keys
    topic: Keys
    objective: Keys
    item: Keys
    score: Floats


@cache
def definition() -> str:
    """What a state depends on beside the answers: part of the key under which states are kept."""
    return canonical_python(inspect.getsource(skill_update))


def parameters() -> dict[str, object]:
    """What stages/s2_features/sql/inputs/rating_terms.sql needs to know of the terms."""
    return {
        "learner_variance": PRIOR_VARIANCE[LEARNER],
        "forgetting_variance": PRIOR_VARIANCE[FORGETTING],
        "topic_variance": PRIOR_VARIANCE[TOPIC],
        "pair_variance": PRIOR_VARIANCE[PAIR],
        "objective_variance": PRIOR_VARIANCE[OBJECTIVE],
        "daily_variance": DAILY_VARIANCE,
        "usual_time_since": USUAL_TIME_SINCE,
        "answers_scale": ANSWERS_SCALE,
    }


def initial_state() -> State:
    """The state before any answer."""
    none = np.zeros(0, np.uint64)
    empty = [Ratings.new(none, none, 0.0) for _ in range(COEFFICIENT)]
    places = np.arange(len(COEFFICIENT_NAMES), dtype=np.uint64)
    shared = Ratings.new(np.repeat(places, len(places)), np.tile(places, len(places)), 0.0)
    return (*empty, replace(shared, variance=np.diag(PRIOR_PRECISION).ravel()))


def agrees(state: State, counted: Keys) -> bool:
    """Whether a state was moved by exactly those of its learners that count (sorted keys)."""
    learners = state[LEARNER]
    return bool((np.isin(learners.key, counted) == learners.counted).all())


def advance(state: State, answers: Answers, counted: Keys, *, close: bool = True, told: Floats | None = None) -> State:
    """The state after further answers; the given one stays as it is.

    Args:
        state: After all earlier study days.
        answers: Of whole study days; of a part of one day where `close` is false.
        counted: Sorted keys of the learners who move objectives, items and coefficients.
        close: Whether the last study day closes: until then only the learners' own ratings move.
        told: Gets what was known of each answer before it was given (skill_update.TOLD_NAMES), shape (n, 8).
    """
    if not len(answers.day):
        return state
    learner, learners = _numbered(answers.learner)
    levels: list[Ratings] = list(state)
    levels[LEARNER], places = _placed(state[LEARNER], learners, PRIOR_VARIANCE[LEARNER])
    levels[FORGETTING], _ = _placed(state[FORGETTING], learners, PRIOR_VARIANCE[FORGETTING])
    by_answer = {LEARNER: places[learner]}
    for level, keys in ((OBJECTIVE, answers.objective), (ITEM, answers.item)):
        number, named = _numbered(keys)
        levels[level], places = _placed(state[level], named, PRIOR_VARIANCE[level])
        by_answer[level] = places[number]
    topics = np.unique(np.concatenate([state[TOPIC].other, answers.topic[answers.topic != NOTHING]]))
    topic = np.where(answers.topic == NOTHING, len(topics), np.searchsorted(topics, answers.topic))
    for level, seconds, second in ((TOPIC, topics, topic), (PAIR, levels[OBJECTIVE].key, by_answer[OBJECTIVE])):
        levels[level], by_answer[level] = _placed_pairs(
            state[level], levels[LEARNER].key, seconds, by_answer[LEARNER], second, PRIOR_VARIANCE[level]
        )
    levels[LEARNER] = replace(levels[LEARNER], counted=np.isin(levels[LEARNER].key, counted))
    # One place more than there are keys, of variance 0: where an answer has no objective or item, nothing moves.
    moved = tuple(
        (np.append(one.mean, 0.0), np.append(one.variance, 0.0), np.append(one.day, 0)) for one in levels[:COEFFICIENT]
    )
    practised = np.append(levels[PAIR].right, 0.0), np.append(levels[PAIR].wrong, 0.0)
    shared = levels[COEFFICIENT]
    own = shared.key == shared.other
    coefficient, precision = shared.mean[own], shared.variance.reshape(own.sum(), own.sum()).copy()
    told = np.zeros((0, len(TOLD_NAMES))) if told is None else told
    step = compiled(move) if len(answers.day) >= COMPILED_FROM else move
    step(
        answers.day, by_answer[LEARNER], by_answer[TOPIC], by_answer[PAIR], by_answer[OBJECTIVE], by_answer[ITEM],
        answers.score, levels[LEARNER].counted[by_answer[LEARNER]], moved, practised, coefficient, precision,
        told, close,
    )  # fmt: skip
    result = [
        replace(one, mean=mean[:-1], variance=variance[:-1], day=day[:-1])
        for one, (mean, variance, day) in zip(levels[:COEFFICIENT], moved, strict=True)
    ]
    result[PAIR] = replace(result[PAIR], right=practised[0][:-1], wrong=practised[1][:-1])
    mean = np.where(own, coefficient[shared.key.astype(np.int64)], 0.0)
    return (*result, replace(shared, mean=mean, variance=precision.ravel()))


def _numbered(keys: Keys) -> tuple[Ints, Keys]:
    codes, uniques = pd.factorize(keys)
    return codes.astype(np.int64), np.asarray(uniques, np.uint64)


def _placed(ratings: Ratings, keys: Keys, variance: float) -> tuple[Ratings, Ints]:
    """The ratings with new ones for keys that had none, and the place of each key; of no key the one after the last."""
    named = keys[keys != NOTHING]
    joined, codes = _joined(ratings, ratings.key, named, np.zeros_like(named), named, variance)
    return joined, np.where(keys == NOTHING, len(codes), np.searchsorted(codes, keys)).astype(np.int64)


def _placed_pairs(
    ratings: Ratings, learners: Keys, others: Keys, learner: Ints, other: Ints, variance: float
) -> tuple[Ratings, Ints]:
    """As `_placed`, for the (learner, other) of each answer, given as places among the sorted keys of both."""
    width = len(others) + 1
    own = np.searchsorted(learners, ratings.key) * width + np.searchsorted(others, ratings.other)
    numbers, codes = pd.factorize(learner * width + other)
    named = codes[codes % width != len(others)]
    joined, sorted_codes = _joined(ratings, own, learners[named // width], others[named % width], named, variance)
    nothing = codes % width == len(others)
    places = np.where(nothing, len(sorted_codes), np.searchsorted(sorted_codes, codes))
    return joined, places.astype(np.int64)[numbers]


def _joined(
    ratings: Ratings, own: npt.NDArray[Any], key: Keys, other: Keys, codes: npt.NDArray[Any], variance: float
) -> tuple[Ratings, npt.NDArray[Any]]:
    """Ratings with new ones for those of `codes`, which sort as (key, other) do, not among `own`; all codes, sorted."""
    fresh = ~np.isin(codes, own)
    added = Ratings.new(key[fresh], other[fresh], variance)
    both = np.concatenate([own, codes[fresh]])
    order = np.argsort(both, kind="stable")
    columns = zip(ratings.columns(), added.columns(), strict=True)
    return Ratings(*(np.concatenate(pair)[order] for pair in columns)), both[order]
