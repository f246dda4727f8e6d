"""When the champion's challengers are trained: not every night, since a week adds few rows and a change must be earned.

Belongs here: the decision. Does not: counting what it is based on.
"""

from datetime import date, timedelta

RETRAIN_AFTER = timedelta(days=7)


def not_due(day: date, last_trained: date) -> str | None:
    """Why study day `day` trains nothing, where the champion was last challenged on `last_trained`; None if it does."""
    if last_trained <= day < last_trained + RETRAIN_AFTER:
        return f"challengers were trained for {last_trained}, the next are due from {last_trained + RETRAIN_AFTER} on"
    return None
