"""Gender and age band of OULAD's students: to report figures by, in the evaluation and of the nights' trainings.

They are in no table, and no model sees them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
import pyarrow.parquet as pq

from americano_assets.core.base.ids import cuid
from americano_assets.loading.demo.oulad.tables import SOURCE
from americano_assets.stages.common.measurements import OULAD, demo_cohort

BACKGROUND = ("gender", "age_band")


def backgrounds_in(connection: psycopg.Connection[Any], learner_id: pd.Series) -> dict[str, pd.Series]:
    """As `backgrounds` where the database holds OULAD's students; else nothing."""
    return backgrounds(learner_id) if demo_cohort(connection) == OULAD else {}


def backgrounds(learner_id: pd.Series) -> dict[str, pd.Series]:
    """BACKGROUND of each row's student, as of their last presentation; null of others. By the index of `learner_id`."""
    students: pd.DataFrame = pq.read_table(
        SOURCE / "student.parquet", columns=["id_student", "code_presentation", *BACKGROUND]
    ).to_pandas()
    students = students.sort_values(["id_student", "code_presentation"]).drop_duplicates("id_student", keep="last")
    ids: npt.NDArray[Any] = np.array([cuid("oulad", "learner", str(number)) for number in students["id_student"]])
    return {name: learner_id.map(pd.Series(students[name].to_numpy(), index=ids)) for name in BACKGROUND}
