"""The logistic regression finds what was planted, explains its own log-odds, and refuses what cannot carry it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.explanations import feature_contributions, importance
from americano_assets.core.models.linear import LinearModel
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import figures
from americano_assets.core.training.fit import LOGISTIC, fit
from americano_assets.core.training.fit_logistic import (
    TooLittleDataError,
    choose_regularization,
    fit_logistic,
)
from americano_assets_tests.frames import NEUTRAL, feature_rows

PLANTED = {"retention_score": -5.0, "historical_struggle_score": 3.0, "workload_level": 1.5}
SEEN = ("retention_score", "historical_struggle_score", "workload_level", "validation_score")


def simulated(learners: range, per_learner: int = 25) -> pd.DataFrame:
    """Learners whose log-odds of a struggle are the planted sum; half of the workloads were not observed."""
    generator = np.random.default_rng(learners.start)
    drawn = generator.uniform(size=(len(learners) * per_learner, len(SEEN)))
    rows = feature_rows(*(dict(zip(SEEN, values, strict=True)) for values in drawn))
    unseen = generator.uniform(size=len(rows)) < 0.5
    rows.loc[unseen, "observed_workload_level"] = False
    rows.loc[unseen, "workload_level"] = NEUTRAL["workload_level"]
    log_odds = sum(weight * (rows[name] - 0.5) for name, weight in PLANTED.items())
    p = 1 / (1 + np.exp(-log_odds))
    return rows.assign(
        learner_id=np.repeat([f"learner-{number}" for number in learners], per_learner),
        struggled=generator.uniform(size=len(rows)) < p,
    )


def no_file(name: str) -> bytes:
    raise AssertionError(f"{name} is asked for, but numbers need no file")


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return simulated(range(60))


@pytest.fixture(scope="module")
def calibration() -> pd.DataFrame:
    return simulated(range(100, 130))


@pytest.fixture(scope="module")
def scorer(train: pd.DataFrame, calibration: pd.DataFrame) -> Scorer:
    return fit(LOGISTIC, train, calibration)


@pytest.fixture(scope="module")
def model(scorer: Scorer) -> LinearModel:
    assert isinstance(scorer.model, LinearModel)
    return scorer.model


def test_it_recovers_what_was_planted(scorer: Scorer, model: LinearModel) -> None:
    per_unit = dict(zip(model.inputs, scorer.calibrator.slope * model.coefficient / model.scale, strict=True))
    for feature, weight in PLANTED.items():
        assert per_unit[feature] == pytest.approx(weight, rel=0.4)
    assert abs(per_unit["validation_score"]) < 0.8
    shares = importance(model.weights())
    assert sum(shares.values()) == pytest.approx(1)
    assert sorted(shares, key=lambda name: -shares[name])[:2] == ["retention_score", "historical_struggle_score"]


def test_contributions_and_intercept_are_the_log_odds(model: LinearModel, calibration: pd.DataFrame) -> None:
    by_hand = model.intercept + sum(
        model.coefficient[place] * (calibration[name].astype(float) - model.mean[place]) / model.scale[place]
        for place, name in enumerate(model.inputs)
    )
    np.testing.assert_allclose(model.log_odds(calibration), by_hand)
    np.testing.assert_allclose(model.contributions(calibration).sum(axis=1) + model.intercept, by_hand)
    # With its observed bit each feature is shown once; together they still say everything.
    shown = sum(feature_contributions(model, calibration).values())
    np.testing.assert_allclose(shown + model.intercept, by_hand)


def test_it_is_scikit_learns_fit_on_the_training_learners_alone(model: LinearModel, train: pd.DataFrame) -> None:
    inputs = train[list(MODEL_INPUTS)].to_numpy(dtype=float)
    scaler = StandardScaler().fit(inputs)
    reference = LogisticRegression(C=model.regularization, max_iter=1000, tol=1e-10).fit(
        scaler.transform(inputs), train["struggled"]
    )
    np.testing.assert_allclose(
        model.log_odds(train), reference.decision_function(scaler.transform(inputs)), rtol=1e-4, atol=1e-5
    )


def test_equal_rows_give_equal_bits_however_many_threads_there_are() -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.uniform(size=(9000, len(MODEL_INPUTS))), columns=list(MODEL_INPUTS)).assign(
        learner_id=np.repeat(np.arange(300), 30), struggled=random.uniform(size=9000) < 0.4
    )
    with threadpool_limits(2):
        one = fit_logistic(rows)
    with threadpool_limits(1):
        other = fit_logistic(rows)
    np.testing.assert_array_equal(one.coefficient, other.coefficient)


def test_calibration_learners_see_their_own_rate(scorer: Scorer, calibration: pd.DataFrame) -> None:
    assert scorer.probability(calibration).mean() == pytest.approx(calibration["struggled"].mean(), abs=0.005)
    fresh = simulated(range(200, 260))
    struggled, p = fresh["struggled"].to_numpy(dtype=bool), scorer.probability(fresh)
    found = figures(struggled, p, p >= 0.5)
    assert found["ece"] is not None
    assert found["ece"] < 0.06
    assert found["auc_roc"] is not None
    assert found["auc_roc"] > 0.75


def test_calibration_shifts_p_to_the_learners_it_is_fitted_on(train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    harder = calibration.assign(struggled=calibration["struggled"] | (calibration["validation_score"] < 0.4))
    p = fit(LOGISTIC, train, harder).probability(harder)
    assert p.mean() == pytest.approx(harder["struggled"].mean(), abs=0.005)


def test_what_hardly_varied_in_training_cannot_blow_up_a_night(train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    # Training cut-offs lie on one day of the week: what counts days is nearly the same on all of them.
    jitter = 1e-5 * (train["learner_id"].str[-1] == "1")
    usual = calibration.assign(days_since_last_study=0.15, observed_days_since_last_study=True)
    train = train.assign(days_since_last_study=0.15 + jitter, observed_days_since_last_study=True)
    model = fit(LOGISTIC, train, usual)
    other_day = usual.assign(days_since_last_study=0.02)
    assert np.abs(model.probability(other_day) - model.probability(usual)).max() < 0.05


def test_a_model_survives_json_to_the_last_bit(scorer: Scorer, calibration: pd.DataFrame) -> None:
    back = Scorer.from_json(json.loads(json.dumps(scorer.to_json())), no_file)
    np.testing.assert_array_equal(back.probability(calibration), scorer.probability(calibration))
    p = back.probability(calibration)
    np.testing.assert_array_equal(back.confidence(calibration, p), scorer.confidence(calibration, p))
    assert scorer.files() == {}


def test_the_order_of_rows_and_other_rows_change_nothing(scorer: Scorer, calibration: pd.DataFrame) -> None:
    p = scorer.probability(calibration)
    shuffled = np.random.default_rng(5).permutation(len(calibration))
    np.testing.assert_array_equal(scorer.probability(calibration.iloc[shuffled]), p[shuffled])
    np.testing.assert_array_equal(scorer.probability(calibration.iloc[7:8]), p[7:8])


def test_p_is_never_certain(scorer: Scorer) -> None:
    extreme = feature_rows({"retention_score": -100.0}, {"retention_score": 100.0})
    assert scorer.probability(extreme).tolist() == [0.999, 0.001]


def test_a_learner_in_both_sets_is_refused(train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="1 learners stand in the training and in the calibration set"):
        fit(LOGISTIC, train, pd.concat([calibration, train.head(1)]))


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_is_refused_in_either_set(outcome: bool, train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    with pytest.raises(TooLittleDataError, match="the training set has 1500 rows"):
        fit(LOGISTIC, train.assign(struggled=outcome), calibration)
    with pytest.raises(TooLittleDataError, match="the calibration set has 750 rows"):
        fit(LOGISTIC, train, calibration.assign(struggled=outcome))


def test_nothing_and_too_few_learners_are_refused(train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    with pytest.raises(TooLittleDataError, match="0 rows"):
        fit(LOGISTIC, train.head(0), calibration)
    two = train[train["learner_id"].isin(["learner-1", "learner-2"])]
    with pytest.raises(TooLittleDataError, match="2 training learners"):
        fit(LOGISTIC, two, calibration)
    # All struggles are one learner's: the fold without this learner has one class.
    alone = train.assign(struggled=train["struggled"] & (train["learner_id"] == "learner-1"))
    with pytest.raises(TooLittleDataError, match="fold"):
        choose_regularization(alone)


def test_rows_without_an_input_are_named(scorer: Scorer, calibration: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="lack 1 inputs of the model, the first is retention_score"):
        scorer.probability(calibration.drop(columns="retention_score"))


def test_rows_that_weigh_more_count_more(train: pd.DataFrame, calibration: pd.DataFrame) -> None:
    doubled = pd.concat([train, train[train["struggled"]]], ignore_index=True)
    weighted = train.assign(weight=np.where(train["struggled"], 2.0, 1.0))
    by_weight, by_copies = fit_logistic(weighted).log_odds(calibration), fit_logistic(doubled).log_odds(calibration)
    assert by_weight.mean() == pytest.approx(by_copies.mean(), abs=0.02)
