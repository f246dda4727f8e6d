"""Turns features into scored predictions: p, confidence, risk, whether it is flagged, why.

Numbers alone: nothing here needs scikit-learn, unless trees score.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.base.ids import cuid, cuids
from americano_assets.core.features.catalog import DATA_QUALITY
from americano_assets.core.models import log_odds as logodds
from americano_assets.core.models.calibration import UNCALIBRATED, Calibrator, Reliability
from americano_assets.core.models.explanations import (
    COLD_FACTORS,
    factors_json,
    feature_contributions,
    model_reasons,
    rule_contributions,
)
from americano_assets.core.models.log_odds import LogOddsModel, ReadFile
from americano_assets.core.models.objective_prior import PRIOR_INPUTS, ObjectivePrior
from americano_assets.core.models.rule_based import cold_start, rule_based_probability
from americano_assets.core.study_days.study_day import EPOCH

CALIBRATION, BASELINE = "calibration", "baseline"
NO_FACTORS = "[]"
_PREDICTION = "prediction"
# Shares of every input are held for so many rows.
_EXPLAINED_AT_ONCE = 8192


@dataclass(frozen=True)
class Scorer:
    """What scores a night: the rules or a calibrated model, with its threshold.

    Attributes:
        model: None where the rules score.
        cohort_rate: Struggle rate of the training rows (0-1): the answer for a cold start where `prior` has none.
        threshold: A row at or above it is flagged, unless it is a cold start.
        calibrator: From the model's log-odds to p.
        prior: What a cold start gets.
        reliability: How confident an answer is; None where that could not be learned.
    """

    model: LogOddsModel | None
    cohort_rate: float
    threshold: float
    calibrator: Calibrator = UNCALIBRATED
    prior: ObjectivePrior | None = None
    reliability: Reliability | None = None

    def probability(self, rows: pd.DataFrame) -> FloatArray:
        """Probability p in 0-1, shape (n,). A cold start gets its objective's prior, whatever scores."""
        return self.probability_of(rows, None if self.model is None else self.model.log_odds(rows))

    def probability_of(self, rows: pd.DataFrame, log_odds: FloatArray | None) -> FloatArray:
        """As `probability`, where the model's log-odds for the rows are known already; None where the rules score."""
        if log_odds is None:
            p = rule_based_probability(rows, self.cohort_rate)
        else:
            p = self.calibrator.probability(log_odds)
        if self.prior is None:
            return p
        cold = cold_start(rows)
        if not cold.any():
            return p
        with_prior = p.copy()
        with_prior[cold] = self.prior.probability(rows.loc[cold, list(PRIOR_INPUTS)])
        return with_prior

    def flagged(self, rows: pd.DataFrame, probability: FloatArray) -> BoolArray:
        """Whether the row would be shown to its learner, shape (n,): never for want of data."""
        result: BoolArray = (probability >= self.threshold) & ~cold_start(rows)
        return result

    def confidence(self, rows: pd.DataFrame, probability: FloatArray) -> FloatArray:
        """How far the answer can be relied on, in 0-1, shape (n,).

        The expected share of right answers among rows like this one, where that was learned from learners the model
        was not fitted on; else the probability of the likelier side times the share of features observed. A cold start
        has that last share as a further factor: what others did says little about one learner.
        """
        quality = rows[DATA_QUALITY].to_numpy(dtype=float)
        if self.reliability is None:
            return confidence(probability, quality)
        sure = self.reliability.confidence(probability, quality)
        result: FloatArray = np.where(cold_start(rows), sure * quality, sure).round(6)
        return result

    def contributions(self, rows: pd.DataFrame) -> dict[str, FloatArray]:
        """What makes up each row's log-odds, shape (n,) each.

        For a trained model: each feature's share and the BASELINE, which add up to the uncalibrated log-odds, and
        CALIBRATION, with which they add up to the log-odds of p. For the rules: the evidence of those that fired.
        """
        if self.model is None:
            return rule_contributions(rows)
        return {
            **feature_contributions(self.model, rows),
            BASELINE: np.full(len(rows), self.model.baseline),
            CALIBRATION: self.calibrator.contribution(self.model.log_odds(rows)),
        }

    def factors(self, rows: pd.DataFrame) -> list[str]:
        """Why, as JSON, one a row. It costs a millisecond a row with trees: ask for what someone will read."""
        factors: list[str] = []
        for begin in range(0, len(rows), _EXPLAINED_AT_ONCE):
            part = rows.iloc[begin : begin + _EXPLAINED_AT_ONCE]
            told = rule_contributions(part) if self.model is None else model_reasons(self.model, part)
            factors += factors_json(told, part, cold_start(part))
        return factors

    def with_threshold(self, threshold: float) -> "Scorer":
        """The same model, flagging from another p on."""
        return replace(self, threshold=threshold)

    def to_json(self) -> dict[str, Any]:
        """The scorer as JSON-able values; the files that it names are in `files`."""
        return {
            "cohort_rate": self.cohort_rate,
            "threshold": self.threshold,
            "model": None if self.model is None else logodds.to_json(self.model),
            "calibrator": self.calibrator.to_json(),
            "prior": None if self.prior is None else self.prior.to_json(),
            "reliability": None if self.reliability is None else vars(self.reliability),
        }

    def files(self) -> dict[str, bytes]:
        """The files beside the JSON, by SHA-256: trees."""
        return {} if self.model is None else logodds.files_of(self.model)

    @classmethod
    def from_json(cls, content: Mapping[str, Any], read: ReadFile) -> "Scorer":
        """Read back what `to_json` gave; `read` returns the bytes of a file by its name."""
        model, prior, reliability = (content[name] for name in ("model", "prior", "reliability"))
        return cls(
            None if model is None else logodds.from_json(model, read),
            content["cohort_rate"],
            content["threshold"],
            Calibrator.from_json(content["calibrator"]),
            None if prior is None else ObjectivePrior.from_json(prior),
            None if reliability is None else Reliability(**reliability),
        )


