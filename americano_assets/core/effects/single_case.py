"""One learner, phases in turn (ABAB): a randomization test over where the phases could have begun.

Source: Edgington and Onghena, Randomization Tests (4th ed., 2007), chapter 11; Onghena, Behavioral Assessment 14
(1992).
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from americano_assets.core.base.arrays import BoolArray, FloatArray, IntArray

BASELINE, INTERVENTION = "baseline", "intervention"
# The least that standards for single-case designs accept (What Works Clearinghouse, 2022).
LEAST_OCCASIONS = 3
# With fewer ways in which it could have been drawn no result can be rarer than one in twenty.
LEAST_WAYS = 20
# Up to so many ways all are looked at, else so many that are drawn.
MOST_WAYS, DRAWN_WAYS = 200_000, 20_000
_WORDS = {BASELINE: "a|baseline|control", INTERVENTION: "b|intervention|treatment"}
_LABELS = {
    kind: re.compile(rf"(?:phase[\s_-]*)?(?:{words})[\s_-]*\d*", re.IGNORECASE) for kind, words in _WORDS.items()
}


@dataclass(frozen=True)
class SingleCase:
    """What one learner's phases say of an outcome.

    Attributes:
        phases: BASELINE or INTERVENTION and the number of occasions, in order.
        estimate: Mean of the intervention's occasions minus mean of the baseline's; None with a reason.
        mean_baseline, mean_intervention: Those means.
        ways: In how many ways the phases could have been drawn.
        p_lower: Share of these ways whose difference is at most the one that was found: small where help lowers it.
        p_two_sided: Share whose difference is at least as far from 0.
        exact: All ways were looked at; else as many as DRAWN_WAYS, drawn at random, beside the one that happened.
        reason: Why there is no test.
    """

    phases: tuple[tuple[str, int], ...]
    estimate: float | None = None
    mean_baseline: float | None = None
    mean_intervention: float | None = None
    ways: int = 0
    p_lower: float | None = None
    p_two_sided: float | None = None
    exact: bool = True
    reason: str | None = None


def kind_of(label: str | None) -> str | None:
    """BASELINE or INTERVENTION of the app's label of a phase (A1, baseline, B2, treatment…); None: neither."""
    words = (label or "").strip()
    return next((kind for kind, pattern in _LABELS.items() if pattern.fullmatch(words)), None)


def phases_of(kinds: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Runs of the same kind with their lengths, in order."""
    runs: list[tuple[str, int]] = []
    for kind in kinds:
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + 1)
        else:
            runs.append((kind, 1))
    return tuple(runs)


def randomization_test(
    outcomes: Sequence[float], kinds: Sequence[str], *, least: int = LEAST_OCCASIONS, seed: int = 0
) -> SingleCase:
    """Whether an outcome differs between phases by more than chance, had their beginnings been drawn by chance.

    The number of phases and their order stay; where each begins is taken to have been drawn, all ways being equally
    likely in which each phase has at least `least` occasions. Nothing is assumed of the outcomes: they may have a
    trend, depend on each other, or be shares. If help does nothing, p is at most x with a chance of at most x, for each
    x. If the beginnings were *not* drawn, but chosen when the learner did well or badly, p means nothing.

    Args:
        outcomes: One an occasion, in order.
        kinds: BASELINE or INTERVENTION of each occasion.
        least: Occasions that each phase must have.
        seed: Of the ways that are drawn where there are too many to look at all.
    """
    values = np.asarray(outcomes, dtype=float)
    phases = phases_of(kinds)
    if reason := _too_few(phases, least):
        return SingleCase(phases, reason=reason)
    helped = np.array([kind == INTERVENTION for kind in kinds])
    means = {flag: float(values[helped == flag].mean()) for flag in (False, True)}
    free = len(values) - least * len(phases)
    ways = math.comb(free + len(phases) - 1, len(phases) - 1)
    found = SingleCase(phases, means[True] - means[False], means[False], means[True], ways, exact=ways <= MOST_WAYS)
    if ways < LEAST_WAYS:
        reason = f"Insufficient data: the phases could have been drawn in {ways} ways only; {LEAST_WAYS} are needed."
        return replace(found, reason=reason)
    intervention = np.array([kind == INTERVENTION for kind, _ in phases])
    chosen = _all_ways if found.exact else _drawn_ways
    differences = _differences(values, intervention, chosen(free, len(phases), least, seed))
    # What happened is one of all ways; of drawn ones it is one more.
    own = 0 if found.exact else 1
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    happened = means[True] - means[False]
    lower = int((differences <= happened + slack).sum()) + own
    either = int((np.abs(differences) >= abs(happened) - slack).sum()) + own
    return replace(found, p_lower=lower / (len(differences) + own), p_two_sided=either / (len(differences) + own))


def _too_few(phases: tuple[tuple[str, int], ...], least: int) -> str | None:
    kinds = {kind for kind, _ in phases}
    if kinds != {BASELINE, INTERVENTION}:
        missing = " and ".join(sorted({BASELINE, INTERVENTION} - kinds))
        return f"Insufficient data: no occasion of {missing}."
    shortest = min(length for _, length in phases)
    if shortest < least:
        return f"Insufficient data: a phase has {shortest} occasions; {least} are needed in each."
    return None


def _all_ways(free: int, phases: int, least: int, _: int) -> IntArray:
    """Where the second and later phases begin, one row a way: places of bars among the occasions that are free."""
    flat = (bar for bars in combinations(range(free + phases - 1), phases - 1) for bar in bars)
    return _beginnings(np.fromiter(flat, dtype=np.int64).reshape(-1, phases - 1), least)


def _drawn_ways(free: int, phases: int, least: int, seed: int) -> IntArray:
    random = np.random.default_rng(seed)
    bars = [random.choice(free + phases - 1, phases - 1, replace=False) for _ in range(DRAWN_WAYS)]
    return _beginnings(np.sort(np.array(bars, dtype=np.int64), axis=1), least)


def _beginnings(bars: IntArray, least: int) -> IntArray:
    place = np.arange(bars.shape[1])
    result: IntArray = bars - place + least * (place + 1)
    return result


def _differences(values: FloatArray, intervention: BoolArray, begins: IntArray) -> FloatArray:
    """Mean of the intervention's occasions minus mean of the baseline's, one a way."""
    edges = np.column_stack([np.zeros(len(begins), np.int64), begins, np.full(len(begins), len(values), np.int64)])
    sums = np.concatenate([[0.0], np.cumsum(values)])
    in_phase, length = np.diff(sums[edges], axis=1), np.diff(edges, axis=1)
    total, count = (in_phase * intervention).sum(axis=1), (length * intervention).sum(axis=1)
    result: FloatArray = total / count - (sums[-1] - total) / (len(values) - count)
    return result
