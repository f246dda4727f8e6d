"""GET /analytics/model-performance."""

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from americano_assets.api.routes.model_performance import FIGURES
from americano_assets_tests.api.rows import LAST_CLOSED, LEARNER, MODEL, Rows
from americano_assets_tests.api.serving import Service


@pytest.mark.parametrize("path", ["/analytics/model-performance", "/model-performance"])
def test_newest_figures_are_shown_beside_their_baselines(rows: Rows, service: Service, path: str) -> None:
    rows.published()
    rows.performance(LAST_CLOSED - timedelta(days=1), accuracy=0.5)
    rows.performance()
    rows.performance(scope=("learner", LEARNER), accuracy=0.1)
    answer = service.get(path)
    trend = answer.pop("accuracy_trend")
    assert answer == {
        "accuracy": 0.775,
        "precision": 0.66,
        "recall": 0.73,
        "f1_score": 0.69,
        "auc_roc": 0.83,
        "brier": 0.16,
        "log_loss": 0.49,
        "ece": 0.03,
        "calibration": {"prob_true": [0.1, 0.7], "prob_pred": [0.2, 0.6], "count": [20, 20]},
        "base_rate": 0.36,
        "always_no_accuracy": 0.64,
        "model_type": "logistic_regression",
        "model_version": MODEL,
        "model_versions": 1,
        "made_by": {"logistic_regression": 40},
        "scored_from": "2026-09-23",
        "scored_to": "2026-11-15",
        "last_updated": "2026-11-23T23:00:00.000Z",
        "data_points": 40,
        "feature_importance": {"validation_score": 0.75, "workload_level": 0.25},
        "by_model_type": [],
        "reason": None,
    }
    assert [(point["date"], point["accuracy"], point["n"]) for point in trend] == [
        ("2026-11-21", 0.5, 40),
        ("2026-11-22", 0.775, 40),
    ]


def test_figures_are_those_of_the_model_named_not_pooled_with_the_rules(rows: Rows, service: Service) -> None:
    both = Jsonb({"logistic_regression": 40, "rule_based": 60})
    rows.published()
    rows.performance(auc_roc=0.6, ece=0.16, n=100, made_by=both)
    rows.performance(scope=("model_type", "logistic_regression"), auc_roc=0.871, ece=0.049)
    rows.performance(
        scope=("model_type", "rule_based"), auc_roc=0.41, ece=0.33, n=60, model_type="rule_based", accuracy=0.4
    )
    answer = service.get("/model-performance")
    assert (answer["model_type"], answer["auc_roc"], answer["ece"], answer["data_points"]) == (
        "logistic_regression",
        0.871,
        0.049,
        40,
    )
    assert [point["n"] for point in answer["accuracy_trend"]] == [40]
    assert [(one["model_type"], one["auc_roc"], one["data_points"]) for one in answer["by_model_type"]] == [
        ("rule_based", 0.41, 60),
        ("logistic_regression", 0.871, 40),
    ]


def test_where_the_rules_made_them_the_rules_are_named(rows: Rows, service: Service) -> None:
    rows.performance(model_type="rule_based", made_by=Jsonb({"rule_based": 40}))
    assert service.get("/model-performance")["model_type"] == "rule_based"


def test_what_several_models_made_is_ascribed_to_none(rows: Rows, service: Service) -> None:
    rows.performance(scope=("learner", LEARNER), made_by=Jsonb({"logistic_regression": 25, "rule_based": 15}))
    answer = service.get("/model-performance", userId=LEARNER)
    assert (answer["model_type"], answer["accuracy"]) == (None, 0.775)
    assert answer["made_by"] == {"logistic_regression": 25, "rule_based": 15}


def test_figures_of_an_earlier_version_are_said_to_be_pooled(rows: Rows, service: Service) -> None:
    rows.published()
    rows.performance(made_by=None, versions=None, scored_from=None, scored_to=None)
    answer = service.get("/model-performance")
    assert (answer["accuracy"], answer["model_type"], answer["made_by"]) == (0.775, None, None)
    assert "of all models together" in answer["reason"]


