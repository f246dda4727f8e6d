"""Next answers of planted learners: as good as the truth allows and no better, and nothing known before its time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from americano_assets.core.evaluation.next_answer import LOGISTIC, RATINGS, Answered, is_tested
from americano_assets.core.statistics.metrics import expected_calibration_error
from americano_assets.core.study_days.cutoff import Target
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_reader import Reading
from americano_assets.evaluation.log_tables import learner_order, open_log
from americano_assets.evaluation.next_answer import NextAnswers, next_answers_of_log
from americano_assets.evaluation.run import Options
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.evaluation.logs import planted_log

RIGHT_FROM = 0.65


def quiet(*_: object) -> None:
    """Nobody asks how far it is."""


@contextmanager
def opened(log: pd.DataFrame, order: pd.DataFrame | None = None) -> Iterator[tuple[NextAnswers, pd.DataFrame]]:
    """The answers of a log, and its order of learners unless it is given."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        log.drop(columns="p_struggle").to_parquet(path)
        tables = open_log(path, Path(folder), ZoneInfo("UTC"), Target(7, RIGHT_FROM), quiet, Reading()).tables
        order = learner_order(tables) if order is None else order
        moving = np.sort(keys_of(pa.array(order["learner_id"])))
        yield NextAnswers(tables.store, tables.inputs.days["interactions"], order, moving, 10**6), order


def test_it_is_as_good_as_the_planted_truth_allows_and_no_better() -> None:
    log = planted_log(learners=150, weeks=40)
    with opened(log.sample(frac=1, random_state=0)) as (answers, _):
        folds = list(answers.foretold(RIGHT_FROM, quiet))
    right = np.concatenate([one.answers.right for one in folds])
    assert len(right) > 0.99 * len(log)
    best = roc_auc_score(log["score"], 1 - log["p_struggle"])
    for name in (RATINGS, LOGISTIC):
        p = np.concatenate([one.probability[name] for one in folds])
        # The truth ranks these answers best: what ranks them better has seen them.
        assert best - 0.03 < roc_auc_score(right, p) < best, name
    assert log_loss(log["score"], 1 - log["p_struggle"]) < log_loss(right, p)
    assert expected_calibration_error(right, p) < 0.02


def test_what_a_tested_learner_answers_moves_nothing_but_what_is_said_of_them() -> None:
    log = planted_log(learners=25)
    with opened(log) as (answers, order):
        fold = 2
        before = Answered.of(list(answers.answered(fold, RIGHT_FROM)))
        tested = order["learner_id"].iloc[np.flatnonzero(is_tested(np.arange(25), fold))]
    flipped = log.assign(score=np.where(log["learner_id"].isin(tested), 1 - log["score"], log["score"]))
    with opened(flipped, order) as (answers, _):
        after = Answered.of(list(answers.answered(fold, RIGHT_FROM)))
    theirs = is_tested(before.learner, fold)
    assert (before.right[theirs] != after.right[theirs]).all()
    assert not np.array_equal(before.told[theirs], after.told[theirs])
    np.testing.assert_array_equal(before.told[~theirs], after.told[~theirs])


def test_answers_at_one_instant_do_not_tell_of_each_other() -> None:
    log = planted_log(learners=25)
    log["occurred_at"] = log["occurred_at"].dt.floor("D")
    with opened(log) as (answers, _):
        judged = sum(len(one.answers.right) for one in answers.foretold(RIGHT_FROM, quiet))
    assert judged == len(log.drop_duplicates(["learner_id", "occurred_at"])) < len(log)


def test_the_report_says_of_whom_and_a_sample_is_of_whole_learners(tmp_path: Path) -> None:
    log = planted_log(learners=60)
    log.drop(columns="p_struggle").to_parquet(tmp_path / "log.parquet")
    options = Options(
        Target(7, RIGHT_FROM), ZoneInfo("UTC"), most_rows=24 * 30, set_by={"struggle_below": "the default"}
    )
    found = next_answers_of_log(tmp_path / "log.parquet", options, quiet)
    figures = found["models"][LOGISTIC]
    assert (found["learners"], found["sampled_learners"], figures["all"]["learners"]) == (60, 30, 30)
    assert figures["first_on_objective"]["n"] + figures["answered_before"]["n"] == figures["all"]["n"] == 24 * 30
    every = next_answers_of_log(tmp_path / "log.parquet", replace(options, most_rows=10**6), quiet)["models"][RATINGS]
    assert every["first_on_objective"]["n"] == len(log.drop_duplicates(["learner_id", "objective_id"]))
    few = log[log["learner_id"].isin([f"learner-{number}" for number in range(19)])]
    few.drop(columns="p_struggle").to_parquet(tmp_path / "few.parquet")
    with pytest.raises(AmericanoError, match="19 learners answered, too few to keep some apart: at least 20"):
        next_answers_of_log(tmp_path / "few.parquet", options, quiet)
    log.drop(columns="p_struggle").assign(score=1).to_parquet(tmp_path / "all.parquet")
    with pytest.raises(AmericanoError, match=r"answers 720 are right, a score from 0\.65 on being one"):
        next_answers_of_log(tmp_path / "all.parquet", options, quiet)


def test_the_command_prints_what_its_json_says(tmp_path: Path) -> None:
    planted_log().drop(columns="p_struggle").to_parquet(tmp_path / "log.parquet")
    asked = ("evaluate", str(tmp_path / "log.parquet"), "--task", "next-answer", "--struggle-below", "0.4")
    done = run(*asked, "--json", str(tmp_path / "report.json"), AMERICANO_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    auc = json.loads((tmp_path / "report.json").read_text())["models"]["ratings"]["all"]["auc_roc"]
    assert f"{auc['value']:.3f} ({auc['low']:.3f}-{auc['high']:.3f})" in done.stdout
    assert "one rate" in done.stdout
    done = run(*asked, "--rows", str(tmp_path / "rows.parquet"), AMERICANO_HOME=str(tmp_path / "home"))
    assert (done.returncode, "are of --task struggle" in done.stderr) == (1, True)
