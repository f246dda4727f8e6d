"""Rows that break the rules of their table: set aside with the reason, counted, reported.

quarantine/<table>/day=YYYY-MM-DD/<content>.parquet    bad rows of one batch, with the column `reason`
quarantine/<table>/day=YYYY-MM-DD/reading-<time>.json  what one reading of the table found; the day is the clock's
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

import pandas as pd
import pyarrow as pa

from americano_assets.core.base.validation import UNKNOWN_LABEL, Checked, Violation, merged
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.resources.parquet_store.names import day_folder
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.schemas import EXTRACTED, ruled

# More bad rows of a table than this share of it stop a reading; so few never do, however small the table.
BAD_ROW_LIMIT, NEVER_TOO_MANY = 0.01, 5
FOLDER = "quarantine"
_READING = "reading-"
_STAMP = "%Y%m%dT%H%M%S%fZ"
_SHOWN_IN_ERROR = 3


class BadRowsError(AmericanoError):
    """Rows break the rules of their table, and the settings or their share forbid going on.

    Attributes:
        checked: What the rules found; None where a column is wrong as a whole.
    """

    def __init__(self, message: str, found: Checked | None = None) -> None:
        """Args: the message, and what the rules found."""
        super().__init__(message)
        self.checked = found


@dataclass
class Quality:
    """What the checks of one reading of a table found.

    Attributes:
        table: The table.
        read_at: When it began (aware, UTC); its day names the folder in quarantine.
        rows: Rows read.
        bad: Rows that break a rule.
        left_out: Rows that are no mistake and yet nothing that the contract knows; they never stop a reading.
        violations: The rules broken, each once; what was left out too.
        files: Contents of the files in quarantine, in the order of reading.
        refused: Nothing of the reading is in force: bad rows were to stop it, or they were too many.
    """

    table: str
    read_at: datetime
    rows: int = 0
    bad: int = 0
    violations: list[Violation] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    refused: bool = False
    left_out: int = 0

    @property
    def messages(self) -> list[str]:
        """A sentence a rule that bad rows break."""
        return [str(violation) for violation in self.violations if violation.rule != UNKNOWN_LABEL]

    @property
    def checked(self) -> Checked:
        """What was found, in counts."""
        rules = {f"{one.column}: {one.rule}": one.count for one in self.violations}
        return Checked(self.table, self.rows, self.bad, rules)

    def add(self, found: Sequence[Violation], bad: int, left_out: int = 0) -> None:
        """Count the violations of one batch."""
        self.bad += bad
        self.left_out += left_out
        self.violations = merged([*self.violations, *found])

    def report(self) -> list[dict[str, object]]:
        """A row a broken rule, for metadata and the command line."""
        return [
            {
                "table": one.table,
                "column": one.column,
                "rule": one.rule,
                "rows": one.count,
                "examples": ", ".join(one.examples) or "not shown: they are people",
            }
            for one in self.violations
        ]

    def refuse_too_many(self) -> None:
        """Stop where the bad rows are so many that the rest would mislead.

        Raises:
            BadRowsError: They are more than 1 %, and more than five.
        """
        if self.bad > max(BAD_ROW_LIMIT * self.rows, NEVER_TOO_MANY):
            raise BadRowsError(
                f"{self.table}: {self.bad} of {self.rows} rows are bad, more than {BAD_ROW_LIMIT:.0%} and more than"
                f" {NEVER_TOO_MANY}. " + "; ".join(self.messages[:_SHOWN_IN_ERROR]),
                self.checked,
            )


def set_aside(store: ParquetStore, quality: Quality, bad: pd.DataFrame) -> None:
    """Keep the bad rows of one batch; they become visible with `record_reading`."""
    rows = pa.Table.from_pandas(bad.astype({"reason": "string"}), preserve_index=False)
    quality.files.append(store.add_day(_table(quality), quality.read_at.date(), rows.to_batches(), rows.schema).content)


def record_reading(store: ParquetStore, quality: Quality) -> None:
    """Make what a reading set aside visible; nothing where nothing was."""
    if quality.files:
        name = f"{_READING}{quality.read_at.strftime(_STAMP)}.json"
        store.write_json(f"{day_folder(_table(quality), quality.read_at.date())}/{name}", asdict(quality))


def readings(store: ParquetStore, day: date | None = None) -> Iterator[Quality]:
    """All readings that set rows aside, oldest first, or those of one day.

    Raises:
        AmericanoError: A record cannot be read.
    """
    tables = [f"{FOLDER}/{name}" for name in store.files.inside(FOLDER)]
    folders = [(table, day_folder(table, one)) for table in tables for one in ([day] if day else store.days(table))]
    found = [
        (name, table, content)
        for table, folder in folders
        for name, content in store.records(folder).items()
        if name.startswith(_READING)
    ]
    for name, table, record in sorted(found):
        try:
            content = json.loads(record)
            content["violations"] = [
                Violation(**one | {"examples": tuple(one["examples"])}) for one in content["violations"]
            ]
            content["read_at"] = datetime.fromisoformat(content["read_at"])
            yield Quality(**content)
        except (ValueError, TypeError, KeyError) as error:
            raise AmericanoError(
                f"The record {name}.json in quarantine of {table.removeprefix(f'{FOLDER}/')} cannot be read"
                f" ({error}): remove it."
            ) from error


def rows_of(store: ParquetStore, reading: Quality) -> pd.DataFrame:
    """The rows that a reading set aside, with their `reason`."""
    day = reading.read_at.date()
    paths = [store.day_path(_table(reading), day, Version(content, 0)) for content in reading.files]
    rows: pd.DataFrame = pd.concat([read_table(path).to_pandas() for path in paths], ignore_index=True)
    return rows


def bad_rows(store: ParquetStore, found: Iterable[Quality]) -> Counter[str]:
    """How many bad rows readings met, by table: each once, however often its day was read anew, or it was edited."""
    seen: defaultdict[str, set[int]] = defaultdict(set)
    for reading in found:
        rows = rows_of(store, reading)
        bad = rows[~rows["reason"].str.endswith(UNKNOWN_LABEL)]
        # Whatever else of a row was edited meanwhile, its ids are what they were.
        ids = [name for name in ruled(EXTRACTED[reading.table]) if name.endswith("_id")]
        seen[reading.table].update(pd.util.hash_pandas_object(bad[ids].astype(str), index=False).tolist())
    return +Counter({table: len(rows) for table, rows in seen.items()})


def _table(quality: Quality) -> str:
    return f"{FOLDER}/{quality.table}"
