"""Interaction logs of the demo's students, for `evaluate FILE`: OULAD's marks, or a simulated cohort's answers.

.venv/bin/python -m benchmarks.logs LOG.parquet [--simulated SEED]
./americano evaluate LOG.parquet --task next-answer
"""

import argparse
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from americano_assets.loading.demo.oulad.tables import SOURCE
from americano_assets.loading.demo.simulator import simulate
from americano_assets.loading.demo.simulator.draw.curriculum import course_of
from americano_assets.loading.demo.simulator.draw.memory import AGAIN

LEARNERS, DAYS, END = 250, 180, date(2026, 3, 1)
# Banked marks are of a presentation before; a hand-in has a day and no hour.
_OULAD = """
    SELECT id_student::VARCHAR AS learner_id, id_assessment::VARCHAR AS objective_id,
      code_module || ' ' || code_presentation AS course_id, score / 100 AS score,
      make_date(code_presentation[:4]::INTEGER, if(code_presentation[5:] = 'B', 2, 10), 1) + date_submitted::INTEGER
        + INTERVAL 12 HOUR AS occurred_at
    FROM read_parquet('{source}/student_assessment.parquet') handed_in
    JOIN read_parquet('{source}/assessment.parquet') assessment USING (id_assessment)
    WHERE score IS NOT NULL AND NOT is_banked
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--simulated", type=int, metavar="SEED")
    options = parser.parse_args()
    log = oulad() if options.simulated is None else simulated(options.simulated)
    log.to_parquet(options.log)
    print(f"{options.log}: {len(log):,} answers of {log['learner_id'].nunique():,} learners")


def oulad() -> pd.DataFrame:
    """Each mark at noon of the day of its hand-in."""
    return duckdb.execute(_OULAD.format(source=SOURCE)).df()


def simulated(seed: int) -> pd.DataFrame:
    """Reviews and validations of a cohort whom nobody helps."""
    cohort = simulate(learners=LEARNERS, days=DAYS, seed=seed, end=END)
    answers, timing = cohort.answers, cohort.timing
    objective = cohort.plan.objective[answers.row]
    return pd.DataFrame(
        {
            "learner_id": timing.learner[timing.session].astype(str),
            "objective_id": objective.astype(str),
            "course_id": course_of(objective).astype(str),
            "item_id": np.where(answers.is_review, answers.card, -1 - objective).astype(str),
            "kind": np.where(answers.is_review, "review", "validation"),
            "rating": pd.Series(answers.rating, dtype="Int64").where(answers.is_review),
            "score": np.where(answers.is_review, answers.rating > AGAIN, answers.points / 10),
            "occurred_at": pd.to_datetime(timing.answered, unit="ms"),
        }
    )[~answers.skipped]


if __name__ == "__main__":
    main()
