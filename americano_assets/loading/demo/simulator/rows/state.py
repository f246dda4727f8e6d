"""Rows of the tables that speak of people and of what is taught, as they stand at a moment."""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.contract.enums import CardType, MasteryLevel, ObjectiveComplexity, PromptType
from americano_assets.loading.demo.simulator.draw.curriculum import (
    CARDS,
    CARDS_PER_OBJECTIVE,
    COURSES,
    LECTURES,
    LECTURES_PER_COURSE,
    OBJECTIVES,
    OBJECTIVES_PER_COURSE,
    OBJECTIVES_PER_LECTURE,
    Curriculum,
)
from americano_assets.loading.demo.simulator.draw.learners import Bools
from americano_assets.loading.demo.simulator.draw.memory import AGAIN, retrievability
from americano_assets.loading.demo.simulator.draw.timing import DAY
from americano_assets.loading.demo.simulator.rows.columns import chosen, joined, json_object, moments, texts
from americano_assets.loading.demo.simulator.rows.school import OWNER, Known, School

_WORDS = (
    ("Label the anatomy in an image of", "Read the histology of", "Draw the diagram of"),
    ("Manage a patient with a disorder of", "Diagnose a clinical case from", "Choose the therapy in"),
    ("Recall the mechanisms of", "Explain the physiology of", "Name the classes in"),
)
STYLE_TAGS = ("imaging", "clinical", "theory")
PEOPLES_WORDS = "words of a person, never to be extracted"


def objective_texts(curriculum: Curriculum) -> list[str]:
    """What each objective asks, in words that tell its format."""
    return [
        f"{_WORDS[style][number % 3]} {COURSES[number // OBJECTIVES_PER_COURSE].lower()} ({number + 1})"
        for number, style in enumerate(curriculum.style)
    ]


def users(school: School, _: Known) -> Iterator[pa.Table]:
    """Learners, and the owner of the courses, whose behaviour nobody may analyse. The owner's name keeps the call."""
    learners = school.cohort.learners
    joined_at = school.founded - school.generator("users").integers(0, 300 * DAY, len(learners))
    made = moments(np.append(joined_at, school.founded))
    arguments = school.cohort.arguments
    call = json.dumps({**vars(arguments), "end": arguments.end.isoformat()})
    flags = [np.append(learners.opted_out != flag, flag == 2) for flag in (1, 2, 3)]
    yield pa.table(
        {
            "id": pa.concat_arrays([school.users(np.arange(len(learners))), pa.array([OWNER])]),
            "email": pa.nulls(len(made), pa.string()),
            "name": pa.concat_arrays([pa.nulls(len(learners), pa.string()), pa.array([call])]),
            "createdAt": made,
            "updatedAt": made,
            "behavioralAnalysisEnabled": flags[0],
            "includeInAnalytics": flags[1],
            "performanceTrackingEnabled": flags[2],
        }
    )


def courses(school: School, _: Known) -> Iterator[pa.Table]:
    """Courses, shared by learners."""
    n = len(COURSES)
    yield pa.table(
        {
            "id": school.ids("courses", np.arange(n)),
            "userId": [OWNER] * n,
            "name": list(COURSES),
            "code": [f"SIM {number}" for number in range(1, n + 1)],
            "updatedAt": moments(np.full(n, school.founded)),
        }
    )


def lectures(school: School, _: Known) -> Iterator[pa.Table]:
    """The courses' lectures; what learners upload themselves is only an event."""
    numbers = np.arange(LECTURES)
    course = numbers // LECTURES_PER_COURSE
    styles = school.cohort.curriculum.style[numbers * OBJECTIVES_PER_LECTURE]
    yield pa.table(
        {
            "id": school.ids("lectures", numbers),
            "userId": [OWNER] * LECTURES,
            "courseId": school.ids("courses", course),
            "title": joined(chosen(COURSES, course), " ", texts(numbers % LECTURES_PER_COURSE + 1)),
            "weekNumber": numbers % LECTURES_PER_COURSE + 1,
            "topicTags": joined(
                "{", chosen([name.lower() for name in COURSES], course), ",", chosen(STYLE_TAGS, styles), "}"
            ),
            "uploadedAt": moments(np.full(LECTURES, school.founded)),
            "fileName": ["lecture.pdf"] * LECTURES,
            "fileUrl": ["urn:simulated"] * LECTURES,
            "fileSize": numbers * 0,
        }
    )


