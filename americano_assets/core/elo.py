"""Ratings of learners, objectives and items that move with every graded answer, in one pass over the log.

The log-odds that an answer is right are x = everyone + learner + learner on this objective - objective - item. Each
term is a mean with a variance; an answer moves every term towards what it showed, the more the less was known of it.

Belongs here: the pass and the state between two days. Does not: files, and which learners count (the caller says).

Source of the step: Glicko (Glickman, Applied Statistics 48:377, 1999) on log-odds, with the variances of all terms in
the denominator as in an extended Kalman filter (Fahrmeir, JASA 87:501, 1992); Pelanek (Computers & Education 98:169,
2016) on Elo ratings of learners and items. A rating period of Glicko is a study day here: objectives, items and
everyone move once it closes, by all its answers at once; a learner's own terms move with each answer.
"""

import inspect
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from americano_assets.core.compiling import compiled

LEARNER, PAIR, OBJECTIVE, ITEM, EVERYONE = range(5)
LEVEL_NAMES = ("learner", "learner on objective", "objective", "item", "everyone")
# Variance of each level before any answer, on the scale of log-odds: what a first answer may move.
PRIOR_VARIANCE = (4.0, 1.0, 1.0, 0.25, 1.0)
# A learner changes: without answers what was known halves in so many study days, and the variance returns to its prior.
LEARNER_HALF_LIFE, PAIR_HALF_LIFE = 180.0, 60.0
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
        key: The learner's, objective's or item's key.
        other: The objective's key where the level is a pair, else 0.
        mean, variance: On the scale of log-odds; of an objective or item it is the difficulty.
        day: Study day of the last answer, in days since 1970-01-01.
        counted: Whether a learner's answers moved objectives, items and everyone.
    """

    key: Keys
    other: Keys
    mean: Floats
    variance: Floats
    day: Ints
    counted: npt.NDArray[np.bool_]

    @classmethod
    def new(cls, key: Keys, other: Keys, variance: float) -> "Ratings":
        """Ratings before any answer."""
        n = len(key)
        return cls(key, other, np.zeros(n), np.full(n, variance), np.zeros(n, np.int64), np.ones(n, np.bool_))

    def columns(self) -> tuple[Any, ...]:
        """The arrays in the order of the attributes."""
        return self.key, self.other, self.mean, self.variance, self.day, self.counted


State = tuple[Ratings, Ratings, Ratings, Ratings, Ratings]


@dataclass(frozen=True)
class Answers:
    """Graded interactions, sorted by (study day, learner key, occurred_at, source, source id); shape (n,) each.

    Attributes:
        day: Study day in days since 1970-01-01.
        learner, objective, item: Keys; 0 where there is none.
        score: 0-1.
    """

    day: Ints
    learner: Keys
    objective: Keys
    item: Keys
    score: Floats


def definition() -> str:
    """What a state depends on beside the answers: part of the key under which states are kept."""
    constants = (PRIOR_VARIANCE, LEARNER_HALF_LIFE, PAIR_HALF_LIFE)
    return f"{constants}{inspect.getsource(_pass)}"


def parameters() -> dict[str, object]:
    """What sql/features/elo_terms.sql needs to know of how ratings fade."""
    return {
        "learner_variance": PRIOR_VARIANCE[LEARNER],
        "pair_variance": PRIOR_VARIANCE[PAIR],
        "objective_variance": PRIOR_VARIANCE[OBJECTIVE],
        "learner_half_life": LEARNER_HALF_LIFE,
        "pair_half_life": PAIR_HALF_LIFE,
    }


def nobody() -> State:
    """The state before any answer."""
    none = np.zeros(0, np.uint64)
    empty = [Ratings.new(none, none, 0.0) for _ in range(EVERYONE)]
    whole = Ratings.new(np.zeros(1, np.uint64), np.zeros(1, np.uint64), PRIOR_VARIANCE[EVERYONE])
    return (empty[LEARNER], empty[PAIR], empty[OBJECTIVE], empty[ITEM], whole)


def agrees(state: State, counted: Keys) -> bool:
    """Whether a state was moved by exactly those of its learners that count (sorted keys)."""
    learners = state[LEARNER]
    return bool((np.isin(learners.key, counted) == learners.counted).all())


def advance(state: State, answers: Answers, counted: Keys, *, close: bool = True) -> State:
    """The state after further answers; the given one stays as it is.

    Args:
        state: After all earlier study days.
        answers: Of whole study days; of a part of one day where `close` is false.
        counted: Sorted keys of the learners who move objectives, items and everyone.
        close: Whether the last study day closes: until then only the learners' own ratings move.
    """
    if not len(answers.day):
        return state
    learner, learners = _numbered(answers.learner)
    objective, objectives = _numbered(answers.objective)
    item, items = _numbered(answers.item)
    learner_level, learner_place = _placed(state[LEARNER], learners, PRIOR_VARIANCE[LEARNER])
    objective_level, objective_place = _placed(state[OBJECTIVE], objectives, PRIOR_VARIANCE[OBJECTIVE])
    item_level, item_place = _placed(state[ITEM], items, PRIOR_VARIANCE[ITEM])
    places = learner_place[learner], objective_place[objective], item_place[item]
    pair_level, pair_place = _placed_pairs(state[PAIR], learner_level.key, objective_level.key, places[0], places[1])
    levels = (
        replace(learner_level, counted=np.isin(learner_level.key, counted)),
        pair_level,
        objective_level,
        item_level,
        state[EVERYONE],
    )
    # One place more than there are keys, of variance 0: where an answer has no objective or item, nothing moves.
    moved = [(np.append(one.mean, 0.0), np.append(one.variance, 0.0), np.append(one.day, 0)) for one in levels]
    step = compiled(_pass) if len(answers.day) >= COMPILED_FROM else _pass
    step(
        answers.day, places[0], pair_place, places[1], places[2], answers.score, levels[LEARNER].counted[places[0]],
        *moved[LEARNER], *moved[PAIR], *moved[OBJECTIVE], *moved[ITEM], *moved[EVERYONE],
        close,
    )  # fmt: skip
    result = [
        replace(one, mean=mean[:-1], variance=variance[:-1], day=day[:-1])
        for one, (mean, variance, day) in zip(levels, moved, strict=True)
    ]
    return (result[LEARNER], result[PAIR], result[OBJECTIVE], result[ITEM], result[EVERYONE])


def _numbered(keys: Keys) -> tuple[Ints, Keys]:
    codes, uniques = pd.factorize(keys)
    return codes.astype(np.int64), np.asarray(uniques, np.uint64)


def _placed(ratings: Ratings, keys: Keys, variance: float) -> tuple[Ratings, Ints]:
    """The ratings with new ones for keys that had none, and the place of each key; of no key the one after the last."""
    named = keys[keys != NOTHING]
    joined, codes = _joined(ratings, ratings.key, named, np.zeros_like(named), named, variance)
    return joined, np.where(keys == NOTHING, len(codes), np.searchsorted(codes, keys)).astype(np.int64)


def _placed_pairs(
    ratings: Ratings, learners: Keys, objectives: Keys, learner: Ints, objective: Ints
) -> tuple[Ratings, Ints]:
    """As `_placed`, for the (learner, objective) of each answer, given as places among the sorted keys of both."""
    width = len(objectives) + 1
    own = np.searchsorted(learners, ratings.key) * width + np.searchsorted(objectives, ratings.other)
    numbers, codes = pd.factorize(learner * width + objective)
    named = codes[codes % width != len(objectives)]
    key, other = learners[named // width], objectives[named % width]
    joined, sorted_codes = _joined(ratings, own, key, other, named, PRIOR_VARIANCE[PAIR])
    nothing = codes % width == len(objectives)
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


def _pass(
    day: Any, learner: Any, pair: Any, objective: Any, item: Any, score: Any,
    counted: Any, l_mean: Any, l_var: Any, l_day: Any, p_mean: Any, p_var: Any,
    p_day: Any, o_mean: Any, o_var: Any, o_day: Any, i_mean: Any, i_var: Any,
    i_day: Any, e_mean: Any, e_var: Any, e_day: Any,
    close: bool,
) -> None:  # fmt: skip
    """Move the ratings in place. Runs compiled and plain alike, so it keeps to what both understand."""
    n = len(day)
    # What the day's answers say of each objective, item and everyone: gradients and weights in 10^-9, since whole
    # numbers add up to the same whatever the order of the learners.
    o_gradient, o_weight = np.zeros(len(o_mean), np.int64), np.zeros(len(o_mean), np.int64)
    i_gradient, i_weight = np.zeros(len(i_mean), np.int64), np.zeros(len(i_mean), np.int64)
    e_gradient, e_weight = 0, 0
    no_pair, learner_prior, pair_prior = len(p_mean) - 1, PRIOR_VARIANCE[0], PRIOR_VARIANCE[1]
    start = 0
    for k in range(n):
        today, u, p, o, i = day[k], learner[k], pair[k], objective[k], item[k]
        if l_day[u] > 0 and l_day[u] < today:
            kept = 0.5 ** ((today - l_day[u]) / LEARNER_HALF_LIFE)
            l_mean[u] *= kept
            l_var[u] = learner_prior - (learner_prior - l_var[u]) * kept * kept
        l_day[u] = today
        if p != no_pair:
            if p_day[p] > 0 and p_day[p] < today:
                kept = 0.5 ** ((today - p_day[p]) / PAIR_HALF_LIFE)
                p_mean[p] *= kept
                p_var[p] = pair_prior - (pair_prior - p_var[p]) * kept * kept
            p_day[p] = today
        x = e_mean[0] + l_mean[u] + p_mean[p] - o_mean[o] - i_mean[i]
        expected = 1.0 / (1.0 + math.exp(-x))
        weight = expected * (1.0 - expected)
        surprise = score[k] - expected
        total = l_var[u] + p_var[p] + o_var[o] + i_var[i] + e_var[0]
        gain = 1.0 / (1.0 + weight * total)
        if counted[k]:
            # Weighed by how little the other terms were known; of one answer this is the step of the learner's terms.
            share = 1.0 / (1.0 + weight * (total - o_var[o]))
            o_gradient[o] -= math.floor(1e9 * share * surprise + 0.5)
            o_weight[o] += math.floor(1e9 * share * weight + 0.5)
            share = 1.0 / (1.0 + weight * (total - i_var[i]))
            i_gradient[i] -= math.floor(1e9 * share * surprise + 0.5)
            i_weight[i] += math.floor(1e9 * share * weight + 0.5)
            share = 1.0 / (1.0 + weight * (total - e_var[0]))
            e_gradient += math.floor(1e9 * share * surprise + 0.5)
            e_weight += math.floor(1e9 * share * weight + 0.5)
        l_mean[u] += l_var[u] * gain * surprise
        p_mean[p] += p_var[p] * gain * surprise
        l_var[u] -= l_var[u] * l_var[u] * weight * gain
        p_var[p] -= p_var[p] * p_var[p] * weight * gain
        if k + 1 == n and not close:
            return
        if k + 1 == n or day[k + 1] != today:
            for j in range(start, k + 1):
                o, i = objective[j], item[j]
                # The first of the day's answers that names it moves it; the others find nothing left.
                if o_weight[o] > 0:
                    step = 1.0 + o_var[o] * o_weight[o] * 1e-9
                    o_mean[o] += o_var[o] * o_gradient[o] * 1e-9 / step
                    o_var[o] /= step
                    o_day[o] = today
                    o_gradient[o], o_weight[o] = 0, 0
                if i_weight[i] > 0:
                    step = 1.0 + i_var[i] * i_weight[i] * 1e-9
                    i_mean[i] += i_var[i] * i_gradient[i] * 1e-9 / step
                    i_var[i] /= step
                    i_day[i] = today
                    i_gradient[i], i_weight[i] = 0, 0
            if e_weight > 0:
                step = 1.0 + e_var[0] * e_weight * 1e-9
                e_mean[0] += e_var[0] * e_gradient * 1e-9 / step
                e_var[0] /= step
                e_day[0] = today
                e_gradient, e_weight = 0, 0
            start = k + 1
