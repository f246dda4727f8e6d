"""Gender and age band are those of the student, found by the id that the demo gave them."""

import pandas as pd
import pyarrow.parquet as pq

from americano_assets.core.base.ids import cuid
from americano_assets.loading.demo.oulad.backgrounds import BACKGROUND, backgrounds
from americano_assets.loading.demo.oulad.tables import SOURCE


def test_each_row_gets_its_own_students_and_a_stranger_none() -> None:
    students = pq.read_table(SOURCE / "student.parquet").to_pandas()
    newest = students.sort_values("code_presentation").groupby("id_student").tail(1)
    one, other = (newest[newest["gender"] == gender].iloc[0] for gender in ("F", "M"))
    ids = [cuid("oulad", "learner", str(student["id_student"])) for student in (one, other, one)]
    found = backgrounds(pd.Series([*ids, "stranger"], index=[7, 3, 5, 1]))
    assert set(found) == set(BACKGROUND)
    for name in BACKGROUND:
        assert found[name].loc[[7, 3, 5]].tolist() == [one[name], other[name], one[name]]
        assert found[name].isna().tolist() == [False, False, False, True]
