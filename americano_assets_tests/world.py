"""A small school written by hand into the app's tables, so that a test can say what should come out of it.

Every time is naive and in UTC, as in the tables.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from americano_assets.contract.declaration import Column, SqlType
from americano_assets.contract.tables import table as declared
from americano_assets.core.study_days.study_day import cutoff, days_between
from americano_assets.definitions import build_defs
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.partitions import add_nights
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.interactions import build_interactions
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log, snapshot_state
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS

LONG_AGO = datetime.fromisoformat("2025-09-01 08:00")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_FILLERS: dict[SqlType, Any] = {
    SqlType.TEXT: "",
    SqlType.INTEGER: 0,
    SqlType.DOUBLE: 0.0,
    SqlType.BOOLEAN: True,
    SqlType.JSONB: {},
    SqlType.TEXT_LIST: [],
    SqlType.TIMESTAMP: LONG_AGO,
}


def at(text: str) -> datetime:
    """An instant, e.g. `2026-03-10 09:00`, naive and in UTC."""
    return datetime.fromisoformat(text)


def study_day(text: str) -> date:
    """A study day by the day on which it opens."""
    return date.fromisoformat(text)


class World:
    """Writes rows through one autocommit connection; their ids are numbered from `first`."""

    def __init__(self, connection: psycopg.Connection[Any], first: int = 1) -> None:
        self.connection = connection
        self._numbers = count(first)

    def insert(self, table: str, **values: Any) -> str:
        """One row of an app's table; what must not be null and is not given is filled in. Returns its id."""
        row = {"id": f"{table}-{next(self._numbers)}"}
        row |= {column.name: _filler(column) for column in declared(table).columns if _must_be_given(column)} | row
        row |= values
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        json_columns = {column.name for column in declared(table).columns if column.type is SqlType.JSONB}
        given = [Jsonb(value) if name in json_columns and value is not None else value for name, value in row.items()]
        self.connection.execute(statement, given)
        return str(row["id"])

    def learner(self, learner: str, **values: Any) -> str:
        """A learner who opted into everything."""
        return self.insert("users", id=learner, createdAt=LONG_AGO, **values)

    def course(self, course: str, owner: str) -> str:
        """A course with one lecture, `<course>-lecture`."""
        self.insert("courses", id=course, userId=owner, name=course)
        self.insert("lectures", id=f"{course}-lecture", userId=owner, courseId=course, title="", uploadedAt=LONG_AGO)
        return course

    def objective(self, objective: str, course: str, complexity: str = "INTERMEDIATE", text: str | None = None) -> str:
        """An objective of the course's lecture, with its card `<objective>-card` and prompt `<objective>-prompt`."""
        self.insert(
            "learning_objectives",
            id=objective,
            lectureId=f"{course}-lecture",
            objective=text or objective,
            complexity=complexity,
            createdAt=LONG_AGO,
        )
        self.insert("cards", id=f"{objective}-card", courseId=course, objectiveId=objective, createdAt=LONG_AGO)
        self.insert("validation_prompts", id=f"{objective}-prompt", objectiveId=objective)
        return objective

    def prerequisite(self, objective: str, builds_on: str, strength: float = 1.0) -> None:
        """What an objective builds on."""
        self.insert("objective_prerequisites", objectiveId=objective, prerequisiteId=builds_on, strength=strength)

    def review(self, learner: str, objective: str, when: datetime, rating: str = "GOOD", **values: Any) -> str:
        """A review of the objective's card."""
        return self.insert(
            "reviews",
            **{"userId": learner, "cardId": f"{objective}-card", "reviewedAt": when, "rating": rating, **values},
        )

    def reviews(self, learner: str, objective: str, when: datetime, ratings: str) -> None:
        """Reviews a minute apart; a letter each: A(gain), H(ard), G(ood), E(asy)."""
        names = {"A": "AGAIN", "H": "HARD", "G": "GOOD", "E": "EASY"}
        for number, letter in enumerate(ratings):
            self.review(learner, objective, when + timedelta(minutes=number), names[letter])

    def answer(self, learner: str, objective: str, when: datetime, score: float | None, **values: Any) -> str:
        """An answer to the objective's prompt; None skips it."""
        own = {"promptId": f"{objective}-prompt", "userId": learner, "respondedAt": when}
        graded = {"score": 0.0 if score is None else score, "skipped": score is None}
        return self.insert("validation_responses", **own, **graded, **values)

    def event(self, learner: str, kind: str, when: datetime, data: dict[str, Any], **values: Any) -> str:
        """A behavioural event."""
        return self.insert(
            "behavioral_events", userId=learner, eventType=kind, timestamp=when, eventData=data, **values
        )

    def session(self, learner: str, start: datetime, minutes: int | None, session: str | None = None) -> str:
        """A study session; `minutes` None: not finished."""
        finished = None if minutes is None else start + timedelta(minutes=minutes)
        named = {} if session is None else {"id": session}
        length = None if minutes is None else minutes * 60_000
        return self.insert(
            "study_sessions", userId=learner, startedAt=start, completedAt=finished, durationMs=length, **named
        )

    def mission(self, learner: str, when: datetime, objectives: Iterable[str], **values: Any) -> str:
        """A planned day of study, in the app's present JSON shape; `done` names objectives already completed."""
        done = set(values.pop("done", ()))
        items = [
            {"id": one, "objective": {"id": one, "objective": one}, "cardCount": 1, "completed": one in done}
            for one in objectives
        ]
        return self._mission(learner, when, items, values)

    def old_mission(self, learner: str, when: datetime, objectives: Iterable[str], **values: Any) -> str:
        """A planned day of study in the JSON shape of older rows."""
        return self._mission(learner, when, [{"objectiveId": one, "stray": 1} for one in objectives], values)

    def _mission(self, learner: str, when: datetime, items: Sequence[object], values: dict[str, Any]) -> str:
        return self.insert(
            "missions", **{"userId": learner, "date": when, "status": "PENDING", "objectives": items, **values}
        )

    def exam(self, learner: str, course: str, when: datetime, created: datetime = LONG_AGO) -> str:
        """An exam of a course."""
        return self.insert("exams", userId=learner, courseId=course, name="", date=when, createdAt=created)

    def profile(self, learner: str, minutes: int = 30, **style: float) -> str:
        """A learning profile; `style` holds visual, reading, kinesthetic."""
        return self.insert(
            "user_learning_profiles", userId=learner, optimalSessionDuration=minutes, learningStyleProfile=style
        )

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of any query."""
        return self.connection.execute(statement.encode(), parameters).fetchall()

    def execute(self, statement: str, *parameters: Any) -> None:
        """Any statement."""
        self.connection.execute(statement.encode(), parameters)


def _must_be_given(column: Column) -> bool:
    return not column.nullable and column.default is None and column.name != "id"


def _filler(column: Column) -> Any:
    if isinstance(column.type, SqlType):
        return _FILLERS[column.type]
    labels: type[StrEnum] = column.type
    return next(iter(labels)).value


class ClockedDeployment(Deployment):
    """A deployment whose clock stands where the test put it; it claims no database, since tests share and copy them."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        super().__init__(settings, claims=False)
        self.clock = now

    def now(self) -> datetime:
        """Where the clock stands, aware and in UTC."""
        return self.clock


