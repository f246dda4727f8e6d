"""A simulated cohort: reproducible, ruled by its parameters, its truth true."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import fsrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.scenarios.cohort_demo import of_known_truth
from americano_assets.loading.demo.simulator import Cohort, best_auc, rows_of, simulate
from americano_assets.loading.demo.simulator.draw.curriculum import CARDS_PER_OBJECTIVE, CHAIN, CYCLE, course_of
from americano_assets.loading.demo.simulator.draw.memory import AGAIN, reviewed
from americano_assets.loading.demo.simulator.draw.plan import SKIPPED_FATES, SKIPPED_SHARE, overload
from americano_assets.loading.demo.simulator.load import LOG_TABLES, STATE_TABLES
from americano_assets.loading.demo.simulator.truth import (
    FOLLOW_UP_EASE,
    FORM_SPREAD,
    VALIDATION_EASE,
    expected_auc,
    struggle_probability,
)
from americano_assets_tests.loading.demo.simulator.conftest import AFTER, END

TABLES = (*STATE_TABLES, *LOG_TABLES)


def contents(cohort: Cohort) -> dict[str, bytes]:
    """Every table, byte for byte."""
    result = {}
    for table in TABLES:
        sink = pa.BufferOutputStream()
        pieces = list(rows_of(cohort, table, AFTER))
        with pa.ipc.new_stream(sink, pieces[0].schema) as writer:
            for piece in pieces:
                writer.write_table(piece)
        result[table] = sink.getvalue().to_pybytes()
    return result


def success(cohort: Cohort) -> pd.DataFrame:
    """First reviews' success with the parameters behind each."""
    answers, plan = cohort.answers, cohort.plan
    reviews = np.flatnonzero(answers.is_review & (answers.memory[:, 1] == 0))
    row = answers.row[reviews]
    return pd.DataFrame(
        {
            "learner": plan.learner[row],
            "objective": plan.objective[row],
            "success": answers.rating[reviews] != AGAIN,
        }
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = simulate(learners=12, days=40, seed=3, end=END)
    again = simulate(learners=12, days=40, seed=3, end=END)
    other = simulate(learners=12, days=40, seed=4, end=END)
    assert contents(first) == contents(again)
    pd.testing.assert_frame_equal(first.truth, again.truth)
    differing = contents(other)
    assert all(differing[table] != content for table, content in contents(first).items())


def test_help_changes_those_who_get_it_and_nobody_elses_chance(crowd: Cohort) -> None:
    arguments: dict[str, Any] = vars(crowd.arguments)
    nobody = simulate(**arguments, help_given=np.zeros(len(crowd.plan)))
    np.testing.assert_array_equal(nobody.answers.rating, crowd.answers.rating)
    helped = np.arange(len(crowd.learners)) % 2 == 0
    eased = simulate(**arguments, help_given=np.where(helped[crowd.plan.learner], 0.8, 0.0))
    rows = crowd.plan.learner[crowd.answers.row]
    others = ~helped[rows]
    for name in ("rating", "points", "memory"):
        before, after = getattr(crowd.answers, name), getattr(eased.answers, name)
        np.testing.assert_array_equal(after[others], before[others])
        assert (after[~others] != before[~others]).any()
    rate = [
        cohort.outcomes.loc[
            cohort.outcomes["learner_id"].isin(np.array(cohort.learner_ids)[helped]), "struggled"
        ].mean()
        for cohort in (crowd, eased)
    ]
    assert rate[1] < rate[0] - 0.08
    # The truth knows of the help.
    both = eased.truth.merge(eased.outcomes, on=["learner_id", "objective_id", "day"])
    assert both["struggled"].mean() == pytest.approx(both["p_struggle"].mean(), abs=0.01)


def test_the_parameters_come_back_from_the_answers(crowd: Cohort) -> None:
    plan, answers, learners = crowd.plan, crowd.answers, crowd.learners
    row = answers.row[answers.is_review]
    learner, objective = plan.learner[row], plan.objective[row]
    card = answers.card[answers.is_review]
    terms = {
        "ability": learners.ability[learner],
        "strength": learners.strength[learner, course_of(objective)],
        "difficulty": crowd.curriculum.difficulty[objective],
        "overload": overload(plan, learners.tolerance)[row],
        "night": (plan.at_night[row] > 0).astype(float),
        "ease": crowd.curriculum.card_ease.ravel()[card],
    }
    planted = {"ability": 1.0, "strength": 1.0, "difficulty": -1.0, "overload": -0.7, "night": -0.35, "ease": 1.0}
    known = sum(planted[name] * terms[name] for name in ("ability", "strength", "difficulty", "overload", "night"))
    # What is left of the logits is what was learnt, forgotten, and is missing of the groundwork.
    terms["memory"] = crowd.base[row] - known
    planted["memory"] = 1.0
    fit = LogisticRegression(C=np.inf).fit(np.column_stack(list(terms.values())), answers.rating[answers.is_review] > 1)
    # The form of the day, N(0, 1), is averaged over, which shrinks every coefficient alike (Zeger, Liang, Albert 1988).
    shrunk = 1 / np.sqrt(1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2)
    found = dict(zip(terms, fit.coef_[0] / shrunk, strict=True))
    assert found == pytest.approx(planted, abs=0.1)


def test_abler_learners_succeed_more_and_harder_objectives_less(crowd: Cohort) -> None:
    rows = success(crowd)
    by_learner = rows.groupby("learner")["success"].mean()
    by_objective = rows.groupby("objective")["success"].mean()
    assert spearmanr(by_learner, crowd.learners.ability[by_learner.index]).statistic > 0.6
    assert spearmanr(by_objective, crowd.curriculum.difficulty[by_objective.index]).statistic < -0.7


def test_complexity_tells_of_difficulty_without_giving_it_away(crowd: Cohort) -> None:
    correlation = np.corrcoef(crowd.curriculum.complexity, crowd.curriculum.difficulty)[0, 1]
    assert 0.5 < correlation < 0.95


def test_what_was_long_not_studied_is_forgotten_most_by_those_who_forget_fast(crowd: Cohort) -> None:
    plan, base = crowd.plan, crowd.base
    frame = pd.DataFrame({"learner": plan.learner, "objective": plan.objective, "day": plan.day, "base": base})
    frame["done"] = plan.done
    frame = frame.dropna().sort_values(["learner", "objective", "day"])
    before = frame.groupby(["learner", "objective"]).shift()
    # A planned day that nobody followed teaches nothing, so from it to the next the logits only fall.
    idle = frame[(before["done"] == False) & frame.groupby(["learner", "objective"]).cumcount().gt(1)]  # noqa: E712
    loss = (before["base"] - idle["base"]).dropna()
    fast = crowd.learners.forgetting[idle.loc[loss.index, "learner"]] > np.median(crowd.learners.forgetting)
    assert loss[fast].mean() > loss[~fast].mean() > 0


def test_overload_lowers_success(crowd: Cohort) -> None:
    plan = crowd.plan
    known = np.flatnonzero(~np.isnan(crowd.base))
    heavy = plan.load[known] > 1.5 * crowd.learners.tolerance[plan.learner[known]]
    fixed = crowd.learners.ability[plan.learner[known]] - crowd.curriculum.difficulty[plan.objective[known]]
    rest = crowd.base[known] - fixed
    assert rest[heavy].mean() < rest[~heavy].mean() - 0.2


def test_the_truth_is_what_happens_on_average(crowd: Cohort) -> None:
    rows = crowd.truth.merge(crowd.outcomes, on=["learner_id", "objective_id", "day"])
    assert len(rows) == len(crowd.outcomes) > 20_000
    assert not crowd.truth.duplicated(["learner_id", "objective_id", "day"]).any()
    for _, part in rows.groupby(pd.qcut(rows["p_struggle"], 10), observed=True):
        error = np.sqrt((part["p_struggle"] * (1 - part["p_struggle"])).mean() / len(part))
        assert abs(part["struggled"].mean() - part["p_struggle"].mean()) < 4 * error


def test_the_truth_equals_a_window_played_many_times(crowd: Cohort) -> None:
    plan = crowd.plan
    wanted = [(r, f, v) for r, f, v in ((4, 0, False), (3, 2, True), (5, 1, True), (0, 0, True))]
    cases = [
        int(
            np.flatnonzero(
                (plan.reviews == r) & (plan.follow_ups == f) & (plan.validated == v) & ~np.isnan(crowd.base)
            )[0]
        )
        for r, f, v in wanted
    ]
    p = struggle_probability(plan, crowd.curriculum, crowd.base, np.array(cases))
    generator = np.random.default_rng(9)
    played = 40_000
    for row, expected in zip(cases, p, strict=True):
        form = generator.normal(0, FORM_SPREAD, played)
        n = int(plan.reviews[row] + plan.follow_ups[row])
        total, again = np.zeros(played), np.zeros(played, np.int64)
        for place in range(n):
            card = (plan.first_card[row] + place) % CARDS_PER_OBJECTIVE
            ease = crowd.curriculum.card_ease[plan.objective[row], card]
            ease += FOLLOW_UP_EASE if place >= plan.reviews[row] else 0.0
            right = generator.random(played) < expit(crowd.base[row] + form + ease)
            total += right
            again += ~right
        if plan.validated[row]:
            tenths = generator.binomial(10, expit(crowd.base[row] + form + VALIDATION_EASE))
            lost = generator.random(played) < SKIPPED_SHARE * (1 - SKIPPED_FATES[0])
            total += np.where(lost, 0, tenths / 10)
            n += 1
        struggles = (total / n < 0.65 - 1e-9) | ((again >= 3) & (again >= 0.3 * (n - plan.validated[row])))
        assert struggles.mean() == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_best_auc_is_known_and_well_below_one(seed: int) -> None:
    cohort = simulate(learners=60, days=90, seed=seed, end=END)
    assert 0.75 < best_auc(cohort.truth) < 0.9
    assert 0.2 < cohort.outcomes["struggled"].mean() < 0.5


def test_what_a_ranking_can_be_expected_to_reach_is_what_its_pairs_reach() -> None:
    generator = np.random.default_rng(5)
    p, score = generator.uniform(size=40), generator.integers(0, 9, 40).astype(float)
    wins, pairs = 0.0, 0.0
    for one, other in permutations(range(40), 2):
        chance = p[one] * (1 - p[other])
        pairs += chance
        wins += chance * (1.0 if score[one] > score[other] else 0.5 if score[one] == score[other] else 0.0)
    assert expected_auc(score, p) == pytest.approx(wins / pairs)


def test_the_truth_of_a_row_is_that_of_the_day_after_its_cut_off() -> None:
    day = date(2026, 3, 1)
    truth = pd.DataFrame(
        [("ann", "heart", day, 0.2), ("ann", "heart", day + timedelta(days=1), 0.4), ("ann", "lung", day, 0.6)],
        columns=["learner_id", "objective_id", "day", "p_struggle"],
    )
    rows = pd.DataFrame([("ann", "heart", day)], columns=["learner_id", "objective_id", "cutoff_day"])
    assert of_known_truth(rows, truth)["p_struggle"].tolist() == [0.4]


def test_the_best_auc_of_cases_worked_out_by_hand() -> None:
    def of(*p: float) -> float:
        return best_auc(pd.DataFrame({"p_struggle": p}))

    assert of(0.0, 1.0) == 1.0
    assert of(0.3, 0.3, 0.3) == pytest.approx(0.5)
    # Pairs (struggle, smooth): .8 over .2 weighs .8 * .8 and wins, .2 over .8 weighs .2 * .2 and loses.
    assert of(0.2, 0.8) == pytest.approx(0.64 / 0.68)


def test_memory_states_move_as_the_fsrs_package_moves_them() -> None:
    scheduler = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    card, when = fsrs.Card(), datetime(2026, 1, 1, tzinfo=UTC)
    difficulty = stability = np.zeros(1)
    for rating, days in ((3, 1), (3, 4), (1, 9), (2, 2), (4, 30), (1, 1), (3, 3)):
        when += timedelta(days=days)
        card, _ = scheduler.review_card(card, fsrs.Rating(rating), when)
        difficulty, stability = reviewed(difficulty, stability, np.array([float(days)]), np.array([rating]))
        assert (difficulty[0], stability[0]) == pytest.approx((card.difficulty, card.stability), rel=1e-9)


def test_the_prerequisites_hold_a_long_chain_and_a_cycle(crowd: Cohort) -> None:
    pairs = {(int(later), int(earlier)) for later, earlier in crowd.curriculum.builds_on}
    assert len(CHAIN) >= 8
    assert {(CHAIN[n + 1], CHAIN[n]) for n in range(len(CHAIN) - 1)} <= pairs
    assert {(CYCLE[n - 1], CYCLE[n]) for n in range(len(CYCLE))} <= pairs
    assert len(pairs) == len(crowd.curriculum.builds_on)


@pytest.mark.parametrize("wrong", [{"learners": 0}, {"days": 29}, {"seed": -1}])
def test_a_cohort_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    arguments: dict[str, Any] = {"learners": 1, "days": 30, "seed": 0, **wrong}
    with pytest.raises(AmericanoError, match="at least 1 learner, 30 days"):
        simulate(end=date(2026, 3, 1), **arguments)