def learning_objectives(school: School, known: Known) -> Iterator[pa.Table]:
    """Objectives, with the columns that the app overwrites."""
    curriculum, answers, timing = school.cohort.curriculum, school.cohort.answers, school.cohort.timing
    numbers = np.arange(OBJECTIVES)
    seen = known.numbers(timing.known[timing.session])
    objective = school.cohort.plan.objective[answers.row[seen]]
    last = np.zeros(OBJECTIVES, np.int64)
    np.maximum.at(last, objective, timing.answered[seen])
    right = np.where(answers.is_review[seen], answers.rating[seen] != AGAIN, answers.points[seen] / 10)
    tries = np.bincount(objective, minlength=OBJECTIVES)
    share = np.bincount(objective, weights=right, minlength=OBJECTIVES) / np.maximum(tries, 1)
    level = np.where(tries == 0, 0, np.digitize(share, (0.5, 0.65, 0.8)) + 1)
    spent = np.bincount(objective, weights=timing.spent[seen], minlength=OBJECTIVES)
    yield pa.table(
        {
            "id": school.ids("learning_objectives", numbers),
            "lectureId": school.ids("lectures", numbers // OBJECTIVES_PER_LECTURE),
            "objective": objective_texts(curriculum),
            "isHighYield": curriculum.high_yield,
            "complexity": chosen(list(ObjectiveComplexity), curriculum.complexity),
            "boardExamTags": ["{step1}" if number % 3 == 0 else "{}" for number in numbers],
            "createdAt": moments(np.full(OBJECTIVES, school.founded)),
            "lastStudiedAt": moments(last, last > 0),
            "masteryLevel": chosen(list(MasteryLevel), level),
            "totalStudyTimeMs": np.minimum(spent, 2**31 - 1).astype(np.int64),
            "weaknessScore": np.round(1 - share, 3),
        }
    )


def objective_prerequisites(school: School, _: Known) -> Iterator[pa.Table]:
    """The prerequisite graph."""
    curriculum = school.cohort.curriculum
    yield pa.table(
        {
            "id": school.ids("objective_prerequisites", np.arange(len(curriculum.builds_on))),
            "objectiveId": school.ids("learning_objectives", curriculum.builds_on[:, 0]),
            "prerequisiteId": school.ids("learning_objectives", curriculum.builds_on[:, 1]),
            "strength": curriculum.strength,
        }
    )


def cards(school: School, known: Known) -> Iterator[pa.Table]:
    """Cards, in the state in which the last learner left them: the app keeps one a card."""
    cohort, numbers = school.cohort, np.arange(CARDS)
    answers, timing = cohort.answers, cohort.timing
    seen = known.numbers(timing.known[timing.session])
    seen = seen[answers.is_review[seen]]
    seen = seen[np.argsort(timing.answered[seen], kind="stable")]
    last = np.full(CARDS, -1, np.int64)
    last[answers.card[seen]] = seen  # of several the last one stays
    used = last >= 0
    difficulty = np.where(used, answers.memory[last, 2], 0).astype(np.float64)
    stability = np.where(used, answers.memory[last, 3], 0).astype(np.float64)
    reviewed_at = np.where(used, timing.answered[last], 0)
    days = (known.until - reviewed_at) // DAY
    recall = np.where(used, retrievability(days.astype(np.float64), np.where(used, stability, 1.0)), 0.0)
    objective = numbers // CARDS_PER_OBJECTIVE
    yield pa.table(
        {
            "id": school.ids("cards", numbers),
            "courseId": school.ids("courses", objective // OBJECTIVES_PER_COURSE),
            "lectureId": school.ids("lectures", objective // OBJECTIVES_PER_LECTURE),
            "objectiveId": school.ids("learning_objectives", objective),
            "cardType": chosen(list(CardType), numbers % len(CardType)),
            "createdAt": moments(np.full(CARDS, school.founded)),
            "difficulty": np.round(difficulty, 4),
            "stability": np.round(stability, 4),
            "retrievability": np.round(recall, 4),
            "lastReviewedAt": moments(reviewed_at, used),
            "nextReviewAt": moments(reviewed_at + (stability * DAY).astype(np.int64), used),
            "reviewCount": np.bincount(answers.card[seen], minlength=CARDS),
            "lapseCount": np.bincount(answers.card[seen[answers.rating[seen] == AGAIN]], minlength=CARDS),
            "front": [PEOPLES_WORDS] * CARDS,
            "back": [PEOPLES_WORDS] * CARDS,
        }
    )


def validation_prompts(school: School, _: Known) -> Iterator[pa.Table]:
    """One prompt an objective."""
    numbers = np.arange(OBJECTIVES)
    yield pa.table(
        {
            "id": school.ids("validation_prompts", numbers),
            "promptType": chosen(list(PromptType), numbers % len(PromptType)),
            "conceptName": joined("Objective ", texts(numbers + 1)),
            "objectiveId": school.ids("learning_objectives", numbers),
            "difficultyLevel": 0.3 * (school.cohort.curriculum.complexity + 1),
            "promptText": [PEOPLES_WORDS] * OBJECTIVES,
        }
    )


def user_learning_profiles(school: School, _: Known) -> Iterator[pa.Table]:
    """Profiles of those who have one; some lack keys, some whole objects."""
    learners = school.cohort.learners
    numbers = np.flatnonzero(learners.profile > 0)
    whole = learners.profile[numbers] == 2
    styles, hour = learners.styles[numbers], learners.hour[numbers]
    shares = [texts(styles[:, place]) for place in range(4)]
    fields = dict(zip(("visual", "auditory", "reading", "kinesthetic"), shares, strict=True))
    tolerance = texts(np.round(learners.tolerance[numbers], 2))
    full = json_object(
        {**fields, "loadTolerance": tolerance, "preferredSessionLength": texts(learners.optimum[numbers])}, quoted=set()
    )
    partial = json_object({"auditory": shares[1], "reading": shares[2]}, quoted=set())
    hours = {
        "dayOfWeek": texts(numbers % 7),
        "startHour": texts(hour),
        "endHour": texts(hour + 2),
        "effectiveness": shares[0],
    }
    yield pa.table(
        {
            "id": school.ids("user_learning_profiles", numbers),
            "userId": school.users(numbers),
            "preferredStudyTimes": _where(whole, joined("[", json_object(hours, quoted=set()), "]"), "[]"),
            "averageSessionDuration": learners.optimum[numbers] - 5,
            "optimalSessionDuration": learners.optimum[numbers],
            "contentPreferences": _where(whole, '{"preferredTypes": ["video"], "avoidedTypes": ["lecture"]}', "{}"),
            "learningStyleProfile": _where(whole, full, partial),
            "personalizedForgettingCurve": ["{}"] * len(numbers),
            "lastAnalyzedAt": moments(np.full(len(numbers), school.founded)),
            "dataQualityScore": np.where(whole, 0.9, 0.4),
        }
    )


def _where(mask: Bools, yes: pa.Array | str, no: pa.Array | str) -> pa.Array:
    return pc.if_else(pa.array(mask), yes, no)
