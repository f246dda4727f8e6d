"""What a learner's own word makes of a prediction: it goes before the computed outcome, in the row and in training."""

CONFIRMED, FALSE_POSITIVE, MISSED, RESOLVED = "CONFIRMED", "FALSE_POSITIVE", "MISSED", "RESOLVED"


def status_by_word(struggled: bool, *, flagged: bool) -> str:
    """The status by a learner's word; one that was never warned of was MISSED if they struggled, else is RESOLVED."""
    if struggled:
        return CONFIRMED if flagged else MISSED
    return FALSE_POSITIVE if flagged else RESOLVED