def read_world(deployment: Deployment, first: str, last: str, *, plans: bool = True) -> None:
    """What the snapshot and interaction steps do, without Dagster: the log of study days, and the plans of now."""
    days = days_between(study_day(first), study_day(last))
    for table in LOG_TABLES:
        snapshot_log(deployment, table, days)
    if plans:
        snapshot_state(deployment)
    build_interactions(deployment, days)


class Nights:
    """Runs the jobs of a deployment in this process on an ephemeral Dagster instance."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.deployment = ClockedDeployment(settings, datetime(2026, 11, 1, tzinfo=UTC))
        self.definitions = build_defs(settings, deployment=self.deployment)
        self.instance = instance

    def history(self, first: str, last: str) -> dg.ExecuteInProcessResult:
        """Snapshots and interactions of study days, in one ranged run, long after them."""
        return self._run("history", tags={RANGE_START: first, RANGE_END: last})

    def night(self, day: str, *, on_time: bool = True, **options: Any) -> dg.ExecuteInProcessResult:
        """One study day through the whole chain.

        Args:
            day: The study day.
            on_time: The clock stands ten minutes after its cut-off; else it stays where it is.
            options: `tags`, or `raise_on_error`.
        """
        if on_time:
            self.deployment.clock = cutoff(study_day(day), self.deployment.zone) + timedelta(minutes=10)
        add_nights(self.instance, [study_day(day)])
        return self._run("nightly", partition_key=day, **options)

    def nights(self, first: str, last: str) -> None:
        """Consecutive study days, each on time."""
        for day in days_between(study_day(first), study_day(last)):
            assert self.night(day.isoformat()).success

    def _run(self, job: str, **options: Any) -> dg.ExecuteInProcessResult:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, run_config=quiet, **options
        )


def world_settings(url: str, home: Path, **values: Any) -> Settings:
    """Settings of a deployment on `url`; nothing is read from the environment, MLflow is a file in the home."""
    home.mkdir(parents=True, exist_ok=True)
    own = {
        "database_url": SecretStr(url),
        "mlflow_tracking_uri": SecretStr(f"sqlite:///{home}/mlflow.db"),
        "americano_home": home,
        "americano_start_day": study_day("2025-12-01"),
    }
    return Settings(_env_file=None, **{**own, **values})  # type: ignore[call-arg]


def published_rows(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the app's three tables, as text, by table."""
    return {
        table: world.rows(f'SELECT to_jsonb(t)::text FROM {table} t ORDER BY "id"')
        for table in (PREDICTIONS, INDICATORS, RECOMMENDATIONS)
    }
