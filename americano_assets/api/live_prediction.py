"""One learner's predictions within the open study day: the night's steps, from live rows, for one.

The API runs it in a thread of its own, and imports this module there: it needs pandas and DuckDB.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from psycopg.errors import DeadlockDetected
from threadpoolctl import ThreadpoolController

from americano_assets.core.base.records import mappings
from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.interventions.choose_interventions import Known, interventions_of
from americano_assets.core.interventions.learner_profile import profile_of
from americano_assets.core.interventions.signs import COMPLEXITY, PREREQUISITES, indicators_of
from americano_assets.core.models.scorer import score
from americano_assets.core.publication.checks import problems
from americano_assets.core.publication.random_assignment import Policy
from americano_assets.core.study_days.cutoff import PLAN_AHEAD_DAYS, Cutoff, Target, naive
from americano_assets.core.study_days.study_day import shift, study_day_of
from americano_assets.errors import AmericanoError, DatabaseLostError, NoModelError
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.connection import connect
from americano_assets.settings import Settings
from americano_assets.stages.common.model_files import ModelStore, StoredModel
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets.stages.s1_snapshots.fast_validation import frame_keeps_every_rule
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from americano_assets.stages.s5_interventions.recommendations import PRIORITIES, easier_objectives, pairs_of
from americano_assets.stages.s6_publication.app_rows import feature_vector
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.transaction import publish_learner

# How often a publication is tried that the app's own transactions got in the way of.
_ATTEMPTS = 3
_KIND = "within_day"


@dataclass(frozen=True)
class Generated:
    """What came of it.

    Attributes:
        published: Ids of the episodes that were published, within the days asked for.
        beyond: Flagged rows planned later than the nightly horizon, which are stored nowhere: columns of
            struggle_predictions in snake_case, and `indicators`.
    """

    published: list[str]
    beyond: list[dict[str, Any]]


class Generator:
    """Generates for one learner at a time in each thread; one for a process."""

    def __init__(self, settings: Settings, url: str, *, statement_seconds: float, lock_seconds: float) -> None:
        """Nothing is opened yet.

        Args:
            settings: The deployment.
            url: Of the app's database.
            statement_seconds: The longest that the database may take for one statement.
            lock_seconds: The longest to wait for a night that is being published, or for another writer.
        """
        self._zone: ZoneInfo = settings.zone
        self._policy: Policy = settings.experiment
        self._target = Target(settings.americano_horizon_days, settings.americano_struggle_below)
        self._url = url
        self._begun_with = {"statement_timeout": _ms(statement_seconds), "lock_timeout": _ms(lock_seconds)}
        self._store = ParquetStore(store_files(settings))
        self._models = ModelStore(model_files(settings))
        self._live = LiveFeatures(url, self._store, self._zone, self._target, statement_seconds=statement_seconds)
        self._model: StoredModel | None = None
        self._controller: ThreadpoolController | None = None

    def generate(self, learner_id: str, now: datetime, days_ahead: int) -> Generated:
        """Compute, score and publish a learner's candidates as of `now`, as the night would at that cut-off.

        Args:
            learner_id: The learner; one who is unknown or opted out has no candidates.
            now: T, aware, in whole milliseconds.
            days_ahead: Plans within so many study days are answered; what the night would publish is published
                whatever it is.

        Raises:
            NoModelError: Nothing was trained yet.
            DatabaseLostError: The database does not answer.
            AmericanoError: What a night stored is missing or broken, or the rows must not be published.
            psycopg.Error: The database refused or took too long.
        """
        today = study_day_of(now, self._zone)
        model = self._model_of(today)
        at_least = max(days_ahead, PLAN_AHEAD_DAYS)
        features = self._features(learner_id, now, at_least)
        # Trees over so few rows are done sooner than a second thread is awake: 36 ms against 259 on a busy machine.
        with self._threads().limit(limits=1):
            scored = score(features, model.scorer)
        _require_publishable(scored, model, learner_id)
        planned = scored["planned"].astype(bool)
        tonight = ~planned | (scored["planned_at"] < naive(shift(now, PLAN_AHEAD_DAYS, self._zone)))
        asked = ~planned | (scored["planned_at"] < naive(shift(now, days_ahead, self._zone)))

        moment = Cutoff(now, self._zone, self._target)
        candidates = scored[tonight]
        rows = candidates[candidates["flagged"]]
        study_day = StudyDay(today, moment, model, "", _KIND, on_time=True, policy=self._policy)
        published = self._publish(
            study_day, learner_id, candidates, indicators_of(rows), self._advice(learner_id, moment, rows, today)
        )
        wanted = set(scored.loc[asked, "prediction_id"])
        return Generated(
            [one for one in published if one in wanted],
            _beyond(scored[asked & ~tonight & scored["flagged"]], now),
        )

    def warm(self, now: datetime) -> None:
        """What a thread's first call needs beside its learner: model and engine, a session, numbers of the cohort.

        Raises: As `generate`.
        """
        model = self._model_of(study_day_of(now, self._zone))
        features = self._features("", now, PLAN_AHEAD_DAYS)
        with self._threads().limit(limits=1):
            score(features, model.scorer)
            if model.scorer.model is not None:
                # What explains an answer is loaded by the first that is explained.
                model.scorer.model.contributions(pd.DataFrame([dict.fromkeys(MODEL_INPUTS, 0.0)]))

    def _threads(self) -> ThreadpoolController:
        """Of the libraries that a model brought with it: to look for them takes longer than to score."""
        controller = self._controller
        if controller is None:
            controller = self._controller = ThreadpoolController()
        return controller

    def _features(self, learner_id: str, now: datetime, plan_ahead_days: int) -> pd.DataFrame:
        for final in (False, True):
            try:
                found: pd.DataFrame = self._live.of_learner(
                    learner_id, now, plan_ahead_days=plan_ahead_days
                ).to_pandas()
            except DatabaseLostError:
                # The kept connection may have died since it was last used: then a new one reads.
                if final:
                    raise
            else:
                return found
        raise AssertionError("unreachable")

    def _model_of(self, today: date) -> StoredModel:
        """The newest model of a closed study day."""
        recorded = self._store.last_manifest_before(today, "model")
        if recorded is None:
            raise NoModelError("No study day has a model yet where this process looks for it: run `americano nightly`.")
        model = self._model
        if model is None or model.version != recorded["model_version"]:
            model = self._models.load(recorded["model_version"])
            if model.target != self._target:
                raise NoModelError(
                    f"The newest model was trained for {model.target}, the settings ask for {self._target}:"
                    " materialize struggle_model again."
                )
            # Another kind of model may have brought libraries of its own.
            self._model, self._controller = model, None
        return model

    def _advice(self, learner_id: str, moment: Cutoff, rows: pd.DataFrame, today: date) -> pd.DataFrame:
        """Interventions of flagged rows, cut to the learner as a night cuts them."""
        # Read is what one of the rows' signs asks for.
        steep = rows[COMPLEXITY.fires(rows)]
        gaps = {str(one) for row in rows.loc[PREREQUISITES.fires(rows), "unmastered_prerequisites"] for one in row}
        names: dict[str, str] = {}
        easier = {}
        if gaps or len(steep):
            objectives = self._live.objectives(ids=gaps, course_ids=set(steep["course_id"]))
            names = dict(
                zip(objectives["objective_id"].to_pylist(), objectives["objective_text"].to_pylist(), strict=True)
            )
            if len(steep):
                found = easier_objectives(self._live.engine_knowing(objectives), moment, pairs_of(steep)).to_pylist()
                easier = {(one["learner_id"], one["objective_id"]): one["easier_id"] for one in found}
        learned = self._store.last_manifest_before(today, PRIORITIES) or {}
        known = Known(
            names=names,
            profiles={learner_id: profile_of(self._live.profile())},
            easier=easier,
            shifts={kind: effect["shift"] for kind, effect in learned.items()},
        )
        return interventions_of(rows, known)

    def _publish(
        self,
        study_day: StudyDay,
        learner_id: str,
        scored: pd.DataFrame,
        indicators: pd.DataFrame,
        interventions: pd.DataFrame,
    ) -> list[str]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with connect(self._url, begun_with=self._begun_with) as connection:
                    return publish_learner(connection, study_day, learner_id, scored, indicators, interventions)
            except DeadlockDetected:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")


def _require_publishable(scored: pd.DataFrame, model: StoredModel, learner_id: str) -> None:
    """As before a night's publication: nothing goes out that breaks a rule of it."""
    if scored.empty:
        return
    found = problems(
        scored,
        SCORED_PREDICTIONS,
        candidates=len(scored),
        threshold=model.scorer.threshold,
        allowed={learner_id},
        valid=frame_keeps_every_rule(scored, SCORED_PREDICTIONS),
    )
    if found:
        raise AmericanoError(f"These predictions are not published: {'; '.join(found)}. What stood there stays.")


def _beyond(rows: pd.DataFrame, now: datetime) -> list[dict[str, Any]]:
    indicators: dict[str, list[dict[str, Any]]] = {one: [] for one in rows["prediction_id"]}
    for one in mappings(indicators_of(rows)):
        indicators[one["prediction_id"]].append({**one, "context": json.loads(one["context"]), "detected_at": now})
    return [
        {
            "id": row["prediction_id"],
            "user_id": row["learner_id"],
            "learning_objective_id": row["objective_id"],
            "topic_id": row["course_id"],
            "prediction_date": row["planned_at"].to_pydatetime(),
            "predicted_struggle_probability": row["probability"],
            "prediction_confidence": row["confidence"],
            "prediction_status": "PENDING",
            "feature_vector": feature_vector(row),
            "struggling_factors": json.loads(row["factors"]),
            "indicators": indicators[row["prediction_id"]],
        }
        for row in mappings(rows)
    ]


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))
