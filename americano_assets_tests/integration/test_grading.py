"""What counts as one interaction: the query beside a slow reading of the same rules, on any small log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from americano_assets.core.moment import naive
from americano_assets.resources.engine import Engine, open_engine
from americano_assets.sql import query

_FIRST = date(2026, 1, 10)
_DAYS = 4
_MOST = 9
# The last seconds of a study day, and the first of the next.
_CLOSING = naive(datetime(2026, 1, 10, 22, 59, 58, tzinfo=UTC))
_IDS = ("a", "b")
_MOMENTS = st.builds(
    lambda days, seconds: _CLOSING + timedelta(days=days, seconds=seconds),
    st.integers(0, _DAYS - 2),
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
        made.calendar(_FIRST + timedelta(days=_DAYS), ZoneInfo("UTC"))
        yield made


def _review(minutes: float, *, by_event: bool = True) -> Told:
    return Told("review", "ann", _CLOSING + timedelta(minutes=minutes), "a", "a", by_event)


@given(st.lists(_TOLD, max_size=_MOST))
# An event recorded twice at the same moment, before the review that both speak of.
@example([_review(-2), _review(-2), _review(-1, by_event=False)])
# Two records of one moment.
@example([_review(-1), _review(-1)])
# Told again on the next day, and on the day after the next; and each day once more.
@example([_review(-1, by_event=False), _review(1)])
@example([_review(-1, by_event=False), _review(24 * 60 + 1)])
@example([_review(-1, by_event=False), _review(1), _review(24 * 60 + 1)])
# More often than twice on one day, out of order.
@example([_review(-1), _review(-3, by_event=False), _review(-2)])
def test_one_interaction_is_the_first_record_of_it(engine: Engine, told: list[Told]) -> None:
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
    found = engine.run(query("interactions"), {"first_day": _FIRST, "last_day": _FIRST + timedelta(days=_DAYS)})
    sources = found.select(["kind", "source", "source_id"]).to_pylist()
    assert sorted(tuple(one.values()) for one in sources) == sorted(_counted(records))


def _counted(records: list[tuple[Told, str | None]]) -> list[tuple[str, str, str | None]]:
    again: set[int] = set()
    for one_of in (_same_record, _same_item):
        groups: dict[object, list[int]] = {}
        for place, (one, _) in enumerate(records):
            groups.setdefault(one_of(one), []).append(place)
        for key, places in groups.items():
            places.sort(key=lambda place: (records[place][0].at, records[place][0].by_event, records[place][1]))
            for earlier, later in pairwise(places):
                before, after = records[earlier][0], records[later][0]
                if one_of is _same_record:
                    repeated = after.day - before.day <= 1
                else:
                    unnamed = before.record is None or after.record is None
                    seconds = (after.at - before.at).total_seconds()
                    repeated = before.by_event != after.by_event and unnamed and seconds <= 5
                if key is not None and repeated:
                    again.add(later)
    return [(one.kind, _source(one), name) for place, (one, name) in enumerate(records) if place not in again]


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
