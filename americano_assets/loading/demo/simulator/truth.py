"""The true probability of a struggle, exactly, and the best AUC that it allows."""

import numpy as np
import pandas as pd
from scipy.special import comb, expit

from americano_assets.loading.demo.simulator.draw.curriculum import CARDS_PER_OBJECTIVE, Curriculum, Floats, Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools
from americano_assets.loading.demo.simulator.draw.plan import SKIPPED_FATES, SKIPPED_SHARE, Plan
from americano_assets.settings import Settings

# How well a learner happens to be at ease with an objective on a planned day: nobody can know it before.
FORM_SPREAD = 1.0
FOLLOW_UP_EASE = 0.3
VALIDATION_EASE = -0.2
VALIDATION_POINTS = 10  # a validation's score is a count of tenths
LEAST_REVIEWS = 3
HORIZON_DAYS: int = Settings.model_fields["americano_horizon_days"].default
STRUGGLE_BELOW: float = Settings.model_fields["americano_struggle_below"].default

_AGAIN_COUNT, _AGAIN_SHARE = 3, 0.3
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_CHUNK = 1_000
# A validation that stays skipped, or is answered after the window, counts as 0 in it.
_COUNTS_AS_ZERO = SKIPPED_SHARE * (SKIPPED_FATES[1] + SKIPPED_FATES[2])


def has_evidence(plan: Plan) -> Bools:
    """Whether a planned day, if studied, gives a label."""
    result: Bools = plan.validated | (plan.reviews + plan.follow_ups >= LEAST_REVIEWS)
    return result


def mean_struggles(tenths: Ints, answers: Ints) -> Bools:
    """Whether answers of so many tenths in all have the mean of a struggle, in the simulator's own words."""
    result: Bools = tenths < np.round(STRUGGLE_BELOW * VALIDATION_POINTS * answers, 9)
    return result


def struggled(reviews: Ints, again: Ints, validations: Ints, points: Ints) -> Bools:
    """Whether a window with evidence is a struggle; `points` are the tenths of its validation."""
    low = mean_struggles((reviews - again) * VALIDATION_POINTS + points, reviews + validations)
    result: Bools = low | ((again >= _AGAIN_COUNT) & (again >= np.round(_AGAIN_SHARE * reviews, 9)))
    return result


def struggle_probability(plan: Plan, curriculum: Curriculum, base: Floats, rows: Ints) -> Floats:
    """P(struggle in the window | studied as planned, everything at its start), one a planned row of `rows`.

    Exact: over the form of the day by Gauss-Hermite quadrature, over the reviews' lapses by their Poisson-binomial
    distribution, over the validation's score by its binomial one.

    Args:
        plan: The planned rows.
        curriculum: For the ease of the cards.
        base: Logits of success at the start of the window, one a row of the plan.
        rows: Which rows of the plan.
    """
    result = np.zeros(len(rows))
    for validated in (False, True):
        places = np.flatnonzero(plan.validated[rows] == validated)
        for first in range(0, len(places), _CHUNK):
            chunk = places[first : first + _CHUNK]
            result[chunk] = _chunk(plan, curriculum, base, rows[chunk], validated)
    return result


def _chunk(plan: Plan, curriculum: Curriculum, base: Floats, rows: Ints, validated: bool) -> Floats:
    n = plan.reviews[rows] + plan.follow_ups[rows]
    logits = base[rows] + FORM_SPREAD * _NODES[:, None]
    lapses = np.zeros((CARDS_PER_OBJECTIVE + 1, *logits.shape))  # by count of lapses, node, row
    lapses[0] = 1
    for place in range(int(n.max(initial=0))):
        card = (plan.first_card[rows] + place) % CARDS_PER_OBJECTIVE
        ease = curriculum.card_ease[plan.objective[rows], card] + FOLLOW_UP_EASE * (place >= plan.reviews[rows])
        lapse = expit(-(logits + ease)) * (place < n)
        lapses[1:] += lapse * (lapses[:-1] - lapses[1:])
        lapses[0] *= 1 - lapse
    points = np.arange(VALIDATION_POINTS + 1) if validated else np.zeros(1, np.int64)
    scores = _scores(logits) if validated else np.ones((1, *logits.shape))
    weights = (_NODE_WEIGHTS / _NODE_WEIGHTS.sum())[:, None]
    result = np.zeros(len(rows))
    for again in range(CARDS_PER_OBJECTIVE + 1):
        struggle = struggled(n, np.array(again), np.array(int(validated)), points[:, None])
        for score, such in zip(scores, struggle, strict=True):
            if such.any():
                result += (lapses[again] * score * weights).sum(axis=0) * such
    return result


def _scores(logits: Floats) -> Floats:
    """Distribution of the tenths that a validation counts for in its window: (tenths, *logits.shape)."""
    chance = expit(logits + VALIDATION_EASE)
    result = np.stack(
        [
            (1 - _COUNTS_AS_ZERO)
            * comb(VALIDATION_POINTS, points)
            * chance**points
            * (1 - chance) ** (VALIDATION_POINTS - points)
            for points in range(VALIDATION_POINTS + 1)
        ]
    )
    result[0] += _COUNTS_AS_ZERO
    return result


def best_auc(truth: pd.DataFrame) -> float:
    """The AUC to be expected of the true probabilities themselves: no forecast can be expected to do better.

    Args:
        truth: With `p_struggle`; take the rows that a forecast is judged on.
    """
    p = truth["p_struggle"].to_numpy()
    return expected_auc(p, p)


def expected_auc(score: Floats, p: Floats) -> float:
    """The AUC to be expected where rows whose struggles have the probabilities `p` are ranked by `score`; both (n,)."""
    order = np.argsort(score)
    ranked, p = score[order], p[order]
    below = np.concatenate([[0.0], np.cumsum(1 - p)])
    first, last = np.searchsorted(ranked, ranked, side="left"), np.searchsorted(ranked, ranked, side="right")
    # Chance that a struggle meets a smooth window at a lower score, ties at half; a row never meets itself.
    wins = p * (below[first] + (below[last] - below[first] - (1 - p)) / 2)
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    return float(wins.sum() / pairs)
