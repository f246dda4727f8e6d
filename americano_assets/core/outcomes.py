"""What became of an episode, in the app's words, and the figures over those that have matured."""

import numpy as np
import pandas as pd

STRUGGLED, NOT_STRUGGLED, UNSTUDIED = "struggled", "not_struggled", "unstudied"
STATUS_OF_FLAGGED = {STRUGGLED: "CONFIRMED", NOT_STRUGGLED: "FALSE_POSITIVE", UNSTUDIED: "RESOLVED"}
MISSED = "MISSED"


def outcome_of(struggled: pd.Series) -> pd.Series:
    """struggled, not_struggled or (null label) unstudied."""
    known = struggled.notna()
    yes = struggled.where(known, False).astype(bool)
    return pd.Series(np.where(~known, UNSTUDIED, np.where(yes, STRUGGLED, NOT_STRUGGLED)), index=struggled.index)


def last_scores(scored: pd.DataFrame) -> pd.DataFrame:
    """The last score of each episode before its planned day opens, or its first where all came later.

    Args:
        scored: Several nights' scored predictions with `scored_day` (days since 1970-01-01, the study day closed).
    """
    if scored.empty:
        return scored
    ordered = scored.sort_values(["prediction_id", "scored_day"], kind="stable")
    in_time = ordered[ordered["scored_day"] < ordered["planned_day"]].groupby("prediction_id").tail(1)
    rest = ordered[~ordered["prediction_id"].isin(in_time["prediction_id"])].groupby("prediction_id").head(1)
    return pd.concat([in_time, rest]).sort_values("prediction_id", kind="stable").reset_index(drop=True)
