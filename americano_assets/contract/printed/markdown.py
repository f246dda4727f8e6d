"""The contract as a page: what each table of the app must look like, for a reader."""

from collections.abc import Iterable, Iterator

from americano_assets.contract.declaration import Column, JsonShape, Table
from americano_assets.contract.enums import ENUMS, UNUSED_LABELS
from americano_assets.contract.grants import UPDATED
from americano_assets.contract.printed.ddl import type_sql
from americano_assets.contract.tables import TABLES

_HEADER = """\
# The app's tables

What the pipeline needs of the app's database, and nothing more. Made by
`./americano schema --markdown > docs/app-tables.md`; `--sql` prints statements that make these tables in an empty
database, `--prisma` a schema for Prisma, `./americano check-db` compares a database with them.

- Tables are named in snake_case, columns in camelCase, so that SQL must quote these. Where rows are only read a view
  will do: `schema --views` prints empty ones to fill in, `schema --sql --written` the rest ([adopt.md](adopt.md)).
- Times are `TIMESTAMP(3)` without time zone, in UTC. An enum may as well be `TEXT` with the same words; `varchar`,
  `bigint`, `real` and timestamps of another precision read like the types below.
- A mission's or exam's time of exactly 00:00:00.000 UTC is [that calendar date](database.md#dates-and-instants) in
  `AMERICANO_TIMEZONE`.
- A column that is listed as optional is neither read nor written: it may be missing or of any type. What is listed as
  never read holds people's own words, names or addresses.
- Labels in *italics* may be missing. A review, mission or objective with a label that does not stand here is dealt with
  as [check-db](database.md#check-db) says.
"""


def markdown() -> str:
    """The page: an overview, then a heading a table, the shapes of its JSON below it, then the enums."""
    return "\n".join([_HEADER, *_overview(), *(line for table in TABLES for line in _table(table)), *_enums()]) + "\n"


def _overview() -> Iterator[str]:
    yield "| table | the pipeline | what its rows are for |"
    yield "| --- | --- | --- |"
    for table in TABLES:
        use = "reads and writes rows" if table.written else "reads"
        if table.name in UPDATED:
            use += f", writes `{UPDATED[table.name]}`"
        yield f"| [`{table.name}`](#{table.name}) | {use} | {table.description} |"


def _table(table: Table) -> Iterator[str]:
    yield f"\n## {table.name}\n"
    yield table.description + "\n"
    yield "| column | type | may be NULL | meaning |"
    yield "| --- | --- | --- | --- |"
    for column in table.extracted:
        null = "" if column.not_null else "yes"
        yield f"| `{column.name}` | `{_type(column)}` | {null} | {column.meaning} |"
    yield from _listed("Optional", (column for column in table.columns if not column.used and not column.private))
    yield from _listed("Never read", (column for column in table.columns if column.private))
    for column in table.extracted:
        if column.shape is not None:
            yield from _shape(column, column.shape)


def _type(column: Column) -> str:
    return type_sql(column).strip('"')


def _listed(title: str, columns: Iterable[Column]) -> Iterator[str]:
    if names := ", ".join(f"`{column.name}`" for column in columns):
        yield f"\n{title}: {names}."


def _shape(column: Column, shape: JsonShape) -> Iterator[str]:
    yield f"\n`{column.name}`, for example:\n"
    yield f"```json\n{shape.example}\n```\n"
    yield "| key | type | meaning |"
    yield "| --- | --- | --- |"
    yield from (f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in shape.keys)
    yield "\nAny key may be absent; others are left alone."


def _enums() -> Iterator[str]:
    read = {column.type for table in TABLES for column in table.extracted}
    yield "\n## Enums\n"
    yield "| enum | what it says | labels |"
    yield "| --- | --- | --- |"
    for enum in ENUMS:
        if enum in read:
            spare = UNUSED_LABELS.get(enum, frozenset())
            labels = ", ".join(f"*{label}*" if label in spare else f"`{label}`" for label in enum)
            yield f"| `{enum.__name__}` | {(enum.__doc__ or '').rstrip('.')} | {labels} |"
