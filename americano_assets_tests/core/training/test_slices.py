"""A model that is bad for some is seen to be, with how many they are."""

import numpy as np
import pandas as pd

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.training.slices import COLD, THIRDS, UNKNOWN, WARM, slices
from americano_assets_tests.frames import feature_row


def held_out(n: int = 120) -> pd.DataFrame:
    """In course a whoever has bad answers struggles; in b, a fourth of the rows, it is the other way round."""
    rows = pd.DataFrame(
        [
            feature_row(number, validation_mean_180=0.1 if number % 2 else 0.95, retention_score=0.9)
            for number in range(n)
        ]
    )
    course = np.where(np.arange(n) % 4 < 1, "b", "a")
    weak = (rows["validation_mean_180"] < 0.5).to_numpy()
    return rows.assign(
        course_id=course,
        struggled=np.where(course == "a", weak, ~weak),
        topic_log_successes=np.linspace(0, 1, n),
        topic_log_failures=0.0,
    )


def test_every_row_is_in_one_part_of_each_kind() -> None:
    rows = held_out()
    found = slices(rows, Scorer(None, 0.3, 0.5))
    for by in ("course", "activity", "history"):
        assert sum(int(one["n"] or 0) for one in found if one["by"] == by) == len(rows)
    assert [one["part"] for one in found if one["by"] == "activity"] == list(THIRDS)
    assert {one["n"] for one in found if one["by"] == "activity"} == {40}


def test_a_part_for_which_the_model_is_wrong_shows() -> None:
    accuracy = {one["part"]: one["accuracy"] for one in slices(held_out(), Scorer(None, 0.3, 0.5))}
    assert (accuracy["a"], accuracy["b"]) == (1.0, 0.0)


def test_of_few_rows_there_is_the_number_alone() -> None:
    found = slices(held_out(LEAST_ROWS - 1), Scorer(None, 0.3, 0.5))
    assert {one["accuracy"] for one in found} == {None}
    assert all(one["n"] for one in found)
    assert slices(held_out().head(0), Scorer(None, 0.3, 0.5)) == []


def test_rows_of_which_nothing_was_known_stand_apart() -> None:
    rows = held_out()
    unknown = np.arange(len(rows)) % 3 == 0
    rows.loc[unknown, [name for name in rows if str(name).startswith("observed_")]] = False
    found = {one["part"]: one for one in slices(rows, Scorer(None, 0.3, 0.5)) if one["by"] == "history"}
    assert (found[COLD]["n"], found[WARM]["n"]) == (40, 80)
    # Nobody is warned of where nothing is known.
    assert found[COLD]["recall"] == 0.0


def test_by_what_no_model_sees_too_with_those_of_whom_it_is_not_known() -> None:
    rows = held_out().sample(frac=1, random_state=1)
    gender = pd.Series(["F", "M", None] * 50, index=range(150))  # of more rows than were held out, in another order
    found = {
        one["part"]: one for one in slices(rows, Scorer(None, 0.3, 0.5), {"gender": gender}) if one["by"] == "gender"
    }
    assert {part: one["n"] for part, one in found.items()} == {"F": 40, "M": 40, UNKNOWN: 40}
    alone = slices(rows.loc[gender.reindex(rows.index) == "F"], Scorer(None, 0.3, 0.5))
    assert found["F"]["base_rate"] == next(one["base_rate"] for one in alone if one["by"] == "history")
