"""Rows of behavioural events: what was studied, once more, and what else learners did."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.contract.enums import EventType
from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.memory import AGAIN
from americano_assets.loading.demo.simulator.draw.plan import Step
from americano_assets.loading.demo.simulator.rows.columns import (
    chosen,
    groups_of,
    joined,
    json_lists,
    json_object,
    moments,
    texts,
)
from americano_assets.loading.demo.simulator.rows.log import RATINGS
from americano_assets.loading.demo.simulator.rows.school import Known, School, chunks

SEARCHED = "what I am ashamed not to know"
_LOST, _WITHOUT_ID, _DOUBLED, _SELF_ASSESSED, _ASIDE = 0.02, 0.05, 0.01, 0.06, 0.04
_PERFORMANCE_RECORDED = 0.7
_ASIDES = (
    EventType.LECTURE_UPLOADED,
    EventType.SEARCH_PERFORMED,
    EventType.GRAPH_VIEWED,
    EventType.RECOMMENDATION_VIEWED,
    EventType.RECOMMENDATION_CLICKED,
    EventType.RECOMMENDATION_DISMISSED,
    EventType.RECOMMENDATION_RATED,
)


@dataclass(frozen=True)
class _Events:
    """Events of one kind: a number of what each is about, its session, its moment, and how its data are written."""

    kind: EventType
    subject: Ints
    session: Ints
    at: Ints
    data: Callable[[Ints], pa.Array]
    performance: Ints | None = None  # 0-100 by event, -1 where not recorded


def behavioral_events(school: School, known: Known) -> Iterator[pa.Table]:
    """All events."""
    first = 0
    timing = school.cohort.timing
    for events in _all(school):
        # A duplicate may be stamped a little later than its session became known.
        for numbers in chunks(known.numbers(np.maximum(timing.known[events.session], events.at))):
            performance = np.full(len(numbers), -1) if events.performance is None else events.performance[numbers]
            yield pa.table(
                {
                    "id": school.ids("behavioral_events", first + numbers),
                    "userId": school.users(timing.learner[events.session[numbers]]),
                    "eventType": [str(events.kind)] * len(numbers),
                    "eventData": events.data(events.subject[numbers]),
                    "timestamp": moments(events.at[numbers]),
                    "sessionPerformanceScore": pa.array(performance, mask=performance < 0),
                }
            )
        first += len(events.at)


def _all(school: School) -> Iterator[_Events]:
    generator = school.generator("behavioral_events")
    yield from _of_answers(school, generator)
    yield from _of_sessions(school, generator)
    yield from _of_missions(school)
    timing = school.cohort.timing
    for kind in _ASIDES:
        session = np.flatnonzero(generator.random(len(timing)) < _ASIDE)
        yield _Events(kind, session, session, timing.started[session] + 1_000, _aside(kind))


def _of_answers(school: School, generator: np.random.Generator) -> Iterator[_Events]:
    answers, timing = school.cohort.answers, school.cohort.timing
    lag = generator.integers(0, 2_000, len(answers))
    draw = generator.random(len(answers))
    validated = ~answers.is_review & ~answers.skipped
    kept = answers.is_review & (draw >= _LOST)
    bare = kept & (draw < _LOST + _WITHOUT_ID)
    doubled = (draw >= 1 - _DOUBLED) & ~answers.skipped
    for kind, chosen_ones, data, later in (
        (EventType.CARD_REVIEWED, kept & ~bare, lambda rows: _reviewed(school, rows, named=True), 0),
        (EventType.CARD_REVIEWED, bare, lambda rows: _reviewed(school, rows, named=False), 0),
        (EventType.CARD_REVIEWED, kept & doubled, lambda rows: _reviewed(school, rows, named=True), 15_000),
        (EventType.VALIDATION_COMPLETED, validated, lambda rows: _validated(school, rows), 0),
        (EventType.VALIDATION_COMPLETED, validated & doubled, lambda rows: _validated(school, rows), 15_000),
    ):
        numbers = np.flatnonzero(chosen_ones)
        at = timing.answered[numbers] + lag[numbers] + later
        yield _Events(kind, numbers, timing.session[numbers], at, data)
    main = school.cohort.agenda.step == Step.MAIN
    entries = np.flatnonzero(main & (generator.random(len(main)) < _SELF_ASSESSED))
    session = timing.entry_session[entries]
    at = timing.started[session] + 30_000
    yield _Events(EventType.VALIDATION_COMPLETED, entries, session, at, lambda rows: _self_assessed(school, rows))


def _of_sessions(school: School, generator: np.random.Generator) -> Iterator[_Events]:
    timing, answers = school.cohort.timing, school.cohort.answers
    every = np.arange(len(timing))
    yield _Events(EventType.SESSION_STARTED, every, every, timing.started, lambda rows: _session(school, rows, ""))
    right = np.where(answers.is_review, answers.rating > AGAIN, answers.points / 10)
    share = np.bincount(timing.session, weights=right, minlength=len(timing)) / np.bincount(
        timing.session, minlength=len(timing)
    )
    recorded = generator.random(len(timing)) < _PERFORMANCE_RECORDED
    performance = np.where(recorded, np.round(100 * share), -1).astype(np.int64)
    ended = np.flatnonzero(timing.finished)
    yield _Events(
        EventType.SESSION_ENDED,
        ended,
        ended,
        timing.ended[ended],
        lambda rows: _session(school, rows, "ended"),
        performance[ended],
    )
    paused = np.flatnonzero(timing.paused > 0)
    yield _Events(
        EventType.SESSION_ENDED, paused, paused, timing.paused[paused], lambda rows: _session(school, rows, "pause")
    )


def _of_missions(school: School) -> Iterator[_Events]:
    m, timing = school.missions, school.cohort.timing
    studied = m.rows[m.session[m.rows] >= 0]
    mission, first = np.unique(m.mission[studied], return_index=True)
    session = m.session[studied[first]]
    yield _Events(
        EventType.MISSION_STARTED, mission, session, timing.started[session], lambda rows: _mission(school, rows)
    )
    last = np.zeros(len(m), np.int64)
    np.maximum.at(last, m.mission[studied], m.session[studied])
    over = np.flatnonzero((m.known < np.iinfo(np.int64).max) & ~m.skipped)
    yield _Events(
        EventType.MISSION_COMPLETED, over, last[over], timing.ended[last[over]], lambda rows: _mission(school, rows)
    )


def _reviewed(school: School, numbers: Ints, *, named: bool) -> pa.Array:
    answers, timing = school.cohort.answers, school.cohort.timing
    fields = {
        "sessionId": school.ids("study_sessions", timing.session[numbers]),
        "cardId": school.ids("cards", answers.card[numbers]),
        "objectiveId": school.ids("learning_objectives", school.cohort.plan.objective[answers.row[numbers]]),
        **({"reviewId": school.ids("reviews", numbers)} if named else {}),
        "rating": chosen(RATINGS, answers.rating[numbers] - 1),
    }
    return json_object({**fields, "timeSpentMs": texts(timing.spent[numbers])}, quoted=set(fields))


def _validated(school: School, numbers: Ints) -> pa.Array:
    answers, timing = school.cohort.answers, school.cohort.timing
    objective = school.cohort.plan.objective[answers.row[numbers]]
    fields = {
        "sessionId": school.ids("study_sessions", timing.session[numbers]),
        "objectiveId": school.ids("learning_objectives", objective),
        "promptId": school.ids("validation_prompts", objective),
        "responseId": school.ids("validation_responses", numbers),
    }
    return json_object({**fields, "score": texts(answers.points[numbers] / 10)}, quoted=set(fields))


def _self_assessed(school: School, entries: Ints) -> pa.Array:
    objective = school.cohort.plan.objective[school.cohort.agenda.row[entries]]
    fields = {
        "sessionId": school.ids("study_sessions", school.cohort.timing.entry_session[entries]),
        "objectiveId": school.ids("learning_objectives", objective),
        "promptId": school.ids("validation_prompts", objective),
    }
    return json_object({**fields, "confidenceLevel": texts(entries % 5 + 1)}, quoted=set(fields))


def _session(school: School, numbers: Ints, end: str) -> pa.Array:
    cohort, timing = school.cohort, school.cohort.timing
    fields: dict[str, str | pa.Array] = {"sessionId": school.ids("study_sessions", numbers)}
    if end:
        heads = np.append(np.searchsorted(timing.entry_session, np.arange(len(timing))), len(timing.entry_session))
        places, own = groups_of(heads, numbers)
        names = school.ids("learning_objectives", cohort.plan.objective[cohort.agenda.row[places]])
        fields["objectiveIds"] = json_lists(joined('"', names, '"'), own)
        until = timing.ended if end == "ended" else timing.paused
        fields["durationMs"] = texts(until[numbers] - timing.started[numbers])
    if end == "pause":
        fields["eventType"] = "pause"
    return json_object(fields, quoted={"sessionId", "eventType"})


def _mission(school: School, numbers: Ints) -> pa.Array:
    places, own = groups_of(school.missions.heads, numbers)
    names = school.ids("learning_objectives", school.cohort.plan.objective[school.missions.rows[places]])
    fields = {"missionId": school.ids("missions", numbers), "objectiveIds": json_lists(joined('"', names, '"'), own)}
    return json_object(fields, quoted={"missionId"})


def _aside(kind: EventType) -> Callable[[Ints], pa.Array]:
    if kind == EventType.SEARCH_PERFORMED:
        return lambda rows: json_object({"query": joined(SEARCHED, " ", texts(rows))}, quoted={"query"})
    return lambda rows: pc.cast(json_object({"number": texts(rows)}, quoted=set()), pa.string())
