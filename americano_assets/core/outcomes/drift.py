"""What has shifted since the models were taught: features, struggle rates, calibration, over all and by course.

Like is compared with like. A course that has run before is compared, as far as it has come, with the same part of its
earlier runs; another with its own rows before the latest weeks, without what moves as any term goes on. Everybody are
all running courses, each reference weighing as much as its course does now. So a term that goes on is no drift, and a
mix of courses is none either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.features.catalog import EXTENDED_NAMES, FEATURE_NAMES
from americano_assets.core.statistics.metrics import Calibration
from americano_assets.core.training.splits import first_test_day

ALL, COURSE = "all", "course"
PSI, PSI_MEAN, LABEL_RATE, ECE = "psi", "psi_mean", "label_rate", "ece"
OK, WARN, ALARM, TOO_FEW = "ok", "warn", "alarm", "too_few"
# The customary limits of the population stability index (Siddiqi, Credit Risk Scorecards, 2006, gives .1 and .25).
PSI_LIMITS = (0.1, 0.2)
# Of a struggle rate's change, and of a calibration error beyond chance, both in 0-1.
RATE_LIMITS = (0.05, 0.10)
ECE_LIMITS = (0.05, 0.10)
# A change of the struggle rate below so many standard errors may be chance.
LEAST_ERRORS = 3.0
BINS = 10
# PSI of samples without any drift is about (bins - 1)(1/n + 1/m): half of what warns is the most that may be chance.
MOST_CHANCE = PSI_LIMITS[0] / 2
# Rows before and as many now from which on it is no more than that.
LEAST_OF_BOTH = round(2 * (BINS - 1) / MOST_CHANCE)
DRIFTING = FEATURE_NAMES + EXTENDED_NAMES
# Of a course's few objectives each has one value, and a learner's moves with every answer: two runs of a course always
# differ in them. They are measured and kept, but ring no bell; what they estimate shows in the struggle rate.
RUNNING_ESTIMATES = frozenset(
    {
        *("elo_chance", "elo_learner", "elo_pair", "elo_difficulty"),
        *("cohort_first_try", "cohort_recent", "cohort_before"),
    }
)
# They move as a term goes on, in every course: only another run of it can say whether they move as they used to.
OF_THE_CALENDAR = frozenset(
    {
        *("days_until_exam", "workload_level"),
        *("log_successes", "log_failures", "topic_log_successes", "topic_log_failures"),
    }
)


@dataclass(frozen=True)
class Drift:
    """One thing that was looked at.

    Attributes:
        scope: ALL or COURSE.
        scope_id: The course, or empty.
        measure: PSI of one feature, PSI_MEAN over features, LABEL_RATE, or ECE of published predictions.
        feature: Its name where the measure is PSI, else empty.
        value: The index, the change of the rate, or the calibration error beyond chance; None where TOO_FEW.
        reference: Mean of the feature, or rate, before; None where there is none.
        current: The same now.
        n_reference: Rows before.
        n_current: Rows now.
        status: OK, WARN, ALARM or TOO_FEW.
    """

    scope: str
    scope_id: str
    measure: str
    feature: str
    value: float | None
    reference: float | None
    current: float | None
    n_reference: int
    n_current: int
    status: str


@dataclass(frozen=True)
class _Compared:
    """Rows of a scope before and now; reference rows weigh differently."""

    scope: str
    scope_id: str
    reference: pd.DataFrame
    weights: FloatArray
    current: pd.DataFrame
    features: tuple[str, ...]


def row_drift(rows: pd.DataFrame, runs: Mapping[str, str]) -> list[Drift]:
    """Shifts of features and struggle rates.

    Args:
        rows: `learner_id`, `course_id`, `cutoff_day`, `struggled` and the features, of all labelled cut-offs.
        runs: Of a course, what it has in common with its earlier runs; a course that is missing has none.

    Returns:
        Everybody first, then courses; empty without rows.
    """
    if rows.empty:
        return []
    compared = list(_courses(rows, runs))
    enough = [one for one in compared if _chance(one) <= MOST_CHANCE]
    scopes = [*([_everybody(enough)] if enough else []), *compared]
    return [found for one in scopes for found in _of_scope(one)]


def calibration_drift(course: str, n: int, ece: float | None, curve: Calibration | None) -> Drift:
    """How far a course's published probabilities are off, beyond what a sound model would show by chance.

    Args:
        course: Its id.
        n: Matured predictions.
        ece: Their expected calibration error; None where it could not be told.
        curve: Its bins.
    """
    if ece is None or curve is None or not n:
        return Drift(COURSE, course, ECE, "", None, None, ece, 0, n, TOO_FEW)
    expected = ece_by_chance(curve)
    if expected > ECE_LIMITS[0]:
        return Drift(COURSE, course, ECE, "", None, expected, ece, 0, n, TOO_FEW)
    excess = max(0.0, ece - expected)
    return Drift(COURSE, course, ECE, "", excess, expected, ece, 0, n, _status(excess, ECE_LIMITS))


def ece_by_chance(curve: Calibration) -> float:
    """The calibration error that a perfectly calibrated model of these bins would show, about: E|N(0, p(1-p)/n)|."""
    p, n = np.array(curve.prob_pred), np.array(curve.count)
    return float(np.average(np.sqrt(2 / np.pi * p * (1 - p) / n), weights=n))


def stability_index(reference: FloatArray, current: FloatArray, weights: FloatArray | None = None) -> float:
    """Population stability index, sum of (a - e) ln(a / e) over bins of equal reference mass, half a row in each more.

    Args:
        reference: Values before; few distinct ones are bins of their own, and what never occurred is one.
        current: Values now.
        weights: Of the reference rows; alike if None.
    """
    weights = np.ones(len(reference)) if weights is None else weights * (len(reference) / weights.sum())
    known = np.unique(reference)
    if len(known) <= BINS:
        before, now = (np.searchsorted(known, values) for values in (reference, current))
        new = (now == len(known)) | (known[np.minimum(now, len(known) - 1)] != current)
        now = np.where(new, len(known), now)
        bins = len(known) + 1
    else:
        edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
        before, now = (np.searchsorted(edges, values, side="right") for values in (reference, current))
        bins = len(edges) + 1
    expected = np.bincount(before, weights, bins) + 0.5
    actual = np.bincount(now, minlength=bins) + 0.5
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(((actual - expected) * np.log(actual / expected)).sum())


def alarming(found: Sequence[Drift]) -> list[str]:
    """Ids of courses that alarm, an empty one for everybody, those with the largest shift first.

    Of a course all its features together count, its struggle rate and its calibration; of everybody each feature too.
    """
    size: dict[str, float] = {}
    for one in found:
        if one.status == ALARM and counts(one):
            size[one.scope_id] = max(size.get(one.scope_id, 0.0), abs(one.value or 0.0))
    return sorted(size, key=lambda course: -size[course])


def counts(one: Drift) -> bool:
    """Whether it is told and may ring: of a course's PSI only the mean, since single features exceed it by chance."""
    return one.measure != PSI or (one.scope == ALL and one.feature not in RUNNING_ESTIMATES)


