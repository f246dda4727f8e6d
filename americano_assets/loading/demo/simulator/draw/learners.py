"""Who learns: the known parameters of every learner, their habits, profile and consent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from americano_assets.loading.demo.simulator.draw.curriculum import COURSES, Floats, Ints

Bools = npt.NDArray[np.bool_]

_OPTED_OUT = 0.03
_IDLE = 0.03


@dataclass(frozen=True)
class Learners:
    """Arrays by learner.

    Attributes:
        ability: Logits.
        forgetting: Logits lost per unit of log(1 + weeks since an objective was last studied).
        strength: Logits, (learner, course).
        tolerance: Objectives a day that overload nobody.
        diligence: Share of planned days that are followed; 0 for the few who never do anything.
        hour: Usual hour of study, UTC.
        night: Share of days with study late at night.
        enrolled: (learner, course).
        profile: 0 none, 1 with keys missing, 2 whole.
        optimum: Minutes of the best session, as the profile says.
        styles: (learner, 4) shares for visual, auditory, reading, kinesthetic.
        opted_out: 0 not, 1 of behavioural analysis, 2 of analytics, 3 of performance tracking.
    """

    ability: Floats
    forgetting: Floats
    strength: Floats
    tolerance: Floats
    diligence: Floats
    hour: Ints
    night: Floats
    enrolled: Bools
    profile: Ints
    optimum: Ints
    styles: Floats
    opted_out: Ints

    def __len__(self) -> int:
        return len(self.ability)


def draw_learners(generator: np.random.Generator, count: int) -> Learners:
    """`count` learners; of four or more, at least one opted out of each of the three."""
    wanted = generator.integers(2, 5, count)
    ranks = generator.random((count, len(COURSES))).argsort(axis=1).argsort(axis=1)
    diligence = generator.beta(8, 2, count)
    opted_out = np.zeros(count, np.int64)
    each = max(1, round(_OPTED_OUT * count)) if count > 3 else 0
    for flag, members in enumerate(generator.permutation(count)[: 3 * each].reshape(3, each), start=1):
        opted_out[members] = flag
    return Learners(
        ability=generator.normal(1.4, 0.8, count),
        forgetting=0.5 * generator.lognormal(0, 0.4, count),
        strength=generator.normal(0, 0.45, (count, len(COURSES))),
        tolerance=generator.uniform(2, 6, count),
        diligence=np.where(generator.random(count) < _IDLE, 0.0, diligence),
        hour=generator.integers(7, 19, count),
        night=generator.beta(1, 8, count),
        enrolled=ranks < wanted[:, None],
        profile=generator.choice(3, count, p=[0.15, 0.15, 0.7]),
        optimum=generator.integers(5, 13, count) * 5,
        styles=np.round(generator.random((count, 4)), 2),
        opted_out=opted_out,
    )