def confidence(probability: FloatArray, data_quality: FloatArray) -> FloatArray:
    """Probability of the likelier side times the share of features observed, in 0-1.

    1 would be a certain answer from complete data; 0.5 times the data quality is a coin toss.
    """
    result: FloatArray = np.round(np.maximum(probability, 1 - probability) * data_quality, 6)
    return result


def score(features: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """Score every row of a night's features; adds prediction_id, probability, confidence, flagged, cold_start, factors.

    The id is a function of the episode (learner, objective, planned day), so that a later night finds the same row.
    Reasons are worked out for flagged rows alone; the others have an empty list until somebody asks (`explained`).
    """
    p = scorer.probability(features)
    days = {day: (EPOCH + timedelta(days=int(day))).isoformat() for day in features["planned_day"].unique()}
    planned = [days[day] for day in features["planned_day"]]
    ids = cuids(zip(repeat(_PREDICTION), features["learner_id"], features["objective_id"], planned, strict=False))
    flagged = scorer.flagged(features, p)
    cold = cold_start(features)
    factors = np.where(cold, COLD_FACTORS, NO_FACTORS).astype(object)
    factors[flagged] = scorer.factors(features[flagged])
    return features.assign(
        prediction_id=pd.Series(ids, index=features.index, dtype="object"),
        probability=p,
        confidence=scorer.confidence(features, p),
        flagged=flagged,
        cold_start=cold,
        factors=pd.Series(factors, index=features.index, dtype="object"),
    )


def explained(scored: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """Scored rows with the reasons of those that had none worked out."""
    silent = (scored["factors"] == NO_FACTORS).to_numpy()
    factors = scored["factors"].to_numpy(dtype=object, copy=True)
    factors[silent] = scorer.factors(scored[silent])
    return scored.assign(factors=factors)


def episode_id(learner_id: str, objective_id: str, planned_day: date) -> str:
    """Id of the prediction of an episode."""
    return cuid(_PREDICTION, learner_id, objective_id, planned_day.isoformat())
