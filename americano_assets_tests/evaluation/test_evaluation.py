"""The report is near what was planted, does not depend on names or order, and can be checked from its rows."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from americano_assets.core.evaluation.folds import judge, learner_folds
from americano_assets.core.evaluation.report import SCHEMA, Evaluated
from americano_assets.core.study_days.cutoff import Target
from americano_assets.evaluation import log_tables, run
from americano_assets.evaluation.row_export import write_rows
from americano_assets_tests.evaluation.logs import cold_struggles, evaluated, planted_log

Found = tuple[Evaluated, dict[str, Any]]


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return planted_log()


@pytest.fixture(scope="module")
def found(log: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return evaluated(log, tmp_path_factory.mktemp("log"))


def test_no_model_is_better_than_the_truth_and_the_champion_is_near_it(found: Found, log: pd.DataFrame) -> None:
    best = roc_auc_score(log["score"] == 0, log["p_struggle"])
    aucs = {name: model["all"]["auc_roc"]["value"] for name, model in found[1]["models"].items()}
    # The truth is measured on other rows too, and by the same few outcomes.
    assert all(auc is None or auc < best + 0.03 for auc in aucs.values()), aucs
    assert aucs["running_mean"] > best - 0.12
    assert aucs["logistic_regression"] > best - 0.15


def test_every_row_is_judged_once_by_learners_who_taught_nothing(found: Found) -> None:
    rows, judged = found[0].rows, found[0].judged
    assert sorted(np.concatenate([one.fold.test for one in judged])) == list(range(len(rows)))
    for one in judged:
        parts = [set(rows["learner_id"].iloc[at]) for at in (one.fold.train, one.fold.calibration, one.fold.test)]
        assert all(parts)
        assert len(set.union(*parts)) == sum(map(len, parts))


@pytest.mark.long
def test_names_of_learners_and_order_of_rows_change_nothing(found: Found, log: pd.DataFrame, tmp_path: Path) -> None:
    names = sorted(log["learner_id"].unique())
    others = dict(zip(names, [f"x{name}" for name in reversed(names)], strict=True))
    renamed = log.assign(learner_id=log["learner_id"].map(others)).sample(frac=1, random_state=3)
    again = evaluated(renamed, tmp_path)[1]
    assert json.dumps(again) == json.dumps(found[1])


def test_the_record_of_a_row_is_what_a_plain_count_of_the_log_says(found: Found, log: pd.DataFrame) -> None:
    for row in found[0].rows.iloc[::17].to_dict("records"):
        closes = pd.Timestamp(row["cutoff_day"]) + pd.Timedelta(days=1, hours=23)
        before = log[log["occurred_at"] < closes].sort_values("occurred_at")
        of_learner, of_objective = (before[name] == row[name] for name in ("learner_id", "objective_id"))
        groups = {
            "pair": before[of_learner & of_objective],
            "learner": before[of_learner],
            "objective": before[of_objective],
            "all": before,
        }
        for name, answers in groups.items():
            assert row[f"{name}_n"] == len(answers), name
            assert row[f"{name}_sum"] == pytest.approx(answers["score"].sum()), name
        # Else the learner's on the course, of which there is one.
        last = groups["pair" if len(groups["pair"]) else "learner"]["score"]
        assert row["last_struggle"] == (last.iloc[-1] < 0.65 if len(last) else None)


def test_a_long_log_taken_cut_off_by_cut_off_has_the_same_rows(
    found: Found, log: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.drop(columns="p_struggle").to_parquet(tmp_path / "log.parquet")
    monkeypatch.setattr(log_tables, "ROWS_AT_ONCE", 200)
    monkeypatch.setattr(run, "judged", lambda rows, *_: Evaluated(rows, [], {}))
    again = run.evaluate_log(tmp_path / "log.parquet", run.Options(Target(7, 0.65), ZoneInfo("UTC")), lambda *_: None)
    pd.testing.assert_frame_equal(again.rows, found[0].rows, check_exact=True)


def test_labels_that_say_nothing_cannot_be_foreseen(found: Found) -> None:
    rows = found[0].rows
    shuffled = rows.assign(struggled=rows["struggled"].sample(frac=1, random_state=1).to_numpy())
    fold = learner_folds(rows["learner"].to_numpy())[0]
    p = judge(shuffled, fold).probability
    y = shuffled["struggled"].iloc[fold.test]
    assert all(abs(roc_auc_score(y, p[name]) - 0.5) < 0.12 for name in p if name != "always_no")


def test_the_report_can_be_recomputed_from_the_rows(found: Found, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(found[0], path)
    rows = pd.read_parquet(path)
    assert len(rows) == found[1]["data"]["rows"]
    assert rows["cutoff"].map(str).str.len().eq(10).all()
    for name, model in found[1]["models"].items():
        if name in ("rule_based", "logistic_regression"):
            assert rows[f"confidence_{name}"].between(0, 1).all()
        y, p, flagged = rows["label"], rows[f"prediction_{name}"], rows[f"flagged_{name}"]
        figures = {key: value["value"] for key, value in model["all"].items() if isinstance(value, dict)}
        assert figures["log_loss"] == pytest.approx(log_loss(y, p.clip(1e-6, 1 - 1e-6)))
        assert figures["brier"] == pytest.approx(brier_score_loss(y, p))
        assert figures["accuracy"] == pytest.approx((y == flagged).mean())
        assert figures["recall"] == pytest.approx((y & flagged).sum() / y.sum())
        if name != "always_no":
            assert figures["auc_roc"] == pytest.approx(roc_auc_score(y, p))
            assert figures["average_precision"] == pytest.approx(average_precision_score(y, p))


def test_errors_are_larger_where_the_model_that_scores_is_less_confident(found: Found) -> None:
    by_confidence = {one["value"]: one["figures"] for one in found[1]["slices"] if one["slice"] == "confidence"}
    least, most = by_confidence["least confident third"], by_confidence["most confident third"]
    assert sum(one["n"] for one in by_confidence.values()) == found[1]["models"]["rule_based"]["all"]["n"]
    for error in ("brier", "log_loss"):
        assert least[error]["value"] > most[error]["value"]


def test_the_report_keeps_its_shape_and_is_json(found: Found) -> None:
    report = json.loads(json.dumps(found[1], allow_nan=False))
    assert report["schema"] == SCHEMA == "americano-evaluation/1"
    assert set(report) == {
        *(
            "schema",
            "evaluated",
            "verdict",
            "source",
            "setting",
            "target",
            "data",
            "conversions",
            "shortcoming",
            "notes",
        ),
        *("champion", "choice", "folds", "models", "differences", "slices"),
    }
    assert {"rule_based", "logistic_regression", "always_no", "last_outcome", "running_mean"} <= set(report["models"])
    for model in report["models"].values():
        assert len(model["folds"]) == 5
        assert set(model["all"]["ece"]) == {"value", "low", "high", "reason"}
        for figure in model["all"].values():
            if isinstance(figure, dict) and figure["value"] is None:
                assert figure["reason"]


@pytest.mark.long
def test_nothing_after_a_cutoff_reaches_its_features(log: pd.DataFrame, tmp_path: Path) -> None:
    late = log["occurred_at"] >= pd.Timestamp("2025-02-10")
    before = evaluated(log, tmp_path)[0].rows
    after = evaluated(log.assign(score=log["score"].where(~late, 1 - log["score"])), tmp_path)[0].rows
    compared = []
    for rows in (before, after):
        early = rows[pd.to_datetime(rows["cutoff_day"]) < pd.Timestamp("2025-02-09")].drop(
            columns=["learner", "struggled", "mean_score"]
        )
        compared.append(early.sort_values(["cutoff_day", "learner_id", "objective_id"], ignore_index=True))
    assert len(compared[0]) > 200
    pd.testing.assert_frame_equal(compared[0], compared[1])


def test_one_learner_is_judged_on_later_weeks_and_told_so(tmp_path: Path) -> None:
    report = evaluated(planted_log(learners=1, weeks=30), tmp_path)[1]
    assert report["setting"] == "later weeks"
    assert any("1 learner is too few" in note for note in report["notes"])
    ece = report["models"]["running_mean"]["all"]["ece"]
    assert ece["low"] is None
    assert ece["reason"]


def test_a_hundred_rows_give_reasons_instead_of_figures(tmp_path: Path) -> None:
    report = evaluated(planted_log(learners=4, weeks=8).head(100), tmp_path)[1]
    figures = report["models"]["rule_based"]["all"]
    assert figures["n"] < 30
    assert all(figure["value"] is None and figure["reason"] for figure in figures.values() if isinstance(figure, dict))
    assert report["evaluated"] is False
    assert report["verdict"][0].startswith("Nothing was evaluated: ")
    assert figures["log_loss"]["reason"] in report["verdict"][0]
    for part in ("train", "calibration", "test"):
        told = report["folds"][0][part]
        assert (told["base_rate"] is None) == (told["rows"] < 30)
    assert "%" not in report["folds"][0]["why"]


def test_a_log_whose_calibration_rows_are_all_cold_is_judged(tmp_path: Path) -> None:
    late = planted_log(learners=40, objectives=3, weeks=1)
    first = pd.Timestamp(
        "2025-01-06 10:00"
    )  # one learner opens the log, and nobody else has a past at the only cut-off
    opener = pd.DataFrame(
        {"learner_id": "opener", "objective_id": "objective-0", "occurred_at": [first, first + pd.Timedelta(days=9)]}
    ).assign(score=1.0)
    later = late.assign(occurred_at=late["occurred_at"] + pd.Timedelta(days=1))
    _, told = evaluated(pd.concat([opener, later], ignore_index=True), tmp_path)
    assert told["data"]["rows"] >= 40


def test_a_log_shorter_than_a_window_says_so(tmp_path: Path) -> None:
    report = evaluated(planted_log(weeks=1), tmp_path, horizon_days=30)[1]
    assert report["models"] == {}
    assert report["data"]["base_rate"] is None
    assert "no window of 30 days closes" in report["verdict"][0]


@pytest.mark.long
def test_where_the_aim_is_out_of_reach_few_are_flagged_and_it_is_told(tmp_path: Path) -> None:
    report = evaluated(cold_struggles(), tmp_path)[1]
    for name, model in report["models"].items():
        assert model["without_cold_starts"]["flagged_share"]["value"] < 0.05, name
        for fold in model["folds"]:
            told = fold["threshold_told"]
            assert (told is None) == (fold["threshold"] is None)
            # A rule of thumb has its threshold from known rows alone, of which in one fold none struggled.
            known = ("nobody is flagged: ", "the aim, 75% of the struggles, is out of", "no struggle among the")
            assert told is None or told.startswith(known)
