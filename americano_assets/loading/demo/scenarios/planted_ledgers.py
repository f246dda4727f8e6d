"""Experiments whose truth is known: closed episodes with a planted effect, for tests and coverage studies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED
from americano_assets.core.effects.before_after import BASELINE, BASELINE_WEEKS, PERIOD_WEEKS, Reduction, reductions
from americano_assets.core.publication.random_assignment import EPISODE, Experiment, Policy

START = pd.Timestamp("2026-01-04 23:00").to_pydatetime()  # naive, UTC
TYPES = (
    "BREAK_SCHEDULE_ADJUST",
    "COGNITIVE_LOAD_REDUCE",
    "CONTENT_FORMAT_ADAPT",
    "DIFFICULTY_PROGRESSION",
    "PREREQUISITE_REVIEW",
    "SPACED_REPETITION_BOOST",
)
POLICY = Policy(EPISODE, 0.3)
_A_WEEK, _OBJECTIVES, _COURSES = 3, 30, 3
_STUDIED = 0.85
# The untreated chance of a struggle stays within these, so that a planted effect is never cut off at 0.
_LEAST, _REACH = 0.12, 0.8
_ABILITY_SPREAD, _FORM_SPREAD, _FORM_MEMORY = 0.4, 1.8, 0.8
_MEMORY_WEEKS = 3
_THRESHOLD = 0.5
_HARDNESS_SPREAD, _HARDNESS_IN_P = 0.7, 0.05
_EASIER_BY_THE_WEEK = 0.09


@dataclass(frozen=True)
class Planted:
    """A simulated experiment.

    Attributes:
        ledger: What core.effect.effects takes.
        totals: What core.reduction.reductions takes, of the same learners.
    """

    ledger: pd.DataFrame
    totals: pd.DataFrame

    @property
    def end(self) -> datetime:
        """When the last window closed."""
        last: datetime = self.ledger["outcome_at"].max().to_pydatetime()
        return last

    def nights(self) -> Iterator[pd.DataFrame]:
        """What was closed as of each night on which something closed, with `treated`."""
        ledger = self.ledger.assign(treated=self.ledger["arm"] == TREATED)
        for night in sorted(ledger["outcome_at"].unique()):
            yield ledger[ledger["outcome_at"] <= night]

    def before_after(self, period: str = "all") -> Reduction:
        """The figure that promises of so many per cent fewer struggles rest on."""
        nothing = self.totals.head(0).rename(columns={"segment": "week"})
        found = reductions(self.totals, nothing)
        return next(one for one in found if (one.scope, one.period) == ("all", period))


def planted(
    seed: int,
    *,
    learners: int = 200,
    weeks: int = 9,
    effect: float = 0.0,
    by_type: Mapping[str, float] | None = None,
    policy: Policy = POLICY,
    study_effect: float = 0.0,
    indication: float | None = None,
) -> Planted:
    """A cohort in which learners differ, their form comes and goes over weeks, and those in bad form are flagged.

    Form reverts to its mean whatever is done, and the course gets a little easier, so who is flagged gets better
    without help: the before/after figure mistakes that for an effect.

    Args:
        seed: Of every draw; arms come from the project's own draw.
        learners: How many.
        weeks: Of published predictions, after six weeks of study without.
        effect: Added to the chance of a struggle of each treated episode (-0.08: 8 points fewer).
        by_type: Further effects of single types, for episodes for which they were chosen.
        policy: Who is held out.
        study_effect: Added to the chance that a treated episode is studied at all.
        indication: None: half of treated episodes apply the help, whoever they are, and being treated is what helps.
            Else help works only where it is applied, and it is applied the more the higher the risk, with this slope.
    """
    random = np.random.default_rng(seed)
    ability = random.normal(0, _ABILITY_SPREAD, learners)
    form = random.normal(0, _FORM_SPREAD, learners)
    span = BASELINE_WEEKS + weeks
    studied_then = np.zeros((span, learners), dtype=int)
    struggled_then = np.zeros((span, learners), dtype=int)
    first = np.full(learners, span)
    experiment = Experiment(policy, f"planted-{seed}")
    names = np.array([f"learner-{number:05d}" for number in range(learners)], dtype=object)
    who = np.repeat(np.arange(learners), _A_WEEK)
    frames = []
    for week in range(span):
        form = _FORM_MEMORY * form + random.normal(0, _FORM_SPREAD * np.sqrt(1 - _FORM_MEMORY**2), learners)
        ease = 0.9 + _EASIER_BY_THE_WEEK * week
        hardness = random.normal(0, _HARDNESS_SPREAD, len(who))
        untreated = _LEAST + _REACH / (1 + np.exp(ease + ability[who] + form[who] - hardness))
        recent = slice(max(week - _MEMORY_WEEKS, 0), week)
        seen, failed = studied_then[recent].sum(axis=0)[who], struggled_then[recent].sum(axis=0)[who]
        p = np.clip((failed + 1.0) / (seen + 3.0) + _HARDNESS_IN_P * hardness, 0.02, 0.98).round(6)
        flagged = (p >= _THRESHOLD) & (week >= BASELINE_WEEKS)
        objective = (week * _A_WEEK + np.tile(np.arange(_A_WEEK), learners)) % _OBJECTIVES
        held = np.zeros(len(who), dtype=bool)
        drawn = experiment.arms(names[who[flagged]], [f"objective-{number:02d}" for number in objective[flagged]])
        held[flagged] = [one == HOLDOUT for one in drawn]
        chosen = random.random((len(who), len(TYPES))) < 0.15 + 0.25 * random.random((len(who), 1))
        chosen[np.flatnonzero(~chosen.any(axis=1)), -1] = True
        leaning = -0.3 + (indication or 0.0) * (np.log(p / (1 - p)) + 0.2)
        applies = random.random(len(who)) < (0.5 if indication is None else 1 / (1 + np.exp(-leaning)))
        helped = flagged & ~held & (applies | (indication is None))
        gain = effect + chosen @ np.array([(by_type or {}).get(kind, 0.0) for kind in TYPES])
        chance_studied = _STUDIED + np.where(helped, study_effect, 0.0)
        chance = np.clip((_STUDIED * untreated + np.where(helped, gain, 0.0)) / chance_studied, 0.0, 1.0)
        studied = random.random(len(who)) < chance_studied
        struggle = studied & (random.random(len(who)) < chance)
        studied_then[week] = np.bincount(who, studied, minlength=learners)
        struggled_then[week] = np.bincount(who, struggle, minlength=learners)
        first[np.unique(who[flagged])] = np.minimum(first[np.unique(who[flagged])], week)
        score = np.where(struggle, random.uniform(0.2, 0.64, len(who)), random.uniform(0.66, 1.0, len(who)))
        answers = np.where(studied, random.poisson(3 + 3 * struggle) + 1, 0)
        at = np.flatnonzero(flagged)
        opened = pd.to_datetime(
            [START + timedelta(days=7 * week + int(day)) for day in random.integers(0, 7, len(who))[at]]
        )
        frames.append(
            pd.DataFrame(
                {
                    "prediction_id": [f"episode-{week:02d}-{number:06d}" for number in at],
                    "user_id": names[who[at]],
                    "learning_objective_id": [f"objective-{number:02d}" for number in objective[at]],
                    "course_id": [f"course-{number % _COURSES}" for number in objective[at]],
                    "arm": np.where(held[at], HOLDOUT, TREATED),
                    "unit": policy.unit,
                    "holdout_share": policy.share,
                    "eligible": policy.is_random,
                    "live": True,
                    "probability": p[at],
                    "flagged_at": opened,
                    "outcome_at": opened + timedelta(days=7),
                    "studied": studied[at],
                    "struggle": struggle[at],
                    "mean_score": np.where(studied, score, np.nan)[at],
                    "answers": answers[at],
                    "intervention_types": _listed(chosen[at]),
                    "applied_types": _listed((chosen & (applies & ~held)[:, None])[at]),
                }
            )
        )
    ledger = pd.concat(frames, ignore_index=True)
    return Planted(ledger, _totals(names, studied_then, struggled_then, first))


def _listed(chosen: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> list[list[str]]:
    return [[kind for kind, one in zip(TYPES, row, strict=True) if one] for row in chosen]


def _totals(
    names: np.ndarray[tuple[int], np.dtype[np.object_]],
    studied: np.ndarray[tuple[int, int], np.dtype[np.int_]],
    struggled: np.ndarray[tuple[int, int], np.dtype[np.int_]],
    first: np.ndarray[tuple[int], np.dtype[np.int_]],
) -> pd.DataFrame:
    """Six weeks before each learner's first flag, and each period since."""
    rows = []
    span = len(studied)
    for learner in np.flatnonzero(first < span):
        start = int(first[learner])
        segments = {BASELINE: slice(start - BASELINE_WEEKS, start)}
        segments |= {
            period: slice(start if most is None else max(start, span - most), span)
            for period, most in PERIOD_WEEKS.items()
        }
        began = START + timedelta(weeks=start)
        rows += [
            {
                "learner_id": names[learner],
                "course_id": "course-0",
                "segment": segment,
                "in_analytics": True,
                "studied": int(studied[inside, learner].sum()),
                "struggled": int(struggled[inside, learner].sum()),
                "objectives": int(studied[inside, learner].sum()),
                "sessions": 0,
                "first_at": began,
                "baseline_start": began - timedelta(weeks=BASELINE_WEEKS),
                "whole_weeks": span - start,
            }
            for segment, inside in segments.items()
        ]
    return pd.DataFrame(rows)
