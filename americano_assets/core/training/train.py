"""Fits, calibrates, chooses the threshold and measures, all on rows that are handed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import log_losses
from americano_assets.core.features.catalog import EXTENDED_NAMES, FEATURE_NAMES
from americano_assets.core.models.explanations import importance
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import (
    LEAST_ROWS,
    Calibration,
    calibration_bins,
    confusion,
    figures_of_enough,
)
from americano_assets.core.training.champion_history import AUTO
from americano_assets.core.training.fit import MODEL_TYPES, RULES, TRAINED_TYPES, are_recent, fit_models, input_sizes
from americano_assets.core.training.fit_logistic import TooLittleDataError
from americano_assets.core.training.flagging import NOBODY, Flags, objection, threshold_told
from americano_assets.core.training.promotion_gate import Decision, decide
from americano_assets.core.training.slices import slices

CHAMPION = "champion"
# Rows whose shares are averaged for the importance of trees.
IMPORTANCE_ROWS = 2_000


@dataclass(frozen=True)
class Candidate:
    """One model as it would score a night, with its figures on the test rows, its calibration and confusion there.

    `threshold_told` says what its threshold does on the rows that it was chosen on; `objection` why its flags on the
    test rows are worse than none, None where they are not.
    """

    model_type: str
    scorer: Scorer
    figures: dict[str, float | None]
    figures_active: dict[str, float | None]
    curve: Calibration | None
    confusion: dict[str, int]
    threshold_told: str
    objection: str | None = None


@dataclass(frozen=True)
class Training:
    """What a training set taught.

    Attributes:
        candidates: By model type; the rules are always there.
        chosen: The model type that scores; CHAMPION where the one before stays.
        why: Why that one, in a sentence.
        challenger: The trained type that the gate let pass, else the first that it was asked about; None where there
            was none, or no gate.
        verdict: What the gate said of it, with its reasons; None where it was not asked.
        order: The trained types in the order in which the gate is asked about them (`best_first`).
        slices: Figures of the chosen model on parts of the test rows.
        importance: Each feature's share of the chosen model and of the challenger, 0-1, by type.
        rows: Rows and learners of each split, and the cold-start share of the test rows.
    """

    candidates: dict[str, Candidate]
    chosen: str
    why: str
    importance: dict[str, dict[str, float]]
    rows: dict[str, float]
    challenger: str | None = None
    verdict: Decision | None = None
    order: tuple[str, ...] = ()
    slices: tuple[dict[str, str | float | None], ...] = ()


def train(
    rows: pd.DataFrame,
    wanted: str,
    champion: Scorer | None = None,
    *,
    held_by_hand: str | None = None,
    backgrounds: Mapping[str, pd.Series] | None = None,
) -> Training:
    """Train on a training set with its splits.

    Args:
        rows: As schemas.TRAINING_SET; may be empty.
        wanted: `auto`, or the one model type that may be chosen.
        champion: The model that scores until now, unless that is the rules; it stays unless a challenger passes the
            gate, or its flags on the test rows are worse than none.
        held_by_hand: Why a person set this champion, in a clause: it stays then, whatever the gate says.
        backgrounds: What figures are to be shown by too (core/training/slices.py): no model sees it.

    Raises:
        TooLittleDataError: `wanted` is a trained model and the rows cannot carry one.
    """
    parts = {name: rows[rows["split"] == name] for name in ("train", "calibration", "test")}
    too_little = None
    types = MODEL_TYPES if wanted == AUTO else (RULES, wanted)
    try:
        scorers = fit_models(parts["train"], parts["calibration"], types)
    except TooLittleDataError as error:
        if wanted != AUTO:
            raise
        scorers = fit_models(parts["train"], parts["calibration"], [RULES])
        too_little = str(error)
    if champion is not None:
        scorers[CHAMPION] = champion
    candidates = {name: _measure(name, scorer, parts) for name, scorer in scorers.items()}
    for name in (RULES,) if wanted == AUTO else (RULES, wanted):  # before which no gate stands
        candidates[name] = _quiet_if_of_no_use(candidates[name], parts)
        scorers[name] = candidates[name].scorer
    ranked = best_first(scorers, parts["calibration"])
    challenger = ranked[0] if ranked else None
    chosen, why = _stays(candidates)
    verdict = None
    if wanted != AUTO:
        chosen, why = wanted, f"MODEL_TYPE asks for {'the rules' if wanted == RULES else wanted}"
    elif challenger is None:
        why = f"{why}: {too_little}"
    else:
        challenger, verdict = challenge(candidates, ranked, champion, parts["test"])
        if verdict.promoted:
            chosen, why = challenger, f"{challenger} passed the gate: {verdict.why}"
        else:
            why = f"{why}, {challenger} was refused: {verdict.why}"
    if held_by_hand is not None and champion is not None:
        chosen, why = CHAMPION, f"{held_by_hand}; the gate would have said: {why}"
    return Training(
        candidates,
        chosen,
        why,
        {
            name: _importance(scorers[name], parts["calibration"])
            for name in dict.fromkeys((chosen, challenger))
            if name is not None
        },
        _row_counts(parts, len(rows)),
        challenger if wanted == AUTO else None,
        verdict,
        tuple(ranked),
        tuple(slices(parts["test"], scorers[chosen], backgrounds)),
    )


def best_first(scorers: dict[str, Scorer], calibration: pd.DataFrame) -> list[str]:
    """The trained models by log loss on calibration learners, on whom none was fitted, the lowest first.

    Not on test learners: a choice made there would flatter what it chose.
    """
    struggled = calibration["struggled"].to_numpy(dtype=bool)
    losses = {
        name: float(log_losses(struggled, scorers[name].probability(calibration)).mean())
        for name in TRAINED_TYPES
        if name in scorers
    }
    return sorted(losses, key=lambda name: losses[name])


def _importance(scorer: Scorer, calibration: pd.DataFrame) -> dict[str, float]:
    if scorer.model is None:
        return importance(dict.fromkeys(FEATURE_NAMES + EXTENDED_NAMES, 0.0))
    return importance(input_sizes(scorer.model, calibration.tail(IMPORTANCE_ROWS)))


def challenge(
    candidates: dict[str, Candidate], ranked: Sequence[str], champion: Scorer | None, test: pd.DataFrame
) -> tuple[str, Decision]:
    """Who challenges, and what the gate says: the best, or the next where its probabilities are not sound.

    Who is sound but not better ends it: to ask on would give chance as many tries as there are models.

    Args:
        candidates: By model type, the rules among them.
        ranked: The trained types, in the order in which they are asked about; at least one.
        champion: What scores now; None while the rules do.
        test: Rows of learners on whom none was fitted or calibrated.

    Returns:
        The type that passed, else the first of all, and what was said of it and of those after or before it.
    """
    if len(test) < LEAST_ROWS:
        return ranked[0], Decision((f"{len(test)} held-out rows to compare on; at least {LEAST_ROWS} are needed",))
    refused: dict[str, Decision] = {}
    for name in ranked:
        verdict = decide(candidates[name].scorer, candidates[RULES].scorer, champion, test)
        if verdict.promoted:
            return name, replace(verdict, others=_told(refused))
        refused[name] = verdict
        if verdict.sound:
            break
    first = next(iter(refused))
    verdict = refused.pop(first)
    return first, replace(verdict, others=_told(refused))


def _told(refused: Mapping[str, Decision]) -> tuple[str, ...]:
    return tuple(f"{name} was refused: {', '.join(verdict.refused)}" for name, verdict in refused.items())


def _stays(candidates: Mapping[str, Candidate]) -> tuple[str, str]:
    """What scores unless a challenger passes, and how that begins to be told."""
    if CHAMPION not in candidates:
        return RULES, "the rules score"
    objection = candidates[CHAMPION].objection
    if objection is None:
        return CHAMPION, "the champion stays"
    return RULES, f"the rules score, the champion steps down since on held-out learners {objection}"


def _quiet_if_of_no_use(one: Candidate, parts: Mapping[str, pd.DataFrame]) -> Candidate:
    """The candidate, flagging nobody if its flags on the test rows are worse than none."""
    if one.objection is None:
        return one
    silent = _measure(one.model_type, one.scorer.with_threshold(NOBODY), parts)
    told = f"nobody is flagged: from {one.scorer.threshold:.3f} on, on held-out learners {one.objection}"
    return replace(silent, threshold_told=told)


def _measure(name: str, scorer: Scorer, parts: Mapping[str, pd.DataFrame]) -> Candidate:
    test = parts["test"]
    told = _threshold_told(scorer, parts["calibration"])
    if not len(test):
        nothing = figures_of_enough(np.array([], dtype=bool), np.array([]), np.array([], dtype=bool))
        return Candidate(name, scorer, nothing, nothing, None, {}, told)
    struggled = test["struggled"].to_numpy(dtype=bool)
    p = scorer.probability(test)
    flagged = scorer.flagged(test, p)
    active = ~cold_start(test)
    return Candidate(
        name,
        scorer,
        figures_of_enough(struggled, p, flagged),
        figures_of_enough(struggled[active], p[active], flagged[active]),
        calibration_bins(struggled, p) if len(test) >= LEAST_ROWS else None,
        confusion(struggled, flagged),
        told,
        objection(struggled, flagged, active, test["learner_id"]),
    )


def _threshold_told(scorer: Scorer, calibration: pd.DataFrame) -> str:
    recent = calibration[are_recent(calibration)]
    if recent.empty:
        return threshold_told(scorer.threshold, Flags(0, 0, 0, 0))
    struggled = recent["struggled"].to_numpy(dtype=bool)
    flagged = scorer.flagged(recent, scorer.probability(recent))
    return threshold_told(scorer.threshold, Flags.of(struggled, flagged, ~cold_start(recent)))


def _row_counts(parts: dict[str, pd.DataFrame], total: int) -> dict[str, float]:
    counts: dict[str, float] = {"rows": float(total)}
    for name, part in parts.items():
        counts[f"{name}_rows"] = float(len(part))
        counts[f"{name}_learners"] = float(part["learner_id"].nunique())
    test = parts["test"]
    if len(test):
        counts["test_cold_share"] = float(cold_start(test).mean())
    return counts
