"""Turns features into scored predictions: p, confidence, risk, whether it is flagged, why."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.explain import factors_json, logistic_reasons, rule_contributions
from americano_assets.core.features import DATA_QUALITY
from americano_assets.core.ids import cuid
from americano_assets.core.logistic import LogisticModel
from americano_assets.core.metrics import BoolArray, FloatArray
from americano_assets.core.rules import cold_start, rule_based_probability
from americano_assets.core.study_day import EPOCH


@dataclass(frozen=True)
class Scorer:
    """What scores a night: the rules or a fitted model, with its threshold.

    Attributes:
        logistic: None where the rules score.
        cohort_rate: Struggle rate of the training rows (0-1): what the rules answer for a cold start.
        threshold: A row at or above it is flagged, unless it is a cold start.
    """

    logistic: LogisticModel | None
    cohort_rate: float
    threshold: float

    def to_json(self) -> dict[str, Any]:
        """The scorer as JSON-able values."""
        logistic = None if self.logistic is None else self.logistic.to_json()
        return {"cohort_rate": self.cohort_rate, "threshold": self.threshold, "logistic": logistic}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Scorer":
        """Read back what `to_json` gave."""
        logistic = content["logistic"]
        return cls(
            None if logistic is None else LogisticModel.from_json(logistic),
            content["cohort_rate"],
            content["threshold"],
        )

    def probability(self, rows: pd.DataFrame) -> FloatArray:
        """Probability p in 0-1, shape (n,)."""
        if self.logistic is None:
            return rule_based_probability(rows, self.cohort_rate)
        return self.logistic.probability(rows)

    def flagged(self, rows: pd.DataFrame, probability: FloatArray) -> BoolArray:
        """Whether the row would be shown to its learner, shape (n,): never for want of data."""
        result: BoolArray = (probability >= self.threshold) & ~cold_start(rows)
        return result

    def factors(self, rows: pd.DataFrame) -> list[str]:
        """Why, as JSON, one a row."""
        cold = cold_start(rows)
        if self.logistic is None:
            return factors_json(rule_contributions(rows), rows, cold)
        return factors_json(logistic_reasons(self.logistic, rows), rows, cold)


def confidence(probability: FloatArray, data_quality: FloatArray) -> FloatArray:
    """Probability of the likelier side times the share of features observed, in 0-1.

    1 would be a certain answer from complete data; 0.5 times the data quality is a coin toss.
    """
    result: FloatArray = np.round(np.maximum(probability, 1 - probability) * data_quality, 6)
    return result


def score(features: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """Score every row of a night's features; adds prediction_id, probability, confidence, flagged, cold_start, factors.

    The id is a function of the episode (learner, objective, planned day), so that a later night finds the same row.
    """
    p = scorer.probability(features)
    ids = [
        episode_id(learner, objective, EPOCH + timedelta(days=int(day)))
        for learner, objective, day in zip(
            features["learner_id"], features["objective_id"], features["planned_day"], strict=True
        )
    ]
    return features.assign(
        prediction_id=pd.Series(ids, index=features.index, dtype="object"),
        probability=p,
        confidence=confidence(p, features[DATA_QUALITY].to_numpy(dtype=float)),
        flagged=scorer.flagged(features, p),
        cold_start=cold_start(features),
        factors=pd.Series(scorer.factors(features), index=features.index, dtype="object"),
    )


def episode_id(learner_id: str, objective_id: str, planned_day: date) -> str:
    """Id of the prediction of an episode."""
    return cuid("prediction", learner_id, objective_id, planned_day.isoformat())
