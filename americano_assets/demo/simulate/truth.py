"""The true probability of a struggle, exactly, and the best AUC that it allows.

Belongs here: how one answer turns out, and what follows for a label window. Does not: the state that a window starts
from.
"""

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binom

from americano_assets.demo.simulate.curriculum import CARDS_PER_OBJECTIVE, Curriculum, Floats, Ints
from americano_assets.demo.simulate.plan import SKIPPED_FATES, SKIPPED_SHARE, Plan
from americano_assets.settings import Settings

# How well a learner happens to be at ease with an objective on a planned day: nobody can know it before.
FORM_SPREAD = 0.8
FOLLOW_UP_EASE = 0.3
VALIDATION_EASE = -0.2
VALIDATION_POINTS = 10  # a validation's score is a count of tenths
LEAST_REVIEWS = 3
HORIZON_DAYS: int = Settings.model_fields["americano_horizon_days"].default
STRUGGLE_BELOW: float = Settings.model_fields["americano_struggle_below"].default

_AGAIN_COUNT, _AGAIN_SHARE = 3, 0.3
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
_CHUNK = 10_000
# A validation that stays skipped, or is answered after the window, counts as 0 in it.
_COUNTS_AS_ZERO = SKIPPED_SHARE * (SKIPPED_FATES[1] + SKIPPED_FATES[2])


def has_evidence(plan: Plan) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a planned day, if studied, gives a label."""
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = plan.validated | (
        plan.reviews + plan.follow_ups >= LEAST_REVIEWS
    )
    return result


def struggled(reviews: Ints, again: Ints, validations: Ints, points: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a window with evidence is a struggle; `points` are the tenths of its validation."""
    total = (reviews - again) * VALIDATION_POINTS + points
    low = total < np.round(STRUGGLE_BELOW * VALIDATION_POINTS * (reviews + validations), 9)
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = low | (
        (again >= _AGAIN_COUNT) & (again >= np.round(_AGAIN_SHARE * reviews, 9))
    )
    return result


def struggle_probability(plan: Plan, curriculum: Curriculum, base: Floats) -> Floats:
    """P(struggle in the window | studied as planned, everything at its start), one a planned row.

    Exact: over the form of the day by Gauss-Hermite quadrature, over the reviews' lapses by their Poisson-binomial
    distribution, over the validation's score by its binomial one.

    Args:
        plan: The planned rows.
        curriculum: For the ease of the cards.
        base: Logits of success at the start of the window, one a row.
    """
    chunks = [
        _chunk(plan, curriculum, base, slice(first, first + _CHUNK)) for first in range(0, len(plan), _CHUNK)
    ]
    return np.concatenate(chunks) if chunks else np.zeros(0)


def _chunk(plan: Plan, curriculum: Curriculum, base: Floats, rows: slice) -> Floats:
    main, n = plan.reviews[rows], (plan.reviews + plan.follow_ups)[rows]
    logits = base[rows, None] + FORM_SPREAD * _NODES
    lapses = np.zeros((*logits.shape, CARDS_PER_OBJECTIVE + 1))
    lapses[..., 0] = 1
    for place in range(CARDS_PER_OBJECTIVE):
        card = (plan.first_card[rows] + place) % CARDS_PER_OBJECTIVE
        ease = curriculum.card_ease[plan.objective[rows], card] + FOLLOW_UP_EASE * (place >= main)
        lapse = np.where((place < n)[:, None], expit(-(logits + ease[:, None])), 0.0)[..., None]
        shifted = np.concatenate([np.zeros_like(lapse), lapses[..., :-1]], axis=-1)
        lapses = lapses * (1 - lapse) + shifted * lapse
    validated = plan.validated[rows]
    answered = binom.pmf(
        np.arange(VALIDATION_POINTS + 1), VALIDATION_POINTS, expit(logits + VALIDATION_EASE)[..., None]
    )
    scores = (1 - _COUNTS_AS_ZERO) * answered
    scores[..., 0] += _COUNTS_AS_ZERO
    scores[~validated] = 0
    scores[~validated, :, 0] = 1
    points = np.arange(VALIDATION_POINTS + 1)
    result = np.zeros(logits.shape)
    for again in range(CARDS_PER_OBJECTIVE + 1):
        struggle = struggled(n[:, None], np.array(again), validated[:, None].astype(np.int64), points[None, :])
        result += lapses[..., again] * np.einsum("rns,rs->rn", scores, struggle.astype(float))
    weighed: Floats = result @ (_NODE_WEIGHTS / _NODE_WEIGHTS.sum())
    return weighed


def best_auc(truth: pd.DataFrame) -> float:
    """The AUC to be expected of the true probabilities themselves: no forecast can be expected to do better.

    Args:
        truth: With `p_struggle`; take the rows that a forecast is judged on.
    """
    p = np.sort(truth["p_struggle"].to_numpy())
    below = np.concatenate([[0.0], np.cumsum(1 - p)])
    first, last = np.searchsorted(p, p, side="left"), np.searchsorted(p, p, side="right")
    # Chance that a struggle at p meets a smooth window at a lower one, ties at half; a row never meets itself.
    wins = p * (below[first] + (below[last] - below[first] - (1 - p)) / 2)
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    return float(wins.sum() / pairs)
