"""The app's tables, computed from OULAD's source tables by the queries in `sql/`.

The mapping and its decisions are told in `docs/oulad.md`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from duckdb.func import ARROW
from duckdb.sqltypes import VARCHAR

from americano_assets.core.base.ids import cuid
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad.sql import query
from americano_assets.resources.duckdb.connection import connected

SOURCE = Path(__file__).with_name("data")
# The day that falls on the day of the first load, chosen where the last presentations are in full swing.
REFERENCE_PRESENTATION, REFERENCE_DAY = "2014J", 162

SOURCE_TABLES = ("course", "student_registration", "assessment", "student_assessment")
_STEPS = ("presentation", "enrolment", "learner", "objective", "pair")
# Loaded whole, then by time; each after the tables that its foreign keys name.
STATE_TABLES = (
    "users",
    "courses",
    "lectures",
    "learning_objectives",
    "objective_prerequisites",
    "validation_prompts",
    "exams",
    "missions",
)
LOG_TABLES = ("validation_responses", "behavioral_events")

_MACROS = """
CREATE MACRO first_day(presentation) AS make_date(
  presentation[:4]::INTEGER, CASE presentation[5:] WHEN 'B' THEN 2 WHEN 'J' THEN 10 END, 1);
CREATE MACRO noon(day) AS day::TIMESTAMP + INTERVAL 12 HOUR;
CREATE MACRO in_window(stamp) AS
  stamp > coalesce(getvariable('after')::TIMESTAMP, TIMESTAMP '-infinity') AND stamp <= getvariable('until');
"""


@dataclass(frozen=True)
class Window:
    """What a load brings: rows stamped in (after, until], both UTC without zone; `after` None: since ever."""

    after: datetime | None
    until: datetime


def _ids(kinds: pa.Array, keys: pa.Array) -> pa.Array:
    return pa.array(
        [cuid("oulad", kind, key) for kind, key in zip(kinds.to_pylist(), keys.to_pylist(), strict=True)], pa.string()
    )


class OuladTables:
    """OULAD opened in memory: ask for the shift and the sample, `prepare`, then read the app's tables."""

    def __init__(self, source: Path = SOURCE) -> None:
        """Open a folder of OULAD's tables as Parquet.

        Raises:
            AmericanoError: A file is not there.
        """
        self._duckdb = connected()
        self._duckdb.create_function("oulad_id", _ids, [VARCHAR, VARCHAR], VARCHAR, type=ARROW)
        self._duckdb.execute(_MACROS)
        for table in SOURCE_TABLES:
            path = source / f"{table}.parquet"
            if not path.is_file():
                raise AmericanoError(
                    f"OULAD is incomplete: {path.name} is not in {source}; check the repository out again."
                )
            self._duckdb.from_parquet(str(path)).create_view(table)
        self.owner_id = cuid("oulad", "owner", "courses")

    def close(self) -> None:
        """Free the memory."""
        self._duckdb.close()

    def shift_days(self, today: date) -> int:
        """Days to add to the source's calendar so that the reference day falls on `today`."""
        [reference] = self._row("SELECT first_day(?) + ?::INTEGER", REFERENCE_PRESENTATION, REFERENCE_DAY)
        assert isinstance(reference, date)
        return (today - reference).days

    def students(self) -> int:
        """Students in the source."""
        [count] = self._row("SELECT count(DISTINCT id_student) FROM student_registration")
        assert isinstance(count, int)
        return count

    def prepare(self, window: Window, *, shift_days: int, learners: int) -> None:
        """Work out who is in the sample, what was planned for them, and how it ended.

        Args:
            window: Rows of the log tables are cut to it; states are those known at its end.
            shift_days: Added to every day of the source's calendar.
            learners: Size of the sample; a smaller sample is part of every larger one.
        """
        variables = {
            "shift_days": shift_days,
            "learners": learners,
            "after": window.after,
            "until": window.until,
            "owner_id": self.owner_id,
        }
        for name, value in variables.items():
            self._duckdb.execute(f"SET VARIABLE {name} = ?", [value])
        for step in _STEPS:
            self._duckdb.execute(f"CREATE OR REPLACE TABLE {step} AS {query(step)}")

    def user_ids(self) -> set[str]:
        """Ids of every account that is ours: the sample's learners and the courses' owner."""
        return {row[0] for row in self._duckdb.execute("SELECT user_id FROM learner").fetchall()} | {self.owner_id}

    def keep_only(self, users: Collection[str], prompts: Collection[str]) -> None:
        """Drop what belongs to accounts and prompts that the app's database does not hold any more."""
        for column, ids in (("user_id", users), ("prompt_id", prompts)):
            self._duckdb.register("surviving", pa.table({"id": pa.array(list(ids), pa.string())}))
            self._duckdb.execute(f"DELETE FROM pair WHERE {column} NOT IN (SELECT id FROM surviving)")
            self._duckdb.unregister("surviving")

    def read(self, table: str) -> pa.Table:
        """The rows of one of `STATE_TABLES`, `LOG_TABLES` or `closed_missions`, columns named as the app names them."""
        rows = self._duckdb.sql(query(table)).to_arrow_table()
        self._duckdb.register(f"app_{table}", rows)
        return rows

    def _row(self, sql: str, *parameters: object) -> tuple[object, ...]:
        row: tuple[object, ...] | None = self._duckdb.execute(sql, parameters).fetchone()
        assert row is not None
        return row
