"""What is taught: courses, lectures, objectives of known difficulty, cards, and what builds on what."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

COURSES = ("Cardiology", "Nephrology", "Neurology", "Pharmacology", "Immunology", "Endocrinology")
LECTURES_PER_COURSE = 5
OBJECTIVES_PER_LECTURE = 4
LECTURES = len(COURSES) * LECTURES_PER_COURSE
OBJECTIVES = LECTURES * OBJECTIVES_PER_LECTURE
OBJECTIVES_PER_COURSE = OBJECTIVES // len(COURSES)
CARDS_PER_OBJECTIVE = 7
CARDS = OBJECTIVES * CARDS_PER_OBJECTIVE
CHAIN = tuple(range(10))  # each builds on the one before
CYCLE = tuple(range(OBJECTIVES_PER_COURSE, OBJECTIVES_PER_COURSE + 3))  # each builds on the next, the last on the first

_DIFFICULTY_SPREAD = 0.9
_COMPLEXITY_NOISE = 0.5
_COMPLEXITY_BOUNDS = (-0.5, 0.6)
_CARD_SPREAD = 0.35


@dataclass(frozen=True)
class Curriculum:
    """Arrays by objective, in the order of courses and lectures.

    Attributes:
        difficulty: Logits; higher is harder.
        complexity: 0 BASIC, 1 INTERMEDIATE, 2 ADVANCED: the difficulty as the app knows it, with noise.
        style: 0 visual, 1 clinical, 2 text.
        card_ease: Logits, (objective, card).
        builds_on: Pairs (objective, prerequisite), each once.
        strength: Of each pair, 0-1.
    """

    difficulty: Floats
    complexity: Ints
    style: Ints
    high_yield: npt.NDArray[np.bool_]
    card_ease: Floats
    builds_on: Ints
    strength: Floats

    def prerequisites(self) -> tuple[Ints, Floats]:
        """(objective, place) prerequisites, 0 where there is none, and their weights, each row's sum 1 or 0."""
        places = int(np.bincount(self.builds_on[:, 0]).max())
        index = np.zeros((OBJECTIVES, places), np.int64)
        weight = np.zeros((OBJECTIVES, places))
        filled = np.zeros(OBJECTIVES, np.int64)
        for (objective, prerequisite), strength in zip(self.builds_on, self.strength, strict=True):
            index[objective, filled[objective]] = prerequisite
            weight[objective, filled[objective]] = strength
            filled[objective] += 1
        total = weight.sum(axis=1, keepdims=True)
        return index, np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def course_of(objective: Ints) -> Ints:
    """Course numbers of objective numbers."""
    return objective // OBJECTIVES_PER_COURSE


def draw_curriculum(generator: np.random.Generator) -> Curriculum:
    """A curriculum with one long chain and one cycle of prerequisites."""
    difficulty = generator.normal(0, _DIFFICULTY_SPREAD, OBJECTIVES)
    apparent = difficulty + generator.normal(0, _COMPLEXITY_NOISE, OBJECTIVES)
    pairs = {(later, earlier) for earlier, later in pairwise(CHAIN)}
    pairs |= {(CYCLE[place - 1], CYCLE[place]) for place in range(len(CYCLE))}
    for course in range(2, len(COURSES)):
        first = course * OBJECTIVES_PER_COURSE
        for objective in range(first + 1, first + OBJECTIVES_PER_COURSE):
            for _ in range(int(generator.integers(0, 3))):
                pairs.add((objective, int(generator.integers(first, objective))))
    builds_on = np.array(sorted(pairs), np.int64)
    return Curriculum(
        difficulty=difficulty,
        complexity=np.digitize(apparent, _COMPLEXITY_BOUNDS).astype(np.int64),
        style=generator.integers(0, 3, OBJECTIVES),
        high_yield=generator.random(OBJECTIVES) < 0.3,
        card_ease=generator.normal(0, _CARD_SPREAD, (OBJECTIVES, CARDS_PER_OBJECTIVE)),
        builds_on=builds_on,
        strength=np.round(generator.uniform(0.3, 1.0, len(builds_on)), 2),
    )
