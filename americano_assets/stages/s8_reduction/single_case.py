"""One learner's study days by phase of an experiment of the app's, and the test over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.effects.single_case import SingleCase, kind_of, randomization_test
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, days_between, last_closed, opening
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s3_training.analysis_runs import link_run, require_run
from americano_assets.stages.s8_reduction.sql import query

_EVENTS, _INTERACTIONS = "behavioral_events", "interactions"


@dataclass(frozen=True)
class Occasion:
    """A study day with a phase and enough graded work: share of its objectives that were struggles, and their score.

    Attributes:
        struggle: Share of the objectives with a mean graded score below the threshold, 0-1.
        score: Mean of the objectives' mean graded scores, 0-1.
    """

    day: date
    kind: str
    struggle: float
    score: float


@dataclass(frozen=True)
class LearnerPhases:
    """What the phases of one learner say.

    Attributes:
        occasions: The days that were compared, in order.
        struggle: The test of the share of struggles.
        score: The test of the mean score.
        mixed_days: Days whose events name both kinds of phase: they are left out.
        idle_days: Days with a phase and too little graded work.
        unknown_labels: Labels that are neither a baseline nor an intervention, with their days.
    """

    occasions: list[Occasion]
    struggle: SingleCase
    score: SingleCase
    mixed_days: int
    idle_days: int
    unknown_labels: Mapping[str, int]
    mlflow_run: str | None = None


@dataclass
class _Days:
    kinds: dict[date, str] = field(default_factory=dict)
    mixed: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def analyse(deployment: Deployment, learner: str, *, analysis_run: str | None = None) -> LearnerPhases:
    """Compare a learner's phases over all closed study days that were read.

    The result is kept as an MLflow run, which names no learner: ml.single_cases says whose it is. With the id of an
    analysis run of the app's the two point at each other.

    Raises:
        AmericanoError: Nobody of that id takes part, no event of theirs carries a phase, the analysis run is not there,
            or MLflow could not be used.
    """
    if analysis_run is not None:
        with deployment.connect() as connection:
            require_run(connection, analysis_run)
    if learner not in deployment.analysable():
        raise AmericanoError(
            f"«{learner}» is nobody's id, or that learner opted out of being analysed: there is nothing to compare."
        )
    closed = last_closed(deployment.now(), deployment.zone)
    span = days_between(deployment.first_day, closed)
    versions = {name: deployment.store.current_days(name, span) for name in (_EVENTS, _INTERACTIONS)}
    occasions: list[Occasion] = []
    with open_feature_engine() as engine:
        days = _phase_days(deployment, engine, versions[_EVENTS], learner) if versions[_EVENTS] else _Days()
        if not days.kinds and not days.unknown and not days.mixed:
            raise AmericanoError(
                f"No event of «{learner}» up to study day {closed} carries an experiment phase: the app writes it into"
                ' behavioral_events."experimentPhase".'
            )
        for day, kind in days.kinds.items():
            if (version := versions[_INTERACTIONS].get(day)) is not None:
                engine.view(_INTERACTIONS, deployment.store.paths(_INTERACTIONS, {day: version}))
                occasions += _occasion(deployment, engine, learner, day, kind)
    kinds = [one.kind for one in occasions]
    found = LearnerPhases(
        occasions,
        randomization_test([one.struggle for one in occasions], kinds),
        randomization_test([one.score for one in occasions], kinds),
        days.mixed,
        len(days.kinds) - len(occasions),
        days.unknown,
    )
    return _kept(deployment, learner, found, analysis_run)


def _phase_days(deployment: Deployment, engine: FeatureEngine, versions: Mapping[date, object], learner: str) -> _Days:
    engine.view(_EVENTS, deployment.store.paths(_EVENTS, dict(versions)))  # type: ignore[arg-type]
    result = _Days()
    for row in engine.run(query("experiment_days"), {"learner": learner}).to_pylist():
        kinds = {label: kind_of(label) for label in row["labels"]}
        for label in (label for label, kind in kinds.items() if kind is None):
            result.unknown[label] = result.unknown.get(label, 0) + 1
        known = {kind for kind in kinds.values() if kind is not None}
        result.mixed += len(known) > 1
        if len(known) == 1:
            result.kinds[row["day"]] = known.pop()
    return result


def _occasion(deployment: Deployment, engine: FeatureEngine, learner: str, day: date, kind: str) -> list[Occasion]:
    objectives = engine.run(
        "SELECT DISTINCT learner_id, objective_id FROM interactions "
        "WHERE learner_id = $learner AND objective_id IS NOT NULL ORDER BY objective_id",
        {"learner": learner},
    )
    below = deployment.target.struggle_below
    labels = engine.labels(objectives, opening(day, deployment.zone), cutoff(day, deployment.zone), below)
    studied = labels.filter(pc.is_valid(labels["struggled"]))
    if not len(studied):
        return []
    return [Occasion(day, kind, _mean(studied["mean_struggle"]), _mean(studied["mean_score"]))]


def _mean(values: pa.ChunkedArray) -> float:
    return float(pc.mean(pc.cast(values, pa.float64())).as_py())


def _kept(deployment: Deployment, learner: str, found: LearnerPhases, analysis_run: str | None) -> LearnerPhases:
    tests = {"struggle": found.struggle, "score": found.score}
    figures = {
        f"{name}_{figure}": value
        for name, test in tests.items()
        for figure in ("estimate", "mean_baseline", "mean_intervention", "p_lower", "p_two_sided")
        if (value := getattr(test, figure)) is not None
    }
    params = {
        "phases": " ".join(f"{kind}:{length}" for kind, length in found.struggle.phases),
        "ways": found.struggle.ways,
        "exact": found.struggle.exact,
        "struggle_below": deployment.target.struggle_below,
        "reason": found.struggle.reason or "",
    }
    tags = {"analysis_run_id": analysis_run} if analysis_run else {}
    run = deployment.tracking.log_analysis(name="single case", params=params, metrics=figures, tags=tags)
    with deployment.connect() as connection:
        connection.execute(
            "INSERT INTO ml.single_cases (mlflow_run_id, user_id, analysed_at) VALUES (%s, %s, %s)",
            [run, learner, naive(deployment.now())],
        )
    if analysis_run is not None:
        with deployment.connect() as connection:
            link_run(connection, analysis_run, run)
    return LearnerPhases(**{**vars(found), "mlflow_run": run})
