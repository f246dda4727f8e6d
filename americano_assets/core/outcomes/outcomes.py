"""What became of an episode, in the app's words, and the figures over those that have matured."""

import numpy as np
import pandas as pd

from americano_assets.core.outcomes.feedback import CONFIRMED, FALSE_POSITIVE, MISSED, RESOLVED, status_by_word

STRUGGLED, NOT_STRUGGLED, UNSTUDIED = "struggled", "not_struggled", "unstudied"
STATUS_OF_FLAGGED = {STRUGGLED: CONFIRMED, NOT_STRUGGLED: FALSE_POSITIVE, UNSTUDIED: RESOLVED}
# Of a row that was published because it was missed; late events may show that there was nothing to miss.
STATUS_OF_UNFLAGGED = {STRUGGLED: MISSED, NOT_STRUGGLED: RESOLVED, UNSTUDIED: RESOLVED}
_VALUE = {STRUGGLED: True, NOT_STRUGGLED: False, UNSTUDIED: None}
TOLD_COLUMNS = ("prediction_id", "status", "actual_outcome", "recorded_at")


def outcome_of(struggled: pd.Series) -> pd.Series:
    """struggled, not_struggled or (null label) unstudied."""
    known = struggled.notna()
    yes = struggled.where(known, False).astype(bool)
    return pd.Series(np.where(~known, UNSTUDIED, np.where(yes, STRUGGLED, NOT_STRUGGLED)), index=struggled.index)


def app_outcomes(judged: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """What the app's rows say: the computed outcome, or the learner's own word, which goes before it.

    Args:
        judged: `prediction_id`, `flagged`, `outcome`, `window_end` of closed windows.
        feedback: `prediction_id`, `flagged`, `actual_struggle`, `submitted_at`; the window may still be open.

    Returns:
        TOLD_COLUMNS, one row a prediction; `actual_outcome` is None where nothing was studied.
    """
    computed = judged[~judged["prediction_id"].isin(feedback["prediction_id"])]
    rows = [
        (identity, (STATUS_OF_FLAGGED if flagged else STATUS_OF_UNFLAGGED)[outcome], _VALUE[outcome], end)
        for identity, flagged, outcome, end in computed[
            ["prediction_id", "flagged", "outcome", "window_end"]
        ].itertuples(index=False)
    ]
    rows += [
        (identity, status_by_word(bool(word), flagged=bool(flagged)), bool(word), said_at)
        for identity, flagged, word, said_at in feedback[
            ["prediction_id", "flagged", "actual_struggle", "submitted_at"]
        ].itertuples(index=False)
    ]
    return pd.DataFrame(rows, columns=list(TOLD_COLUMNS), dtype=object)


def override_labels(rows: pd.DataFrame, feedback: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The labels of training rows where a learner's own word goes before the computed one, and where it did.

    Args:
        rows: `learner_id`, `objective_id`, `planned_day` (which name the episode), `struggled` (null: unknown).
        feedback: `learner_id`, `objective_id`, `planned_day`, `actual_struggle`; one row an episode.

    Returns:
        `struggled` and whether it is the learner's word, in the order of the rows.
    """
    episode = ["learner_id", "objective_id", "planned_day"]
    said = rows[episode].merge(feedback[[*episode, "actual_struggle"]], how="left", on=episode)["actual_struggle"]
    said.index = rows.index
    told_so = said.notna()
    return said.where(told_so, rows["struggled"]).astype(object), told_so
