"""Which model scores, with which threshold, and why."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.training.fit import (
    BLEND,
    BOOSTING,
    FALLBACK_RATE,
    LOGISTIC,
    RULES,
    TRAINED_TYPES,
)
from americano_assets.core.training.fit_logistic import TooLittleDataError
from americano_assets.core.training.flagging import LIKELY, NOBODY, RECALL_AIM
from americano_assets.core.training.promotion_gate import decide
from americano_assets.core.training.splits import assign_splits
from americano_assets.core.training.train import CHAMPION, Candidate, challenge, train
from americano_assets_tests.frames import feature_row, feature_rows

FIRST = date(2026, 1, 1)


def labelled(learners: int = 40, weeks: int = 12, **values: Any) -> pd.DataFrame:
    """A training set: the lower the session performance, which no rule reads, the likelier the struggle."""
    generator = np.random.default_rng(1)
    rows = []
    for learner in range(learners):
        for week in range(weeks):
            performance = generator.uniform()
            rows.append(
                {
                    **feature_row(learner, session_performance_score=performance, retention_score=0.8),
                    "cutoff_day": pd.Timestamp(FIRST + timedelta(weeks=week)),
                    "struggled": bool(generator.uniform() > performance),
                    **values,
                }
            )
    frame = pd.DataFrame(rows)
    return frame.assign(split=assign_splits(frame, 7))


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Enough learners for the gate to tell a sound calibration from luck."""
    return labelled(learners=1200)


def test_a_trained_model_that_beats_the_rules_scores(many: pd.DataFrame) -> None:
    rows = many
    found = train(rows, "auto")
    assert found.chosen in TRAINED_TYPES
    assert "log loss on held-out learners beats the rules" in found.why
    scorer = found.candidates[found.chosen].scorer
    calibration = rows[rows["split"] == "calibration"]
    struggled = calibration["struggled"].to_numpy(dtype=bool)
    flagged = scorer.flagged(calibration, scorer.probability(calibration))
    assert RECALL_AIM <= flagged[struggled].mean() < RECALL_AIM + 0.05
    importance = found.importance[found.chosen]
    assert max(importance, key=lambda name: importance[name]) == "session_performance_score"
    assert found.rows["test_rows"] == (rows["split"] == "test").sum()
    assert found.candidates[LOGISTIC].figures["n"] == found.rows["test_rows"]


def test_who_is_likelier_than_not_to_struggle_is_flagged_though_three_quarters_lie_above() -> None:
    rows = labelled(learners=120)
    generator = np.random.default_rng(2)
    # Two kinds of rows, of which one struggles nearly always: three quarters of the struggles lie at its top.
    weak = rows["session_performance_score"] < 0.5
    unlike = generator.uniform(size=len(rows)) < 0.05
    found = train(rows.assign(struggled=weak ^ unlike), LOGISTIC).candidates[LOGISTIC]
    assert found.scorer.threshold == LIKELY
    recall, accuracy = found.figures["recall"], found.figures["accuracy"]
    assert recall is not None
    assert accuracy is not None
    assert min(recall, accuracy) > 0.9


def test_the_champion_stays_unless_a_challenger_beats_it(many: pd.DataFrame) -> None:
    first = train(many, LOGISTIC)
    again = train(many, "auto", first.candidates[LOGISTIC].scorer)
    assert again.chosen == CHAMPION
    assert again.why.startswith("the champion stays, ")
    assert again.candidates[CHAMPION].figures == first.candidates[LOGISTIC].figures
    nothing_new = train(many.head(0), "auto", first.candidates[LOGISTIC].scorer)
    assert nothing_new.chosen == CHAMPION


def test_the_rules_score_where_the_trained_model_does_not_beat_them(many: pd.DataFrame) -> None:
    rows = many
    # What the model learns is turned around on the learners and weeks that it is tested on.
    turned = rows.assign(struggled=np.where(rows["split"] == "test", ~rows["struggled"], rows["struggled"]))
    found = train(turned.assign(struggled=turned["struggled"].astype(bool)), "auto")
    assert found.chosen == RULES
    assert "does not beat the rules" in found.why


@pytest.fixture(scope="module")
def trained(many: pd.DataFrame) -> dict[str, Candidate]:
    return dict(train(many, "auto").candidates)


def blurred(one: Candidate, slope: float) -> Candidate:
    """Probabilities pulled together, so that they mean less and order as before."""
    calibrator = one.scorer.calibrator
    return replace(one, scorer=replace(one.scorer, calibrator=replace(calibrator, slope=slope * calibrator.slope)))


def test_where_the_best_means_too_little_the_next_may_pass(many: pd.DataFrame, trained: dict[str, Candidate]) -> None:
    test = many[many["split"] == "test"]
    unsound = {name: blurred(trained[name], 0.2) for name in (BLEND, BOOSTING)}
    name, verdict = challenge({**trained, **unsound}, [BLEND, BOOSTING, LOGISTIC], None, test)
    assert (name, verdict.promoted) == (LOGISTIC, True)
    assert [one.partition(": ")[0] for one in verdict.others] == [f"{BLEND} was refused", f"{BOOSTING} was refused"]
    assert "held-out rows of 208 learners 0." in verdict.others[0]


