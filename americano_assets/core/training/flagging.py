"""From which p on a row is flagged, and whether a list of what is flagged is of use to whoever gets it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.statistics.cluster_bootstrap import LEAST_LEARNERS, percentile_bounds, ratio_draws
from americano_assets.core.statistics.metrics import LEAST_ROWS, threshold_for_recall

# A margin of 0.05 over the recall that is aimed at on learners and weeks never seen.
RECALL_AIM = 0.75
# A struggle is more likely than not.
LIKELY = 0.5
# A list with more than half of everybody on it singles nobody out, unless most of those on it do struggle.
MOST_FLAGGED = 0.5
# With fewer than one in five right, whoever follows the list helps four and more for nothing to reach one.
LEAST_PRECISION = 0.2
# As a threshold: no p reaches it, since those of models end at 0.999 and those of the rules at 0.95.
NOBODY = 1.0
# All that decides which threshold a training chooses.
POLICY = (RECALL_AIM, LIKELY, MOST_FLAGGED, LEAST_PRECISION, NOBODY)


@dataclass(frozen=True)
class Flags:
    """What is flagged of some rows.

    Attributes:
        known: Rows of which something is known: no cold starts, which are never flagged.
        flagged: Rows that are flagged.
        hits: Of these, those that struggled.
        struggles: Rows that struggled, cold starts among them.
    """

    known: int
    flagged: int
    hits: int
    struggles: int

    @classmethod
    def of(cls, struggled: BoolArray, flagged: BoolArray, known: BoolArray) -> "Flags":
        """Count them; each shape (n,)."""
        return cls(int(known.sum()), int(flagged.sum()), int((struggled & flagged).sum()), int(struggled.sum()))

    @property
    def recall(self) -> float:
        """Share of the struggles that is flagged, 0-1; 0 where nothing struggled."""
        return self.hits / max(self.struggles, 1)

    @property
    def is_useful(self) -> bool:
        """Somebody is flagged, within both bounds."""
        return self.flagged > 0 and bool(_within_bounds(self.flagged / self.known, self.hits / self.flagged))

    def __str__(self) -> str:
        """What is flagged, in a clause."""
        if not self.flagged:
            return "flags nobody"
        rightly = f"{self.hits / self.flagged:.1%}" if self.flagged >= LEAST_ROWS else f"{self.hits}"
        known = _of(self.flagged, self.known, "rows of which something is known")
        return f"flags {known}, {rightly} of them rightly"


def _of(part: int, whole: int, what: str) -> str:
    """A share in words; of fewer than LEAST_ROWS the counts."""
    return f"{part / whole:.1%} of the {what}" if whole >= LEAST_ROWS else f"{part} of the {whole} {what}"


BOUNDS = (
    f"a list is of use with at most {MOST_FLAGGED:.0%} of the rows, or {LIKELY:.0%} of it right, and in any case "
    f"{LEAST_PRECISION:.0%} of it right"
)


def choose(
    struggled: BoolArray,
    probability: FloatArray,
    known: BoolArray,
    learner: npt.ArrayLike,
    *,
    default: float,
    most: float = NOBODY,
) -> float:
    """The threshold that suits rows with known outcomes.

    The largest that finds RECALL_AIM of the struggles, at most `most`. Where that is out of reach, since too many
    struggles are cold starts, or would flag beyond the bounds: the one of the best F1 within them. Where none is within
    them: `default`, or nobody is flagged if that is shown to be beyond them too.

    Args:
        struggled: Outcomes, shape (n,).
        probability: p in 0-1, shape (n,).
        known: Rows that may be flagged, shape (n,): no cold starts. One that struggled counts as missed.
        learner: Whose row it is, shape (n,).
        default: What is taken where the rows tell nothing.
        most: No larger one is taken for the sake of recall.
    """
    if struggled.any():
        aim = min(threshold_for_recall(struggled, np.where(known, probability, 0.0), RECALL_AIM), most)
        if aim > 0 and Flags.of(struggled, (probability >= aim) & known, known).is_useful:
            return aim
        best = _best_within_bounds(struggled[known], probability[known], int(struggled.sum()))
        if best is not None:
            return best
    return default if objection(struggled, (probability >= default) & known, known, learner) is None else NOBODY


def objection(struggled: BoolArray, flagged: BoolArray, known: BoolArray, learner: npt.ArrayLike) -> str | None:
    """Why such flags are worse than none, in a clause; None where they are not, or where too few rows tell.

    Beyond a bound is what lies beyond it with the whole 95 % interval over learners.

    Args:
        struggled: Outcomes, shape (n,).
        flagged: Whether the row would be published, shape (n,).
        known: No cold start, shape (n,).
        learner: Whose row it is, shape (n,).
    """
    found = Flags.of(struggled, flagged, known)
    if found.is_useful or found.flagged < LEAST_ROWS:
        return None
    _, code = np.unique(np.asarray(learner), return_inverse=True)
    if code.max() + 1 < LEAST_LEARNERS:
        return None
    columns = (known, flagged, struggled & flagged)
    sums = np.column_stack([np.bincount(code, column.astype(float)) for column in columns]).astype(float)
    rows, flags, hits = ratio_draws(sums).T
    drawn = flags > 0
    least_share, _ = percentile_bounds(flags[drawn] / rows[drawn])
    _, best_precision = percentile_bounds(hits[drawn] / flags[drawn])
    if _within_bounds(least_share, best_precision):
        return None
    return f"it {found}: {BOUNDS}"


def threshold_told(threshold: float, flags: Flags) -> str:
    """What a threshold does on the rows that it was chosen on, in a sentence without a full stop.

    Args:
        threshold: The threshold.
        flags: What it flags of these rows.
    """
    reached = f"finds {_of(flags.hits, flags.struggles, 'struggles of the calibration learners')} and {flags}"
    if threshold >= NOBODY:
        return f"nobody is flagged: on the calibration learners no threshold gives a list of use ({BOUNDS})"
    if not flags.struggles:
        return "no struggle among the calibration learners to choose a threshold by"
    if flags.recall < RECALL_AIM:
        return f"the aim, {RECALL_AIM:.0%} of the struggles, is out of reach ({BOUNDS}): it {reached}"
    return reached


def nobody_told(threshold: float | None, *, scored: bool = True) -> str:
    """Why a day's list of whom to help is empty, in a sentence without a full stop.

    Args:
        threshold: That of the model which scored; None where none did.
        scored: Whether there was anything to score.
    """
    if threshold is not None and threshold >= NOBODY:
        return f"the model that scores flags nobody, since no threshold of its gave a list of use ({BOUNDS})"
    if not scored:
        return "no objective of anybody was scored"
    return "no objective of anybody looks risky enough to be flagged"


def _within_bounds(share: float, precision: float) -> bool:
    return (share <= MOST_FLAGGED or precision >= LIKELY) and precision >= LEAST_PRECISION


def _best_within_bounds(struggled: BoolArray, probability: FloatArray, struggles: int) -> float | None:
    """The threshold of the best F1 among those within bounds that find anybody; of equals the largest.

    Args:
        struggled: Outcomes of the rows that may be flagged, shape (n,).
        probability: p of these, shape (n,).
        struggles: How many there are to find, also where nothing may be flagged.
    """
    order = np.argsort(-probability, kind="stable")
    p = probability[order]
    last_of_equals = np.flatnonzero(np.diff(p, append=-1.0) != 0)
    flagged = last_of_equals + 1
    hits = np.cumsum(struggled[order])[last_of_equals]
    best, best_f1 = None, 0.0
    for place, many, right in zip(last_of_equals.tolist(), flagged.tolist(), hits.tolist(), strict=True):
        f1 = 2 * right / (many + struggles)
        if f1 > best_f1 and _within_bounds(many / len(p), right / many):
            best, best_f1 = float(p[place]), f1
    return best
