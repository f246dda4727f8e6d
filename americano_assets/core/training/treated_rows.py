"""Which training rows were changed by the help itself, and how much each row counts.

A learner who was warned in time struggles less, so a model that learns from such rows learns to warn less. They are
marked; a training on the others lets the holdout, whom chance alone kept from help, speak for them.
"""

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.training.retraining_policy import UNTREATED
from americano_assets.core.training.splits import UNUSED

TREATED, HELD_OUT, WEIGHT = "treated", "held_out", "weight"
# A learner's own word is surer than what few answers say, and rarer.
FEEDBACK_WEIGHT = 2.0
_PAIR = ["learner_id", "objective_id"]


def with_marks(rows: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """The rows with TREATED and HELD_OUT: the share of chance (0-1) by which the holdout was drawn, 0 if not in it.

    A row is treated if a prediction that its learner could see in time, with help, was first published before the
    row's window closed and its own window had not closed before the row's began.

    Args:
        rows: `learner_id`, `objective_id`, `window_start`, `window_end` (naive, UTC).
        flags: Assignments that were live: the same ids, `arm`, `eligible`, `holdout_share`, `flagged_at`,
            `flag_window_end`.
    """
    treated, held_out = np.zeros(len(rows), dtype=bool), np.zeros(len(rows))
    if len(rows) and len(flags):
        met = rows[[*_PAIR, "window_start", "window_end"]].assign(place=np.arange(len(rows))).merge(flags, on=_PAIR)
        met = met[(met["flagged_at"] < met["window_end"]) & (met["flag_window_end"] > met["window_start"])]
        helped = (met["arm"] == "treated").to_numpy(dtype=bool)
        treated[met["place"].to_numpy()[helped]] = True
        drawn = met[~helped & met["eligible"].to_numpy(dtype=bool)]
        held_out[drawn["place"].to_numpy()] = drawn["holdout_share"].to_numpy(dtype=float)
    return rows.assign(**{TREATED: treated, HELD_OUT: held_out})


def withheld(split: pd.Series, treated: pd.Series, training_rows: str) -> pd.Series:
    """The split of each row, UNUSED where it was treated and UNTREATED rows alone are wanted."""
    return split.mask(treated, UNUSED) if training_rows == UNTREATED else split


def row_weights(told: BoolArray, held_out: FloatArray, training_rows: str) -> FloatArray:
    """How much each row counts in fitting and calibration, shape (n,).

    Args:
        told: The label is the learner's own word.
        held_out: As `with_marks` gives it.
        training_rows: `all`, or UNTREATED: then a row of the holdout stands for those that were treated, as many as
            were drawn for one of it.
    """
    weights: FloatArray = np.where(told, FEEDBACK_WEIGHT, 1.0)
    if training_rows == UNTREATED:
        weights = weights / np.where(held_out > 0, held_out, 1.0)
    return weights