def test_where_all_mean_too_little_the_best_is_refused_and_so_are_the_others(
    many: pd.DataFrame, trained: dict[str, Candidate]
) -> None:
    test = many[many["split"] == "test"]
    unsound = {name: blurred(trained[name], 0.2) for name in TRAINED_TYPES}
    name, verdict = challenge({**trained, **unsound}, [LOGISTIC, BLEND, BOOSTING], None, test)
    assert (name, verdict.promoted) == (LOGISTIC, False)
    assert verdict.why.startswith("ECE on ")
    assert [one.partition(": ")[0] for one in verdict.others] == [f"{BLEND} was refused", f"{BOOSTING} was refused"]


def test_a_sound_one_that_is_not_better_is_the_last_that_is_asked_about(
    many: pd.DataFrame, trained: dict[str, Candidate]
) -> None:
    test = many[many["split"] == "test"]
    # As good as the champion, that is, not better, though the next one would be.
    worse = blurred(trained[LOGISTIC], 0.75)
    candidates = {**trained, BLEND: worse}
    assert decide(candidates[LOGISTIC].scorer, candidates[RULES].scorer, worse.scorer, test).promoted
    name, verdict = challenge(candidates, [BLEND, LOGISTIC], worse.scorer, test)
    assert (name, verdict.promoted, verdict.sound) == (BLEND, False, True)
    assert LOGISTIC not in verdict.why


def test_fewer_than_thirty_held_out_rows_decide_nothing(many: pd.DataFrame, trained: dict[str, Candidate]) -> None:
    test = many[many["split"] == "test"]
    assert challenge(trained, [LOGISTIC], None, test)[1].promoted
    _, told = challenge(trained, [LOGISTIC], None, test.head(29))
    assert told.why == "29 held-out rows to compare on; at least 30 are needed"


def test_the_model_that_is_asked_for_scores() -> None:
    assert train(labelled(), RULES).chosen == RULES
    assert list(train(labelled(), RULES).candidates) == [RULES]
    assert train(labelled(), LOGISTIC).chosen == LOGISTIC


@pytest.mark.parametrize("rows", [labelled().head(0), labelled(struggled=True), labelled(learners=2)])
def test_the_rules_score_while_there_is_too_little_to_learn_from(rows: pd.DataFrame) -> None:
    found = train(rows, "auto")
    assert found.chosen == RULES
    assert found.why.startswith("the rules score: ")
    with pytest.raises(TooLittleDataError):
        train(rows, LOGISTIC)


def test_without_any_rows_a_cold_start_is_even_odds() -> None:
    scorer = train(labelled().head(0), "auto").candidates[RULES].scorer
    assert scorer.cohort_rate == FALLBACK_RATE
    assert scorer.probability(feature_rows({})).tolist() == [FALLBACK_RATE]


def test_the_cohorts_rate_is_the_training_learners_own() -> None:
    rows = labelled()
    scorer = train(rows, RULES).candidates[RULES].scorer
    assert scorer.cohort_rate == rows.loc[rows["split"] == "train", "struggled"].mean()


def test_a_champion_that_flags_everybody_steps_down_where_no_challenger_passes() -> None:
    rows = labelled(learners=150)
    few = rows[~rows["struggled"] | (rows.index % 3 == 0)]
    champion = train(few, LOGISTIC).candidates[LOGISTIC].scorer.with_threshold(0.0)
    # Nothing that challengers learn from tells anything: none is better than one rate for everybody.
    blind = few.assign(session_performance_score=0.5)
    found = train(blind, "auto", champion)
    assert found.chosen == RULES
    assert found.why.startswith("the rules score, the champion steps down since on held-out learners it flags 100.0%")
    by_hand = train(blind, "auto", champion, held_by_hand="Ada set it")
    assert by_hand.chosen == CHAMPION
    assert "the champion steps down since on held-out learners it flags 100.0%" in by_hand.why


@pytest.mark.parametrize("wanted", ["auto", RULES])
def test_rules_that_flag_in_vain_flag_nobody_and_say_why(wanted: str) -> None:
    rows = labelled(learners=120)
    # Nothing is remembered of the test rows, which is a reason to the rules, and few of them struggle.
    tested = rows["split"] == "test"
    found = train(
        rows.assign(
            retention_score=rows["retention_score"].where(~tested, 0.1),
            struggled=rows["struggled"] & (~tested | (rows.index % 9 == 0)),
        ),
        wanted,
    )
    rules = found.candidates[RULES]
    assert rules.scorer.threshold == NOBODY
    assert rules.figures["flagged_share"] == 0
    assert rules.threshold_told.startswith("nobody is flagged: from 0.198 on, on held-out learners it flags 100.0% of")


def test_a_champion_is_told_to_stay_where_nothing_can_be_trained() -> None:
    rows = labelled()
    champion = train(rows, LOGISTIC).candidates[LOGISTIC].scorer
    assert train(rows.head(0), "auto", champion).why.startswith("the champion stays: ")
