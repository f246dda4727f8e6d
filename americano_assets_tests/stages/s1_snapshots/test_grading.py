"""What counts as one interaction: the query beside a slow reading of the same rules, on any small log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.duckdb.connection import Engine, open_engine
from americano_assets.stages.s1_snapshots.input_manifest import MEMORY_DAYS, graded_span
from americano_assets.stages.s1_snapshots.sql import query

_FIRST = date(2026, 1, 10)
_DAYS = 18
_MOST = 9
# The last seconds of a study day, and the first of the next.
_CLOSING = naive(datetime(2026, 1, 10, 22, 59, 58, tzinfo=UTC))
_IDS = ("a", "b")
_MOMENTS = st.builds(
    lambda days, seconds: _CLOSING + timedelta(days=days, seconds=seconds),
    st.sampled_from([0, 1, 2, MEMORY_DAYS, MEMORY_DAYS + 1, MEMORY_DAYS + 2]),
    st.sampled_from([0, 1, 2, 5, 6, 8]),
)
_SCHEMAS = {
    "reviews": ("review_id", "card_id", "rating"),
    "validation_responses": ("response_id", "prompt_id", "score", "skipped"),
    "behavioral_events": (
        *("event_id", "event_type", "review_id", "response_id", "card_id", "prompt_id", "rating", "score"),
    ),
}
_TYPES = {"score": pa.float64(), "skipped": pa.bool_()}


@dataclass(frozen=True)
class Told:
    """A record of a review or of a validation: by the app's own table, or by an event."""

    kind: str
    learner: str
    at: datetime
    item: str | None
    record: str | None
    by_event: bool

    @property
    def day(self) -> int:
        return (self.at + timedelta(hours=1)).date().toordinal()


_TOLD = st.builds(
    Told,
    st.sampled_from(["review", "validation"]),
    st.sampled_from(["ann", "bob"]),
    _MOMENTS,
    st.sampled_from([*_IDS, None]),
    st.sampled_from([*_IDS, None]),
    st.booleans(),
).filter(lambda one: one.by_event or one.record is not None)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine() as made:
        made.calendar(_FIRST + timedelta(days=5 * MEMORY_DAYS), ZoneInfo("UTC"))
        yield made


def _review(minutes: float, *, by_event: bool = True) -> Told:
    return Told("review", "ann", _CLOSING + timedelta(minutes=minutes), "a", "a", by_event)


def _close(seconds: int, record: str | None, *, by_event: bool = True) -> Told:
    return Told("review", "ann", _CLOSING + timedelta(seconds=seconds), "a", record, by_event)


@given(st.lists(_TOLD, max_size=_MOST))
# An event recorded twice at the same moment, before the review that both speak of.
@example([_review(-2), _review(-2), _review(-1, by_event=False)])
# Two records of one moment.
@example([_review(-1), _review(-1)])
# Told again on the next day, and on the day after the next; and each day once more.
@example([_review(-1, by_event=False), _review(1)])
@example([_review(-1, by_event=False), _review(24 * 60 + 1)])
@example([_review(-1, by_event=False), _review(1), _review(24 * 60 + 1)])
# And after as many days as memory reaches back, and after one more.
@example([_review(-1, by_event=False), _review(MEMORY_DAYS * 24 * 60 - 2)])
@example([_review(-1, by_event=False), _review(MEMORY_DAYS * 24 * 60 + 1)])
# A nameless event stands for the first of two reviews that follow it closely, and for no copy of an earlier one.
@example([_close(-60, None), _close(-59, "a", by_event=False), _close(-58, "b", by_event=False)])
@example([_close(-900, "a", by_event=False), _close(-60, None), _close(-59, "a"), _close(-58, "b", by_event=False)])
# More often than twice on one day, out of order.
@example([_review(-1), _review(-3, by_event=False), _review(-2)])
def test_one_interaction_is_the_first_record_of_it(engine: Engine, told: list[Told]) -> None:
    found, records = _graded(engine, told)
    assert sorted(found) == sorted(_counted(records))


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 4, 5]), st.booleans()), min_size=1, max_size=6),
    st.integers(0, 6),
    st.sampled_from([-3, 0, 2]),
)
@example([(1, False), (1, False)], 0, 0)
@example([(1, False), (1, False)], 2, 0)
@example([(1, False), (1, False)], 1, -3)
@example([(5, False), (5, False), (5, True)], 1, 0)
def test_one_review_whose_event_is_sent_again_is_one_in_any_order(
    engine: Engine, copies: list[tuple[int, bool]], review: int, begins: int
) -> None:
    seconds, told = begins, []
    copies.insert(min(review, len(copies)), (1, True))
    for place, (gap, named) in enumerate(copies):
        seconds += gap
        at = _CLOSING + timedelta(seconds=seconds)
        by_event = place != min(review, len(copies) - 1)
        told.append(Told("review", "ann", at, "a", "a" if named or not by_event else None, by_event))
    found, records = _graded(engine, told)
    assert len(found) == 1
    first = min(one.at for one, _ in records)
    assert found[0][2] in {name for one, name in records if one.at == first}


