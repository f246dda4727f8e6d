"""Figures against scikit-learn and by hand, and a threshold that finds as many struggles as it promises."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from americano_assets.core.evaluation.figures import ranked_figures
from americano_assets.core.statistics.metrics import (
    calibration_bins,
    expected_calibration_error,
    figures,
    threshold_for_recall,
)

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 100), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=40)
@given(rows)
def test_figures_are_scikit_learns_and_missing_where_the_rows_cannot_carry_them(
    drawn: list[tuple[bool, int, bool]],
) -> None:
    struggled, hundredths, flagged = (np.array(column) for column in zip(*drawn, strict=True))
    p = hundredths / 100
    found = figures(struggled, p, flagged)
    assert found["n"] == len(drawn)
    assert found["base_rate"] == pytest.approx(struggled.mean())
    assert found["always_no_accuracy"] == pytest.approx(1 - struggled.mean())
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(struggled, flagged))
    assert found["brier"] == pytest.approx(((p - struggled) ** 2).mean())
    if flagged.any():
        assert found["precision"] == pytest.approx(sklearn_metrics.precision_score(struggled, flagged))
    else:
        assert found["precision"] is None
    if not struggled.any():
        assert found["recall"] is found["f1_score"] is found["auc_roc"] is found["average_precision"] is None
        return
    assert found["recall"] == pytest.approx(sklearn_metrics.recall_score(struggled, flagged))
    if found["f1_score"] is not None:
        assert found["f1_score"] == pytest.approx(sklearn_metrics.f1_score(struggled, flagged))
    if struggled.all():
        assert found["auc_roc"] is None
    else:
        yes, no = p[struggled], p[~struggled]
        wins = (yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2
        assert found["auc_roc"] == pytest.approx(wins)


def test_log_loss_by_hand_and_finite_where_p_is_certain_and_wrong() -> None:
    struggled, p = np.array([True, False]), np.array([0.8, 0.1])
    found = figures(struggled, p, p >= 0.5)
    assert found["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.9)) / 2)
    wrong = figures(struggled, np.array([0.0, 1.0]), p >= 0.5)["log_loss"]
    assert wrong is not None
    assert np.isfinite(wrong)


def test_no_rows_give_no_figures() -> None:
    nothing = figures(np.array([], dtype=bool), np.array([]), np.array([], dtype=bool))
    assert nothing.pop("n") == 0
    assert set(nothing.values()) == {None}


def test_calibration_is_over_ten_bins_of_equal_mass() -> None:
    p = np.repeat([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95], 4)
    struggled = np.tile([True, False, False, False], 10)
    curve = calibration_bins(struggled, p)
    assert curve.count == (4,) * 10
    assert curve.prob_pred == pytest.approx(np.arange(0.05, 1, 0.1))
    assert curve.prob_true == (0.25,) * 10
    # |0.25 - p| over the bins: 0.2 0.1 0 0.1 … 0.7.
    assert expected_calibration_error(struggled, p) == pytest.approx((0.2 + 0.1 + sum(range(8)) / 10) / 10)


def test_bins_are_weighed_by_their_rows() -> None:
    p = np.linspace(0.1, 0.2, 11)
    struggled = np.array([True] + [False] * 10)
    assert calibration_bins(struggled, p).count == (2,) + (1,) * 9
    assert expected_calibration_error(struggled, p) == pytest.approx((2 * (0.5 - 0.105) + p[2:].sum()) / 11)


def test_one_p_for_all_rows_is_off_by_its_distance_from_their_rate() -> None:
    struggled = np.array([True] + [False] * 10)
    for order in (struggled, struggled[::-1]):
        assert expected_calibration_error(order, np.full(11, 0.1)) == pytest.approx(0.1 - 1 / 11)


@given(tied=st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=80), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_no_calibration_also_where_p_ties(tied: list[tuple[bool, int]], seed: int) -> None:
    struggled, sixths = (np.array(column) for column in zip(*tied, strict=True))
    p = sixths / 6
    other = np.random.default_rng(seed).permutation(len(p))
    ece = expected_calibration_error(struggled, p)
    assert expected_calibration_error(struggled[other], p[other]) == pytest.approx(ece)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=9), st.integers(0, 99))
def test_the_bootstraps_calibration_is_the_same_figure(tied: list[tuple[bool, int]], seed: int) -> None:
    struggled, sixths = (np.repeat(column, 10) for column in zip(*tied, strict=True))
    p = sixths / 6
    order = np.random.default_rng(seed).permutation(len(p))
    order = order[np.argsort(p[order], kind="stable")]
    once = np.ones(len(p), dtype=np.int64)
    *_, bootstrapped = ranked_figures(p[order], struggled[order], np.arange(len(p)), once)
    assert bootstrapped == pytest.approx(expected_calibration_error(struggled, p))


@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60),
    weight=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_a_resample_is_ranked_as_its_rows_written_out(
    rows: list[tuple[bool, int, int]], weight: tuple[int, ...]
) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    struggled, sixths, learner = (np.array(column) for column in zip(*rows, strict=True))
    drawn = np.repeat(np.arange(len(rows)), np.array(weight)[learner])
    assume(0 < struggled[drawn].sum() < len(drawn))
    auc, precision, _ = ranked_figures(sixths / 6, struggled, learner, np.array(weight))
    written_out = figures(struggled[drawn], sixths[drawn] / 6, struggled[drawn])
    assert auc == pytest.approx(written_out["auc_roc"])
    assert precision == pytest.approx(written_out["average_precision"])


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60).filter(
        lambda drawn: any(struggled for struggled, _ in drawn)
    ),
    st.sampled_from([0.5, 0.75, 1.0]),
)
def test_the_threshold_is_the_largest_that_keeps_the_recall(drawn: list[tuple[bool, int]], aim: float) -> None:
    struggled, twentieths = (np.array(column) for column in zip(*drawn, strict=True))
    p = twentieths / 20
    threshold = threshold_for_recall(struggled, p, aim)

    def recall(at: float) -> float:
        return float((struggled & (p >= at)).sum() / struggled.sum())

    assert recall(threshold) >= aim
    assert all(recall(larger) < aim for larger in np.unique(p[p > threshold]))
    assert recall(np.nextafter(threshold, 2)) < aim


def test_without_a_struggle_no_threshold_is_chosen() -> None:
    assert threshold_for_recall(np.array([False, False]), np.array([0.9, 0.1]), 0.75) == 0.5
