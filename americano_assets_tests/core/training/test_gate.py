"""The gate lets a better, sound model pass and refuses every planted failure."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.features.catalog import FEATURE_NAMES
from americano_assets.core.models.linear import LinearModel
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import CHANCE_DRAWS, CHANCE_SHARE, expected_calibration_error
from americano_assets.core.training.fit import LOGISTIC, RULES, fit_models
from americano_assets.core.training.fit_logistic import TooLittleDataError
from americano_assets.core.training.flagging import NOBODY
from americano_assets.core.training.promotion_gate import ECE_LIMIT, decide, defects, sound_ece
from americano_assets_tests.frames import feature_rows


def learners(numbers: range, per_learner: int = 20) -> pd.DataFrame:
    """The lower the session performance, which no rule reads, the likelier the struggle."""
    generator = np.random.default_rng(numbers.start)
    n = len(numbers) * per_learner
    performance = generator.uniform(size=n)
    rows = feature_rows(*({"session_performance_score": p, "retention_score": 0.8} for p in performance))
    return rows.assign(
        learner_id=np.repeat([f"learner-{number}" for number in numbers], per_learner),
        struggled=generator.uniform(size=n) > performance,
    )


TRAIN, CALIBRATION, HELD_OUT = learners(range(80)), learners(range(100, 160)), learners(range(200, 320))


def fitted(train: pd.DataFrame = TRAIN, calibration: pd.DataFrame = CALIBRATION) -> dict[str, Scorer]:
    return fit_models(train, calibration, [RULES, LOGISTIC])


@pytest.fixture(scope="module")
def scorers() -> dict[str, Scorer]:
    return fitted()


def test_a_sound_model_that_beats_the_rules_passes_and_says_by_how_much(scorers: dict[str, Scorer]) -> None:
    decision = decide(scorers[LOGISTIC], scorers[RULES], None, HELD_OUT)
    assert decision.promoted
    assert "beats the rules" in decision.why
    assert "beats one rate for everybody" in decision.why


def test_an_equal_one_does_not_replace_the_champion(scorers: dict[str, Scorer]) -> None:
    decision = decide(scorers[LOGISTIC], scorers[RULES], scorers[LOGISTIC], HELD_OUT)
    assert not decision.promoted
    assert decision.refused[0].startswith("log loss on held-out learners does not beat the champion: +0.0000")


def test_a_better_one_replaces_the_champion(scorers: dict[str, Scorer]) -> None:
    worse = replace(scorers[LOGISTIC], calibrator=replace(scorers[LOGISTIC].calibrator, slope=0.2))
    assert decide(scorers[LOGISTIC], scorers[RULES], worse, HELD_OUT).promoted


@pytest.mark.parametrize("seed", range(6))
def test_permuted_labels_are_refused(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Ten features that vary without telling anything, or shrinkage alone would make the model say one rate.
    train, calibration, held_out = (
        part.assign(**{name: generator.uniform(size=len(part)) for name in FEATURE_NAMES[:10]})
        for part in (TRAIN, CALIBRATION, HELD_OUT)
    )
    mixed = [part.assign(struggled=generator.permutation(part["struggled"])) for part in (train, calibration)]
    found = fitted(*mixed)
    # Nobody honest stands beside it, and its vagueness is far better than the rules' certainty.
    decision = decide(found[LOGISTIC], found[RULES], None, held_out)
    assert not decision.promoted
    assert "beats the rules" in decision.why
    assert "does not beat one rate for everybody" in decision.why


def test_a_leaked_label_is_refused() -> None:
    leaked = [
        part.assign(workload_level=part["struggled"].astype(float), observed_workload_level=True)
        for part in (TRAIN, CALIBRATION, HELD_OUT)
    ]
    found = fitted(*leaked[:2])
    decision = decide(found[LOGISTIC], found[RULES], None, leaked[2])
    assert not decision.promoted
    assert decision.refused == ("workload_level alone tells the outcome with AUC 1.000: it knows the future",)


@pytest.mark.parametrize("outcome", [True, False])
def test_a_single_class_never_becomes_a_model(outcome: bool, scorers: dict[str, Scorer]) -> None:
    with pytest.raises(TooLittleDataError):
        fitted(TRAIN.assign(struggled=outcome))
    assert "both outcomes are needed" in defects(scorers[LOGISTIC], HELD_OUT.assign(struggled=outcome))[0]


@dataclass(frozen=True)
class RescaledOnTheBatch(LinearModel):
    """Centres its inputs on whatever rows it is given."""

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        values = super().log_odds(rows)
        centred: FloatArray = values - values.mean()
        return centred


def test_a_scaler_fitted_on_the_scored_batch_is_refused(scorers: dict[str, Scorer]) -> None:
    model = scorers[LOGISTIC].model
    assert isinstance(model, LinearModel)
    cheating = replace(scorers[LOGISTIC], model=RescaledOnTheBatch(**vars(model)))
    assert defects(cheating, HELD_OUT) == ["the score of a row depends on the rows that are scored with it"]


def test_other_inputs_than_todays_are_refused(scorers: dict[str, Scorer]) -> None:
    model = scorers[LOGISTIC].model
    assert isinstance(model, LinearModel)
    renamed = replace(model, inputs=("last_years_score", *model.inputs[1:]))
    (sentence,) = defects(replace(scorers[LOGISTIC], model=renamed), HELD_OUT)
    assert sentence == "its inputs differ from today's in 2 columns, the first is last_years_score"


def test_an_unsound_calibration_is_refused(scorers: dict[str, Scorer]) -> None:
    shifted = replace(scorers[LOGISTIC], calibrator=replace(scorers[LOGISTIC].calibrator, offset=0.6))
    decision = decide(shifted, scorers[RULES], None, HELD_OUT)
    assert not decision.promoted
    (why,) = decision.refused
    assert why.startswith("ECE on 2,400 held-out rows of 120 learners 0.0")
    assert why.endswith(", at most 0.05 is sound")
    assert decision.why.startswith(f"{why}; all else passed: on held-out learners it flags ")


def drawn(rows: int, seed: int, *, off: float = 0.0) -> tuple[BoolArray, FloatArray]:
    """Outcomes that come as often as p says, and p; said too high by `off`."""
    generator = np.random.default_rng(seed)
    p = generator.beta(1.2, 2.4, rows)
    return generator.uniform(size=rows) < p, np.minimum(p + off, 1.0)


@pytest.mark.parametrize("rows", [60, 132, 550])
def test_on_few_rows_a_sound_calibration_is_told_from_an_unsound_one(rows: int) -> None:
    def passes(off: float) -> float:
        tries = [drawn(rows, seed, off=off) for seed in range(60)]
        return float(np.mean([expected_calibration_error(outcome, p) <= sound_ece(p) for outcome, p in tries]))

    assert passes(0.0) > 0.85
    assert passes(0.3) < 0.1


def test_on_many_rows_an_ece_of_five_points_is_the_most() -> None:
    assert [sound_ece(drawn(rows, 0)[1]) for rows in (1_000, 1_500)] == [ECE_LIMIT, ECE_LIMIT]
    # However few the rows are, who says one p of everybody may be off by no more than ECE_LIMIT or chance.
    assert sound_ece(np.zeros(100)) == ECE_LIMIT


@pytest.mark.parametrize("p", [drawn(97, 3)[1], np.repeat([0.1, 0.3, 0.3, 0.8], 9), np.array([0.2, 0.4, 0.9])])
def test_what_chance_gives_is_told_by_the_same_error_as_the_models(p: FloatArray) -> None:
    p = np.sort(p)
    outcomes = np.random.default_rng(0).uniform(size=(CHANCE_DRAWS, len(p))) < p
    one_by_one = [expected_calibration_error(outcome, p) for outcome in outcomes]
    assert sound_ece(p) == pytest.approx(np.quantile(one_by_one, CHANCE_SHARE))


def test_the_limit_is_the_same_whatever_the_order_of_the_rows() -> None:
    _, p = drawn(132, 1)
    assert sound_ece(p) == sound_ece(p[::-1])


def test_the_verdict_on_few_rows_names_them_and_what_chance_gives(scorers: dict[str, Scorer]) -> None:
    few = HELD_OUT.iloc[:140]
    decision = decide(scorers[LOGISTIC], scorers[RULES], None, few)
    (why,) = [one for one in (*decision.passed, *decision.refused) if one.startswith("ECE")]
    assert why.startswith("ECE on 140 held-out rows of 7 learners 0.")
    assert why.endswith("is sound (0.05, or what chance gives so few rows)")
    assert decision.sound
    assert why in decision.passed


def flagging_everybody(scorer: Scorer) -> Scorer:
    return scorer.with_threshold(0.0)


@pytest.fixture(scope="module")
def rare() -> tuple[dict[str, Scorer], pd.DataFrame]:
    """Where one in eight struggles and a model can tell which: its scorers, and held-out rows."""
    parts = []
    for part in (TRAIN, CALIBRATION, HELD_OUT):
        lucky = np.random.default_rng(len(part)).uniform(size=len(part)) < 0.75
        parts.append(part.assign(struggled=part["struggled"] & ~lucky))
    return fitted(*parts[:2]), parts[2]


def test_one_that_flags_everybody_is_refused_however_good_its_probabilities(
    rare: tuple[dict[str, Scorer], pd.DataFrame],
) -> None:
    scorers, held_out = rare
    sound = decide(scorers[LOGISTIC], scorers[RULES], None, held_out)
    assert sound.promoted
    assert any(one.startswith("on held-out learners it flags ") for one in sound.passed)
    refused = decide(flagging_everybody(scorers[LOGISTIC]), scorers[RULES], None, held_out)
    assert not refused.sound
    (why,) = refused.refused
    assert why.startswith("on held-out learners it flags 100.0% of the rows of which something is known, 1")


def test_a_champion_that_flags_everybody_need_not_be_beaten(rare: tuple[dict[str, Scorer], pd.DataFrame]) -> None:
    scorers, held_out = rare
    decision = decide(scorers[LOGISTIC], scorers[RULES], flagging_everybody(scorers[LOGISTIC]), held_out)
    assert decision.promoted
    assert "the champion is no measure: on held-out learners it flags 100.0%" in decision.why


def test_one_that_flags_nobody_does_not_replace_one_whose_flags_are_of_use(
    rare: tuple[dict[str, Scorer], pd.DataFrame],
) -> None:
    scorers, held_out = rare
    shifted = replace(scorers[LOGISTIC].calibrator, offset=scorers[LOGISTIC].calibrator.offset + 0.6)
    worse = replace(scorers[LOGISTIC], calibrator=shifted).with_threshold(0.3)
    silent = scorers[LOGISTIC].with_threshold(NOBODY)
    (why,) = decide(silent, scorers[RULES], worse, held_out).refused
    assert why.startswith("it flags nobody, where what scores otherwise flags ")
    # Where nobody else finds anybody either there is nothing to lose.
    assert decide(silent, scorers[RULES], worse.with_threshold(NOBODY), held_out).promoted
