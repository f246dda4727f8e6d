"""Rows of sessions, reviews and answers to validations."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.contract.enums import ReviewRating
from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.plan import Step
from americano_assets.loading.demo.simulator.rows.columns import (
    chosen,
    groups_of,
    json_lists,
    json_object,
    moments,
    texts,
)
from americano_assets.loading.demo.simulator.rows.school import Known, School, chunks
from americano_assets.loading.demo.simulator.rows.state import PEOPLES_WORDS

RATINGS = [str(rating) for rating in ReviewRating]  # in the order of 1 AGAIN to 4 EASY


def study_sessions(school: School, known: Known) -> Iterator[pa.Table]:
    """Sessions; an unfinished one has no end."""
    cohort, timing = school.cohort, school.cohort.timing
    heads = np.append(np.searchsorted(timing.entry_session, np.arange(len(timing))), len(timing.entry_session))
    reviews = np.bincount(timing.session[cohort.answers.is_review], minlength=len(timing))
    fresh = cohort.answers.is_review & (cohort.answers.memory[:, 1] == 0)
    new = np.bincount(timing.session[fresh], minlength=len(timing))
    for numbers in chunks(known.numbers(timing.known)):
        places, own = groups_of(heads, numbers)
        finished = timing.finished[numbers]
        mission = school.missions.mission[cohort.agenda.row[heads[:-1][numbers]]]
        main = cohort.agenda.step[heads[:-1][numbers]] == Step.MAIN
        ids = school.ids("missions", mission)
        objectives = school.ids("learning_objectives", cohort.plan.objective[cohort.agenda.row[places]])
        yield pa.table(
            {
                "id": school.ids("study_sessions", numbers),
                "userId": school.users(timing.learner[numbers]),
                "missionId": pc.if_else(pa.array((mission >= 0) & main), ids, pa.scalar(None, pa.string())),
                "startedAt": moments(timing.started[numbers]),
                "completedAt": moments(timing.ended[numbers], finished),
                "durationMs": pa.array(timing.ended[numbers] - timing.started[numbers], mask=~finished),
                "reviewsCompleted": reviews[numbers],
                "newCardsStudied": new[numbers],
                "missionObjectives": json_lists(json_object({"objectiveId": objectives}, quoted={"objectiveId"}), own),
                "objectiveCompletions": json_lists(_completions(places, objectives), own),
            }
        )


def _completions(entries: Ints, objectives: pa.Array) -> pa.Array:
    stars = texts(entries % 5 + 1)
    fields = {"objectiveId": objectives, "completed": "true", "confidenceRating": stars, "selfAssessment": stars}
    return json_object(fields, quoted={"objectiveId"})


def reviews(school: School, known: Known) -> Iterator[pa.Table]:
    """Reviews of cards."""
    answers, timing = school.cohort.answers, school.cohort.timing
    seen = known.numbers(timing.known[timing.session])
    for numbers in chunks(seen[answers.is_review[seen]]):
        memory = np.round(answers.memory[numbers].astype(np.float64), 4)
        yield pa.table(
            {
                "id": school.ids("reviews", numbers),
                "userId": school.users(timing.learner[timing.session[numbers]]),
                "cardId": school.ids("cards", answers.card[numbers]),
                "sessionId": school.ids("study_sessions", timing.session[numbers]),
                "rating": chosen(RATINGS, answers.rating[numbers] - 1),
                "timeSpentMs": timing.spent[numbers],
                "reviewedAt": moments(timing.answered[numbers]),
                "difficultyBefore": memory[:, 0],
                "stabilityBefore": memory[:, 1],
                "difficultyAfter": memory[:, 2],
                "stabilityAfter": memory[:, 3],
            }
        )


def validation_responses(school: School, known: Known) -> Iterator[pa.Table]:
    """Answers to prompts, and their skipping; a skipped one is answered later in a row of its own."""
    answers, timing = school.cohort.answers, school.cohort.timing
    seen = known.numbers(timing.known[timing.session])
    for numbers in chunks(seen[~answers.is_review[seen]]):
        confidence = numbers % 5 + 1
        rated = numbers % 3 > 0
        yield pa.table(
            {
                "id": school.ids("validation_responses", numbers),
                "promptId": school.ids("validation_prompts", school.cohort.plan.objective[answers.row[numbers]]),
                "sessionId": school.ids("study_sessions", timing.session[numbers]),
                "userId": school.users(timing.learner[timing.session[numbers]]),
                "score": answers.points[numbers] / 10,
                "confidence": pa.array(confidence / 5, mask=~rated),
                "confidenceLevel": pa.array(confidence.astype(np.float64), mask=~rated),
                "skipped": answers.skipped[numbers],
                "respondedAt": moments(timing.answered[numbers]),
                "userAnswer": [PEOPLES_WORDS] * len(numbers),
                "aiEvaluation": [PEOPLES_WORDS] * len(numbers),
                "updatedAt": moments(timing.answered[numbers]),
            }
        )
