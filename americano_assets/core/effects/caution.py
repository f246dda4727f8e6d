"""What a before/after figure does not say, by what it shows. Imports nothing heavy: the API asks it."""

_NOT_THE_EFFECT = "that takes a comparison with others at the same time."


def caution(reduction_percentage: float | None) -> str:
    """The warning that stands beside a before/after figure.

    Args:
        reduction_percentage: By how much the struggle rate fell, in per cent of what it was; None where not known.
    """
    if reduction_percentage is None:
        return f"Before and after is never the effect of the help: {_NOT_THE_EFFECT}"
    if reduction_percentage > 0:
        return (
            "Not the effect of the help: learners are flagged after a bad spell, and what follows one tends to be "
            "better without any help (regression to the mean); courses get easier or harder too."
        )
    if reduction_percentage < 0:
        return (
            "Not the effect of the help, and no proof that it harms: courses get harder or easier as a term goes on, "
            "and how many struggles there would have been without help is not in these figures."
        )
    return f"No change is no proof that the help does nothing: {_NOT_THE_EFFECT}"