def test_trend_is_the_last_thirty_study_days(rows: Rows, service: Service) -> None:
    for back in range(35):
        rows.performance(LAST_CLOSED - timedelta(days=back))
    dates = [point["date"] for point in service.get("/model-performance")["accuracy_trend"]]
    assert (len(dates), dates[0], dates[-1]) == (30, "2026-10-24", "2026-11-22")


def test_one_learner_has_figures_of_their_own(rows: Rows, service: Service) -> None:
    rows.performance(scope=("all", ""))
    rows.performance(scope=("learner", LEARNER), n=7, accuracy=0.25)
    answer = service.get("/model-performance", userId=LEARNER)
    assert (answer["accuracy"], answer["data_points"]) == (0.25, 7)
    assert [point["accuracy"] for point in answer["accuracy_trend"]] == [0.25]


def test_null_figures_carry_the_reason_and_are_not_zero(rows: Rows, service: Service) -> None:
    rows.published()
    rows.performance(auc_roc=None, reason="AUC needs both outcomes.")
    answer = service.get("/model-performance")
    assert (answer["auc_roc"], answer["reason"]) == (None, "AUC needs both outcomes.")
    assert answer["accuracy_trend"][0]["reason"] is None, "accuracy itself is known"
    rows.execute("UPDATE ml.model_performance SET accuracy = NULL, reason = NULL")
    answer = service.get("/model-performance")
    assert answer["reason"], "a null figure always has a reason"
    assert answer["accuracy_trend"][0]["accuracy"] is None
    assert answer["accuracy_trend"][0]["reason"]


def test_model_without_a_record_is_said_to_have_none(rows: Rows, service: Service) -> None:
    rows.performance()
    answer = service.get("/model-performance")
    assert (answer["accuracy"], answer["feature_importance"]) == (0.775, None)
    assert "feature importance" in answer["reason"]


def test_the_rules_weigh_no_feature_and_no_share_is_told_as_zero(rows: Rows, service: Service) -> None:
    rows.published()
    assert service.get("/model-performance")["feature_importance"] == {"validation_score": 0.75, "workload_level": 0.25}
    rows.execute(
        """UPDATE ml.model_versions SET feature_importance = '{"validation_score": 0, "workload_level": 0.0}'"""
    )
    told = "The rules weigh no feature by its share, so there is no feature importance."
    answer = service.get("/model-performance")
    assert answer["feature_importance"] is None
    assert answer["reason"] == f"No prediction has a known outcome yet. {told}"
    rows.performance()
    answer = service.get("/model-performance")
    assert (answer["accuracy"], answer["feature_importance"], answer["reason"]) == (0.775, None, told)


def test_learner_without_outcomes_gets_nulls_the_model_and_a_reason(rows: Rows, service: Service) -> None:
    rows.published()
    rows.performance()
    answer = service.get("/model-performance", user_id=LEARNER)
    assert {answer[name] for name in FIGURES} == {None}
    assert answer["reason"] == "No prediction for this learner has a known outcome yet."
    assert (answer["model_version"], answer["data_points"], answer["accuracy_trend"]) == (MODEL, 0, [])
    assert answer["calibration"] == {"prob_true": [], "prob_pred": [], "count": []}


def test_empty_database_says_that_nothing_was_published(service: Service) -> None:
    answer = service.get("/analytics/model-performance")
    assert {answer[name] for name in FIGURES} == {None}
    assert answer["reason"] == "Nothing has been published yet."


def test_row_that_breaks_the_answers_shape_is_an_opaque_error(rows: Rows, service: Service) -> None:
    rows.performance(calibration=Jsonb({"prob_true": "secret-value"}))
    answer = service.ask("/model-performance")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret-value" not in answer.text
