"""Fits every kind of model behind one interface: training and calibration rows in, a scorer out."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.features.catalog import DATA_QUALITY
from americano_assets.core.models.linear import LinearModel
from americano_assets.core.models.log_odds import BlendModel, LogOddsModel
from americano_assets.core.models.objective_prior import fit_prior
from americano_assets.core.models.risk import MEDIUM_RISK
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.training.fit_calibration import fit_calibrator, fit_reliability
from americano_assets.core.training.fit_logistic import fit_logistic, require_both_classes
from americano_assets.core.training.fit_trees import fit_trees, outcomes, weights
from americano_assets.core.training.flagging import LIKELY, NOBODY, choose

RULES, LOGISTIC, BOOSTING, BLEND = "rule_based", "logistic_regression", "gradient_boosting", "blend"
MODEL_TYPES = (RULES, LOGISTIC, BOOSTING, BLEND)
TRAINED_TYPES = (LOGISTIC, BOOSTING, BLEND)
FALLBACK_RATE = 0.5
# A year holds every part of a term once; benchmarks/thresholds.py compares.
RECENT_WEEKS = 52


def fit(model_type: str, train: pd.DataFrame, calibration: pd.DataFrame) -> Scorer:
    """One kind of model; see `fit_models`."""
    return fit_models(train, calibration, [model_type])[model_type]


def fit_models(
    train: pd.DataFrame, calibration: pd.DataFrame, wanted: Collection[str] = MODEL_TYPES
) -> dict[str, Scorer]:
    """Scorers by model type, in the order of MODEL_TYPES; the parts of the blend are fitted once.

    Args:
        train: MODEL_INPUTS, `objective_id`, `learner_id`, `struggled`, the rules' inputs, DATA_QUALITY; `weight` where
            rows weigh differently. Models are fitted on these.
        calibration: The same, and `cutoff_day` where rows are dated, of other learners: they give
            calibration, confidence and threshold.
        wanted: Of MODEL_TYPES.

    Raises:
        TooLittleDataError: A trained model is wanted and a set holds one class only, or too few learners.
        ValueError: A learner stands in both sets.
    """
    cohort = float(train["struggled"].mean()) if len(train) else FALLBACK_RATE
    prior = fit_prior(train, FALLBACK_RATE)
    scorers: dict[str, Scorer] = {}
    if RULES in wanted:
        scorers[RULES] = calibrated(Scorer(None, cohort, MEDIUM_RISK, prior=prior), calibration)
    trained = [name for name in TRAINED_TYPES if name in wanted]
    if not trained:
        return scorers
    require_both_classes(train, "training")
    require_both_classes(calibration, "calibration")
    shared = set(train["learner_id"]) & set(calibration["learner_id"])
    if shared:
        raise ValueError(f"{len(shared)} learners stand in the training and in the calibration set")
    models: dict[str, LogOddsModel] = {}
    if LOGISTIC in trained or BLEND in trained:
        models[LOGISTIC] = fit_logistic(train)
    if BOOSTING in trained or BLEND in trained:
        models[BOOSTING] = fit_trees(train)
    if BLEND in trained:
        models[BLEND] = BlendModel((models[LOGISTIC], models[BOOSTING]))
    log_odds = {name: model.log_odds(calibration) for name, model in models.items() if name != BLEND}
    if BLEND in trained:
        log_odds[BLEND] = np.mean([log_odds[LOGISTIC], log_odds[BOOSTING]], axis=0)
    for name in trained:
        scorer = Scorer(models[name], cohort, MEDIUM_RISK, prior=prior)
        scorers[name] = calibrated(scorer, calibration, log_odds[name])
    return scorers


def calibrated(scorer: Scorer, calibration: pd.DataFrame, log_odds: FloatArray | None = None) -> Scorer:
    """The scorer with calibration, confidence and threshold from learners on whom its model was not fitted.

    Args:
        scorer: With a fitted model.
        calibration: As in `fit_models`.
        log_odds: The model's for these rows, where they are known already: trees are slow to ask.
    """
    if scorer.model is None:
        return with_threshold(scorer, calibration, scorer.probability(calibration))
    if log_odds is None:
        log_odds = scorer.model.log_odds(calibration)
    struggled = outcomes(calibration)
    calibrator = fit_calibrator(log_odds, struggled, weights(calibration), calibration["learner_id"])
    warm = ~cold_start(calibration)
    reliability = fit_reliability(
        calibrator.probability(log_odds)[warm],
        calibration[DATA_QUALITY].to_numpy(dtype=float)[warm],
        struggled[warm],
    )
    fitted = Scorer(scorer.model, scorer.cohort_rate, scorer.threshold, calibrator, scorer.prior, reliability)
    return with_threshold(fitted, calibration, fitted.probability_of(calibration, log_odds))


def input_sizes(model: LogOddsModel, rows: pd.DataFrame) -> dict[str, float]:
    """How much each input moves a model: a linear one's standardised coefficient, else the mean absolute share."""
    if isinstance(model, LinearModel):
        return model.weights()
    shares = np.abs(model.contributions(rows)).mean(axis=0) if len(rows) else np.zeros(len(model.inputs))
    return dict(zip(model.inputs, map(float, shares), strict=True))


def with_threshold(
    scorer: Scorer, calibration: pd.DataFrame, probability: FloatArray, weeks: int = RECENT_WEEKS
) -> Scorer:
    """With the threshold that suits recent calibration rows (core/flagging.choose), of a trained model at most 1/2.

    Where p means what it says, flagging what is more likely than not adds to recall and to accuracy alike.

    Args:
        scorer: Calibrated.
        calibration: As in `fit_models`.
        probability: What it says of these rows.
        weeks: How many are recent.
    """
    is_recent = are_recent(calibration, weeks)
    recent = calibration[is_recent]
    if recent.empty:
        return scorer
    return scorer.with_threshold(
        choose(
            outcomes(recent),
            probability[is_recent],
            ~cold_start(recent),
            recent["learner_id"],
            default=scorer.threshold,
            most=NOBODY if scorer.model is None else LIKELY,
        )
    )


def are_recent(rows: pd.DataFrame, weeks: int = RECENT_WEEKS) -> BoolArray:
    """Rows of the most recent weeks, since the threshold should suit the present; all where none is dated."""
    if rows.empty or "cutoff_day" not in rows:
        return np.ones(len(rows), dtype=bool)
    days = pd.to_datetime(rows["cutoff_day"])
    recent: BoolArray = (days > days.max() - pd.Timedelta(weeks=weeks)).to_numpy()
    return recent
