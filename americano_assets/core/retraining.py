"""When the champion's challengers are trained: not every night, since a week adds few rows and a change must be earned.

Belongs here: the decision. Does not: counting what it is based on.
"""

from datetime import date, timedelta

RETRAIN_DAYS = 7


def not_due(day: date, last_trained: date, after_days: int = RETRAIN_DAYS) -> str | None:
    """Why study day `day` trains nothing, where the champion was last challenged on `last_trained`; None if it does."""
    due = last_trained + timedelta(days=after_days)
    if last_trained <= day < due:
        return f"challengers were trained for {last_trained}, the next are due from {due} on"
    return None
