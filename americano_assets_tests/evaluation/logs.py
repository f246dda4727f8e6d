"""Logs with known struggle probabilities, and an evaluation of one."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from americano_assets.core.evaluation.report import Evaluated, report
from americano_assets.core.study_days.cutoff import Target
from americano_assets.evaluation.run import Options, evaluate_log


def planted_log(learners: int = 60, objectives: int = 12, weeks: int = 8, seed: int = 0) -> pd.DataFrame:
    """Each week each learner answers three objectives, right with a probability of learner and objective."""
    random = np.random.default_rng(seed)
    skill, ease = random.normal(0, 1.5, learners), random.normal(0, 1, objectives)
    learner, week, _ = (axis.ravel() for axis in np.mgrid[:learners, :weeks, :3])
    objective = np.concatenate([random.permutation(objectives)[:3] for _ in range(learners * weeks)])
    p = 1 / (1 + np.exp(-(skill[learner] + ease[objective])))
    day = pd.to_timedelta(week * 7 + random.integers(1, 6, len(week)), unit="D")
    return pd.DataFrame(
        {
            "learner_id": [f"learner-{number}" for number in learner],
            "objective_id": [f"objective-{number}" for number in objective],
            "occurred_at": pd.Timestamp("2025-01-06")
            + day
            + pd.to_timedelta(random.integers(0, 80_000, len(p)), unit="s"),
            "score": (random.uniform(size=len(p)) < p).astype(float),
            "p_struggle": 1 - p,
        }
    )


def cold_struggles(learners: int = 200, weeks: int = 8) -> pd.DataFrame:
    """Three quizzes a week, of which one in twelve is failed the first time and one in eight hundred later.

    A first answer falls into the first window in which its pair is seen, so nearly all struggles are cold starts, and a
    pair of which something is known struggles once in a thousand windows.
    """
    learner, week, quiz = (axis.ravel() for axis in np.mgrid[:learners, :weeks, :3])
    week = week + learner % 10  # cohorts begin in different weeks
    first = week == learner % 10
    wrong = np.where(first, (learner * 7 + quiz * 3) % 12 == 0, (learner * 13 + quiz * 5 + week * 11) % 800 == 0)
    return pd.DataFrame(
        {
            "learner_id": [f"learner-{number:03d}" for number in learner],
            "objective_id": [f"quiz-{number}" for number in quiz],
            "occurred_at": pd.Timestamp("2025-01-07 08:00")
            + pd.to_timedelta(week * 7 + learner % 5, unit="D")
            + pd.to_timedelta(quiz * 60 + learner % 60, unit="min"),
            "score": 1.0 - wrong,
        }
    )


def evaluated(log: pd.DataFrame, folder: Path, horizon_days: int = 7) -> tuple[Evaluated, dict[str, Any]]:
    path = folder / "log.parquet"
    log.drop(columns="p_struggle", errors="ignore").to_parquet(path)
    options = Options(Target(horizon_days, 0.65), ZoneInfo("UTC"))
    found = evaluate_log(path, options, lambda *_: None)
    return found, report(found)
