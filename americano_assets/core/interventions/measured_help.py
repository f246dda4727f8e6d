"""How many struggles help is likely to spare, by type: as nights measured it, where that suffices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Spread that effects of types may have, a priori: a type moves a struggle rate by some points, hardly by ten.
PRIOR_SPREAD = 0.05
# Of fewer learners in an arm nothing is known.
MIN_LEARNERS = 50
# What help is taken to spare before anything was measured, in shares of episodes. Alone it changes no order.
ASSUMED = 0.05


@dataclass(frozen=True)
class Measured:
    """An effect by intention to treat, as a night keeps it.

    Attributes:
        estimate: Struggle rate of the treated minus that of the holdout: negative where it helps.
        standard_error: Of the estimate.
        learners: In the smaller arm.
    """

    estimate: float | None
    standard_error: float | None
    learners: int


@dataclass(frozen=True)
class MeasuredHelp:
    """Struggles spared, in shares of episodes, never below 0.

    Attributes:
        usual: Of help of which nothing more is known.
        by_type: Of each type of intervention that was measured on enough learners.
    """

    usual: float
    by_type: Mapping[str, float]

    def best(self, types: Collection[str]) -> float:
        """Of the best of some types; the usual where there is none."""
        return max((self.by_type.get(one, self.usual) for one in types), default=self.usual)


def measured_help(overall: Measured | None, by_type: Mapping[str, Measured]) -> MeasuredHelp:
    """What was measured, shrunk: everybody's effect to ASSUMED, a type's to everybody's, by the prior of its priority.

    An effect with fewer than MIN_LEARNERS learners in an arm, or without an error, says nothing.

    Args:
        overall: Over all types; None: never computed.
        by_type: By type of intervention.
    """
    usual = _spared(overall, ASSUMED)
    usual = ASSUMED if usual is None else usual
    known = {kind: _spared(one, usual) for kind, one in by_type.items()}
    return MeasuredHelp(max(usual, 0.0), {kind: max(one, 0.0) for kind, one in known.items() if one is not None})


def _spared(measured: Measured | None, before: float) -> float | None:
    """The posterior mean of struggles spared, its prior around `before`; None where nothing suffices."""
    if measured is None or measured.estimate is None or not measured.standard_error:
        return None
    if measured.learners < MIN_LEARNERS:
        return None
    prior, error = PRIOR_SPREAD**2, measured.standard_error**2
    return (before * error - measured.estimate * prior) / (prior + error)
