"""What help changes, known to the last answer: which planned rows it eases, and what came of a label window."""

from dataclasses import dataclass

import numpy as np

from americano_assets.loading.demo.simulator.cohort import Cohort
from americano_assets.loading.demo.simulator.draw.curriculum import OBJECTIVES, Floats, Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools
from americano_assets.loading.demo.simulator.draw.memory import AGAIN
from americano_assets.loading.demo.simulator.draw.timing import DAY, opening_ms
from americano_assets.loading.demo.simulator.truth import LEAST_REVIEWS, VALIDATION_POINTS, mean_struggles


@dataclass(frozen=True)
class Windows:
    """Label windows of (learner, objective), as arrays; study days by number from the simulation's first.

    Attributes:
        learner: Numbers of learners.
        objective: Numbers of objectives.
        opens: The study day that opens with the window.
        closes: The study day that opens as the window ends.
    """

    learner: Ints
    objective: Ints
    opens: Ints
    closes: Ints

    def __len__(self) -> int:
        return len(self.learner)


def rows_within(cohort: Cohort, windows: Windows) -> Ints:
    """The rows of the plan that are planned for a day of one of these windows, each once, in order."""
    plan = cohort.plan
    where = _Places(plan.learner, plan.objective, plan.day)
    rows, _ = where.within(windows, windows.opens, windows.closes)
    return np.unique(rows)


def eased(cohort: Cohort, rows: Ints) -> Floats:
    """What `simulate(help_given=…)` takes where help reaches these rows of the plan, and no others."""
    result = np.zeros(len(cohort.plan))
    result[rows] = cohort.arguments.help_logits
    return result


def struggled_within(cohort: Cohort, windows: Windows) -> Bools:
    """Whether the mean graded score within each window was that of a struggle; False where too little was studied.

    As the pipeline counts it (docs/features.md): a skipped validation counts as 0 unless it is answered later within
    the window.
    """
    answers, plan, timing = cohort.answers, cohort.plan, cohort.timing
    since_start = timing.answered - opening_ms(cohort.arguments.first, np.zeros(1, np.int64))
    where = _Places(plan.learner[answers.row], plan.objective[answers.row], since_start)
    found, window = where.within(windows, windows.opens * DAY, windows.closes * DAY)
    review, skipped = answers.is_review[found], answers.skipped[found]
    graded = ~review & ~skipped
    last_graded = np.full(len(windows), -1, np.int64)
    np.maximum.at(last_graded, window[graded], timing.answered[found[graded]])
    counts = ~skipped | (timing.answered[found] > last_graded[window])
    tenths = np.where(review, (answers.rating[found] != AGAIN) * VALIDATION_POINTS, answers.points[found])

    def total(values: Ints | Bools) -> Ints:
        return np.bincount(window, values * counts, minlength=len(windows)).astype(np.int64)

    reviews, validations = total(review), total(~review)
    result: Bools = mean_struggles(total(tenths), reviews + validations) & (
        (validations > 0) | (reviews >= LEAST_REVIEWS)
    )
    return result


class _Places:
    """Rows sorted by (learner, objective) and time, to be found by windows of time."""

    def __init__(self, learner: Ints, objective: Ints, time: Ints) -> None:
        self._span = int(time.max(initial=0)) + 1
        key = self._key(learner, objective, time)
        self._order = np.argsort(key, kind="stable")
        self._keys = key[self._order]

    def within(self, windows: Windows, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Numbers of the rows within [start, end) of each window, and of the windows that they are in."""
        low, high = (
            np.searchsorted(self._keys, self._key(windows.learner, windows.objective, time)) for time in (start, end)
        )
        count = high - low
        window = np.repeat(np.arange(len(windows)), count)
        place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + low[window]
        return self._order[place], window

    def _key(self, learner: Ints, objective: Ints, time: Ints) -> Ints:
        key: Ints = (learner * OBJECTIVES + objective) * self._span + np.clip(time, 0, self._span)
        return key
