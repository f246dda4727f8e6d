"""The gate: what a challenger must show before it scores a learner, and the sentence that says why."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from americano_assets.core.base.arrays import FloatArray, log_losses
from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.cluster_bootstrap import LEAST_LEARNERS, paired_difference
from americano_assets.core.statistics.metrics import ece_within_chance, expected_calibration_error
from americano_assets.core.training.flagging import Flags, objection

ECE_LIMIT = 0.05
# With fewer held-out rows a perfectly calibrated model too may show more than ECE_LIMIT, by chance.
ENOUGH_FOR_ECE = 1_000
# No single thing known before a window tells its outcome this well, unless the outcome is in it.
LEAK_AUC = 0.99
_PROBED_ROWS = 200

Score = Callable[[pd.DataFrame], FloatArray]


@dataclass(frozen=True)
class Decision:
    """Whether a challenger scores from now on.

    Attributes:
        refused: A sentence for each thing that speaks against it.
        passed: A sentence for each thing that was asked and does not.
        sound: Nothing makes it unfit, its probabilities mean what they say and its flags are of use: only better it may
            not be.
        others: What was said of those that were asked about beside it.
    """

    refused: tuple[str, ...]
    passed: tuple[str, ...] = ()
    sound: bool = False
    others: tuple[str, ...] = ()

    @property
    def promoted(self) -> bool:
        """Nothing speaks against it."""
        return not self.refused

    @property
    def why(self) -> str:
        """The reasons in one line: what decided, apart from what was asked and speaks for it."""
        passed = list(self.passed)
        if self.refused and passed:
            passed[0] = f"all else passed: {passed[0]}"
        return "; ".join((*self.refused, *passed, *self.others))


def decide(challenger: Scorer, rules: Scorer, champion: Scorer | None, held_out: pd.DataFrame) -> Decision:
    """Compare a challenger with the rules, with one rate for everybody and with the champion if any, on the same rows.

    The rules are far from calibrated, so their log loss alone is beaten by any model that is vague enough: also by one
    that learned from labels at random. It must beat its own training rows' struggle rate, said of everybody, too.

    Beside what p means stands what it does: a challenger whose flags would be worse than none is refused, and so is one
    that would flag nobody where what scores now flags to some use. A champion whose flags are worse than none need not
    be beaten.

    Args:
        challenger: The model that would score.
        rules: The rules as they would score.
        champion: What scores now; None while the rules do.
        held_out: Rows of learners on whom none of them was fitted or calibrated, with `struggled`.
    """
    refusals = defects(challenger, held_out)
    if refusals:
        return Decision(tuple(refusals))
    struggled = held_out["struggled"].to_numpy(dtype=bool)
    p = challenger.probability(held_out)
    ece, limit = expected_calibration_error(struggled, p), sound_ece(p)
    passed: list[str] = []
    refused: list[str] = []
    told = str(limit) if limit == ECE_LIMIT else f"{limit:.3f}"
    few = f" ({ECE_LIMIT}, or what chance gives so few rows)" if limit > ECE_LIMIT else ""
    sentence = (
        f"ECE on {len(held_out):,} held-out rows of {held_out['learner_id'].nunique():,} learners {ece:.3f}, at most"
        f" {told} is sound{few}"
    )
    sound = ece <= limit
    (passed if sound else refused).append(sentence)
    flags, against = flags_of(challenger, held_out, p)
    (refused if against else passed).append(f"on held-out learners {against or f'it {flags}'}")
    p_rules = rules.probability(held_out)
    others = {
        "the rules": p_rules,
        "one rate for everybody": np.full(len(held_out), challenger.cohort_rate),
    }
    otherwise, _ = flags_of(rules, held_out, p_rules)
    if champion is not None:
        p_champion = champion.probability(held_out)
        flags_now, against_now = flags_of(champion, held_out, p_champion)
        if against_now is None:
            others["the champion"], otherwise = p_champion, flags_now
        else:
            passed.append(f"the champion is no measure: on held-out learners {against_now}")
    if not flags.flagged and otherwise.is_useful:
        refused.append(f"it flags nobody, where what scores otherwise {otherwise}")
    for name, theirs in others.items():
        difference = paired_difference(log_losses(struggled, p), log_losses(struggled, theirs), held_out["learner_id"])
        if difference is None:
            refused.append(f"fewer than {LEAST_LEARNERS} held-out learners to compare with {name} on")
            continue
        told = f"{difference.estimate:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"
        if difference.high < 0:
            passed.append(f"log loss on held-out learners beats {name}: {told}")
        else:
            refused.append(f"log loss on held-out learners does not beat {name}: {told}")
    return Decision(tuple(refused), tuple(passed), sound and against is None)


def sound_ece(probability: FloatArray) -> float:
    """The largest ECE that speaks against no model: ECE_LIMIT, or what a perfectly calibrated one shows by chance.

    Args:
        probability: p of the held-out rows, shape (n,).
    """
    return ECE_LIMIT if len(probability) >= ENOUGH_FOR_ECE else max(ECE_LIMIT, ece_within_chance(probability))


def flags_of(scorer: Scorer, rows: pd.DataFrame, probability: FloatArray) -> tuple[Flags, str | None]:
    """What a scorer flags of rows with known outcomes, and why that is worse than nothing; None where it is not.

    Args:
        scorer: With its threshold.
        rows: With `struggled` and `learner_id`.
        probability: What it says of them, shape (n,).
    """
    struggled, known = rows["struggled"].to_numpy(dtype=bool), ~cold_start(rows)
    flagged = scorer.flagged(rows, probability)
    return Flags.of(struggled, flagged, known), objection(struggled, flagged, known, rows["learner_id"])


def defects(challenger: Scorer, held_out: pd.DataFrame) -> list[str]:
    """What makes a model unfit whatever its figures are, a sentence each; empty if nothing does."""
    if challenger.model is None:
        return ["the rules are no challenger"]
    strangers = sorted(set(challenger.model.inputs) ^ set(MODEL_INPUTS))
    if strangers:
        return [f"its inputs differ from today's in {len(strangers)} columns, the first is {strangers[0]}"]
    struggled = held_out["struggled"].to_numpy(dtype=bool)
    if len(held_out) == 0 or struggled.all() or not struggled.any():
        return [f"{len(held_out)} held-out rows of which {int(struggled.sum())} struggled: both outcomes are needed"]
    found = [
        f"{name} alone tells the outcome with AUC {auc:.3f}: it knows the future"
        for name in challenger.model.inputs
        if (auc := _either_way(struggled, held_out[name].to_numpy(dtype=float))) >= LEAK_AUC
    ]
    if not invariant(challenger.probability, held_out):
        found.append("the score of a row depends on the rows that are scored with it")
    return found


def invariant(probability: Score, rows: pd.DataFrame) -> bool:
    """Whether each row gets the same p alone, in reverse order and among others."""
    probed = rows.head(_PROBED_ROWS)
    together = probability(probed)
    reverse = probability(probed.iloc[::-1])[::-1]
    alone = np.concatenate([probability(probed.iloc[[place]]) for place in range(0, len(probed), 20)])
    return bool(np.array_equal(together, reverse) and np.array_equal(together[::20], alone))


def _either_way(struggled: np.ndarray, value: FloatArray) -> float:
    auc = float(roc_auc_score(struggled, value))
    return max(auc, 1 - auc)