@given(st.lists(st.integers(0, MEMORY_DAYS), min_size=1, max_size=4), st.integers(0, 4))
def test_one_review_whose_named_event_comes_late_is_one_for_as_long_as_memory_reaches(
    engine: Engine, gaps: list[int], review: int
) -> None:
    days = [sum(gaps[:place]) for place in range(len(gaps) + 1)]
    told = [
        Told(
            "review", "ann", _CLOSING + timedelta(days=day, hours=place - 6), "a", "a", place != min(review, len(gaps))
        )
        for place, day in enumerate(days)
    ]
    found, _ = _graded(engine, told, days=max(days) + 2)
    assert len(found) == 1


def _graded(
    engine: Engine, told: list[Told], days: int = _DAYS
) -> tuple[list[tuple[str, ...]], list[tuple[Told, str | None]]]:
    """Kind, source and id of what counts, and the records themselves."""
    logs: dict[str, list[dict[str, object]]] = {name: [] for name in _SCHEMAS}
    records = []
    for number, one in enumerate(told):
        # The app's own tables cannot hold an id twice.
        if one.by_event or all(other.by_event or other.record != one.record for other in told[:number]):
            # Later ones come first by id: rows are not told in their order.
            event_id = f"e{_MOST - number}"
            name, row = _row(one, event_id)
            logs[name].append(row)
            records.append((one, event_id if one.by_event else one.record))
    for name, rows in logs.items():
        engine.register(name, _table(name, rows))
    found = engine.run(query("interactions"), graded_span(_FIRST, _FIRST + timedelta(days=days)))
    sources = found.select(["kind", "source", "source_id"]).to_pylist()
    return [tuple(one.values()) for one in sources], records


def _counted(records: list[tuple[Told, str | None]]) -> list[tuple[str, str, str | None]]:
    again: set[int] = set()
    for places in _in_order(records, _same_record):
        for earlier, later in pairwise(places):
            if records[later][0].day - records[earlier][0].day <= MEMORY_DAYS:
                again.add(later)
    for places in _in_order(records, _same_item):
        chains = [places[:1]]
        for earlier, later in pairwise(places):
            if (records[later][0].at - records[earlier][0].at).total_seconds() > 5:
                chains.append([])
            chains[-1].append(later)
        for chain in chains:
            named = [place for place in chain if records[place][0].record is not None and place not in again]
            if records[chain[0]][0].record is None:
                again.update(named[:1])
            again.update(place for place in chain[1:] if records[place][0].record is None)
    return [(one.kind, _source(one), name) for place, (one, name) in enumerate(records) if place not in again]


def _in_order(records: list[tuple[Told, str | None]], same: Callable[[Told], object]) -> Iterator[list[int]]:
    """Places of the records of each group, in the order of time."""
    groups: dict[object, list[int]] = {}
    for place, (one, _) in enumerate(records):
        if same(one) is not None:
            groups.setdefault(same(one), []).append(place)
    for places in groups.values():
        yield sorted(places, key=lambda place: (records[place][0].at, records[place][0].by_event, records[place][1]))


def _same_record(one: Told) -> object:
    return None if one.record is None else (one.kind, one.learner, one.record)


def _same_item(one: Told) -> object:
    return None if one.item is None else (one.kind, one.learner, one.item)


def _source(one: Told) -> str:
    if one.by_event:
        return "behavioral_events"
    return "reviews" if one.kind == "review" else "validation_responses"


def _row(one: Told, event_id: str) -> tuple[str, dict[str, object]]:
    review = one.kind == "review"
    row: dict[str, object] = {"learner_id": one.learner, "occurred_at": one.at, "day": date.fromordinal(one.day)}
    row |= {"review_id" if review else "response_id": one.record, "card_id" if review else "prompt_id": one.item}
    row |= {"rating": "GOOD"} if review else {"score": 0.5, "skipped": False}
    if one.by_event:
        row |= {"event_id": event_id, "event_type": "CARD_REVIEWED" if review else "VALIDATION_COMPLETED"}
    return _source(one), row


def _table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    fields = [pa.field(column, _TYPES.get(column, pa.string())) for column in _SCHEMAS[name]]
    fields += [pa.field(column, pa.string()) for column in ("learner_id", "objective_id", "course_id", "session_id")]
    fields += [pa.field("occurred_at", pa.timestamp("us")), pa.field("day", pa.date32())]
    schema = pa.schema(fields)
    return pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema=schema)