def _courses(rows: pd.DataFrame, runs: Mapping[str, str]) -> Iterator[_Compared]:
    """Each course with rows in the latest weeks, beside its earlier runs or its own earlier weeks."""
    days = pd.to_datetime(rows["cutoff_day"])
    latest = (days >= pd.Timestamp(first_test_day(rows["cutoff_day"]))).to_numpy()
    began = days.groupby(rows["course_id"]).transform("min")
    age = days - began
    family = rows["course_id"].map(runs).fillna(rows["course_id"])
    for course in sorted(rows["course_id"][latest].unique()):
        own = (rows["course_id"] == course).to_numpy()
        first = began[own].iloc[0]
        earlier = ((family == family[own].iloc[0]) & (days < first) & (age <= age[own].max())).to_numpy()
        if earlier.any():
            before, now, features = earlier, own, DRIFTING
        else:
            before, now = own & ~latest, own & latest
            features = tuple(name for name in DRIFTING if name not in OF_THE_CALENDAR)
        yield _Compared(COURSE, str(course), rows[before], np.ones(int(before.sum())), rows[now], features)


def _everybody(courses: Sequence[_Compared]) -> _Compared:
    return _Compared(
        ALL,
        "",
        pd.concat([one.reference for one in courses]),
        np.concatenate([one.weights * (len(one.current) / len(one.reference)) for one in courses]),
        pd.concat([one.current for one in courses]),
        min((one.features for one in courses), key=len),
    )


def _chance(one: _Compared) -> float:
    if one.reference.empty or one.current.empty:
        return np.inf
    return (BINS - 1) * (1 / len(one.reference) + 1 / len(one.current))


def _of_scope(one: _Compared) -> Iterator[Drift]:
    sizes = (len(one.reference), len(one.current))
    if _chance(one) > MOST_CHANCE:
        for measure in (PSI_MEAN, LABEL_RATE):
            yield Drift(one.scope, one.scope_id, measure, "", None, None, None, *sizes, TOO_FEW)
        return
    indices = []
    for name in one.features:
        before, now = (part[name].to_numpy(dtype=float) for part in (one.reference, one.current))
        index = stability_index(before, now, one.weights)
        if name not in RUNNING_ESTIMATES:
            indices.append(index)
        means = float(np.average(before, weights=one.weights)), float(now.mean())
        yield Drift(one.scope, one.scope_id, PSI, name, index, *means, *sizes, _status(index, PSI_LIMITS))
    mean = float(np.mean(indices))
    yield Drift(one.scope, one.scope_id, PSI_MEAN, "", mean, None, None, *sizes, _status(mean, PSI_LIMITS))
    before, now = (part["struggled"].to_numpy(dtype=float) for part in (one.reference, one.current))
    rates = float(np.average(before, weights=one.weights)), float(now.mean())
    error = np.hypot(
        _clustered_error(before, one.reference["learner_id"], one.weights),
        _clustered_error(now, one.current["learner_id"], np.ones(len(now))),
    )
    change = rates[1] - rates[0]
    status = _status(abs(change), RATE_LIMITS) if abs(change) > LEAST_ERRORS * error else OK
    yield Drift(one.scope, one.scope_id, LABEL_RATE, "", change, *rates, *sizes, status)


def _clustered_error(outcome: FloatArray, learner: pd.Series, weights: FloatArray) -> float:
    """Standard error of a weighted mean whose rows are alike within a learner."""
    residual = weights * (outcome - np.average(outcome, weights=weights))
    sums = pd.Series(residual).groupby(learner.to_numpy()).sum()
    return float(np.sqrt((sums**2).sum()) / weights.sum())


def _status(value: float, limits: tuple[float, float]) -> str:
    warn, alarm = limits
    return ALARM if value >= alarm else WARN if value >= warn else OK
