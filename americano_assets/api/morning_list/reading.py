"""Reads the list as it stands at one moment: of all open warnings those that are shown are kept, and no others."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from psycopg import errors, sql

from americano_assets.api.database import Database, PoolLimits, Row, Snapshot, new_pool
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.api.morning_list.shown import Done, Line, MorningList, Section, Warned
from americano_assets.api.schemas import as_utc
from americano_assets.core.interventions.measured_help import Measured, MeasuredHelp, measured_help
from americano_assets.core.models.risk import risk_level
from americano_assets.core.morning_list.order import (
    Action,
    CourseList,
    Entry,
    Episode,
    LastAction,
    Pair,
    Ranking,
    Today,
    entry_of,
)
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import last_closed, opening, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.settings import Settings

# Of each course where all are shown, where one is, and in a file.
AT_A_GLANCE, ONE_COURSE, IN_A_FILE = 10, 200, 1_000
REASONS = 2
ACTIONS_SHOWN, ACTIONS_OF_ONE, HISTORY = 4, 100, 200
# Longer than any horizon after which what was flagged before an action is still open.
_DECIDED_DAYS = 90
_LONGEST_NAME = 200
# Nobody waits for a command or a digest as somebody does for a page.
_ALONE = PoolLimits(connections=1, acquire_seconds=10, statement_seconds=120, request_seconds=600)


async def read_list(
    snapshot: Snapshot, settings: Settings, now: datetime, *, courses: Sequence[str] | None, at_most: int
) -> MorningList:
    """The list of some courses, or of all.

    Args:
        snapshot: Of the app's database.
        settings: The deployment's.
        now: The present instant, aware.
        courses: Ids; None: every course, and what belongs to none.
        at_most: Of each course so many are shown, fewer where the capacity says so.

    Raises:
        ProblemError: The setting for names names nothing that can be read.
    """
    zone = settings.zone
    opened = opening(study_day_of(now, zone), zone)
    night = await snapshot.row("list_night")
    names = {row["id"]: row["name"] for row in await snapshot.rows("list_courses", courses=courses)}
    capacity = settings.americano_list_capacity
    found: dict[str | None, CourseList] = {}
    if night is not None:
        ranking = Ranking(min(at_most, capacity or at_most), at_most)
        today = Today(naive(opened), now.astimezone(zone).date())
        known, last = await _known_help(snapshot), await _decided(snapshot, naive(now), courses)
        own: list[Episode] = []
        async for episode in _episodes(snapshot, naive(opened), night["threshold"], courses):
            if own and own[0].pair != episode.pair:
                ranking.add(entry_of(own, known, last, today))
                own = []
            own.append(episode)
        if own:
            ranking.add(entry_of(own, known, last, today))
        found = ranking.courses()
    lines = await _Lines.of(snapshot, settings, found.values(), courses)
    sections = [
        Section(course, names.get(course or "", "no course"), *lines.of_course(one)) for course, one in found.items()
    ]
    return MorningList(
        now.astimezone(zone),
        night["study_day"] if night else None,
        max(0, (last_closed(now, zone) - night["study_day"]).days) if night else 0,
        capacity,
        sorted(sections, key=lambda one: (one.course_id is None, one.name, one.course_id)),
    )


def list_now(
    settings: Settings, url: str, now: datetime, *, courses: Sequence[str] | None, at_most: int
) -> MorningList:
    """As `read_list`, over a connection of its own, for who serves nobody meanwhile.

    Raises:
        AmericanoError: The database cannot be reached or lacks something, or as `read_list`.
    """

    async def read() -> MorningList:
        async with new_pool(url, _ALONE) as pool, Database(pool, _ALONE, {}).snapshot() as snapshot:
            return await read_list(snapshot, settings, now, courses=courses, at_most=at_most)

    try:
        return asyncio.run(read())
    except ProblemError as problem:
        raise AmericanoError(problem.detail) from None


async def names_of(snapshot: Snapshot, settings: Settings, learners: Sequence[str]) -> dict[str, str]:
    """What the app calls learners, read now; none where the deployment maps no names.

    Raises:
        ProblemError: There is no such column, or the role may not read it.
    """
    column = settings.americano_name_column
    if column is None or not learners:
        return {}
    statement = sql.SQL("SELECT id, left({}::text, {}) AS name FROM users WHERE id = ANY (%(ids)s::text[])").format(
        sql.Identifier(column), _LONGEST_NAME
    )
    try:
        rows = await snapshot.composed(statement, ids=list(learners))
    except (errors.UndefinedColumn, errors.InsufficientPrivilege):
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "names_unreadable",
            f'AMERICANO_NAME_COLUMN names the column "{column}" of users, which is not there, or which this role may'
            f' not read: name another, or have the owner run GRANT SELECT ("{column}") ON "users".',
        ) from None
    return {row["id"]: row["name"] for row in rows if row["name"] and row["name"].strip()}


def done_of(rows: Iterable[Row], settings: Settings) -> dict[Pair, list[Done]]:
    """Rows of `list_actions` by course and learner."""
    found: dict[Pair, list[Done]] = defaultdict(list)
    for row in rows:
        at = as_utc(row["taken_at"]).astimezone(settings.zone)
        found[row["course_id"], row["user_id"]].append(
            Done(Action(row["action"]), row["note"], row["until"], row["taken_by"], at)
        )
    return found


async def _episodes(
    snapshot: Snapshot, opened: datetime, threshold: float, courses: Sequence[str] | None
) -> AsyncIterator[Episode]:
    async for row in snapshot.stream("list_episodes", opened=opened, threshold=threshold, courses=courses):
        yield Episode(
            row["prediction_id"],
            row["course_id"],
            row["user_id"],
            row["probability"],
            row["confidence"],
            tuple(row["types"]),
            row["flagged_at"],
        )


async def _known_help(snapshot: Snapshot) -> MeasuredHelp:
    rows = await snapshot.rows("measured_effects", day=None)
    found = {row["type"]: Measured(row["estimate"], row["standard_error"], row["learners"]) for row in rows}
    return measured_help(found.pop(None, None), found)


async def _decided(snapshot: Snapshot, now: datetime, courses: Sequence[str] | None) -> dict[Pair, LastAction]:
    since = now - timedelta(days=_DECIDED_DAYS)
    rows = await snapshot.rows("list_standings", since=since, courses=courses)
    return {
        (row["course_id"], row["user_id"]): LastAction(Action(row["action"]), row["taken_at"], row["until"])
        for row in rows
    }


@dataclass(frozen=True)
class _Lines:
    """What entries look like: details, names and actions of those that are shown, asked for at once."""

    settings: Settings
    details: dict[str, Row]
    names: dict[str, str]
    done: dict[Pair, list[Done]]

    @classmethod
    async def of(
        cls, snapshot: Snapshot, settings: Settings, lists: Iterable[CourseList], courses: Sequence[str] | None
    ) -> "_Lines":
        shown = [entry for one in lists for entry in (*one.listed, *one.aside)]
        learners = sorted({entry.learner for entry in shown})
        ids = [one.prediction_id for entry in shown for one in entry.episodes]
        details = await snapshot.rows("list_details", ids=ids, reasons=REASONS)
        actions = await snapshot.rows("list_actions", learners=learners, courses=courses, most=ACTIONS_SHOWN)
        return cls(
            settings,
            {row["prediction_id"]: row for row in details},
            await names_of(snapshot, settings, learners),
            done_of(actions, settings),
        )

    def of_course(self, one: CourseList) -> tuple[Any, ...]:
        """What a section shows."""
        listed, aside = ([self._line(entry) for entry in entries] for entries in (one.listed, one.aside))
        return listed, one.waiting, aside, one.set_aside

    def _line(self, entry: Entry) -> Line:
        warned = [self._warned(one) for one in entry.episodes if one.prediction_id in self.details]
        highest = max(one.probability for one in entry.episodes)
        return Line(
            entry.course,
            entry.learner,
            self.names.get(entry.learner),
            risk_level(highest),
            highest,
            min((one.due for one in warned), default=self._local(entry.since)),
            self._local(entry.since),
            entry.standing,
            warned,
            self.done.get((entry.course, entry.learner), []),
        )

    def _warned(self, episode: Episode) -> Warned:
        row = self.details[episode.prediction_id]
        return Warned(
            row["objective"],
            episode.probability,
            risk_level(episode.probability),
            self._local(row["due"]),
            row["reasons"],
            row["advice"],
        )

    def _local(self, at: datetime) -> datetime:
        return as_utc(at).astimezone(self.settings.zone)
