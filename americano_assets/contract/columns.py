"""Short names for the columns that the app's tables are made of."""

from typing import TypedDict, Unpack

from americano_assets.contract.declaration import Column, JsonShape, SqlType


class Options(TypedDict, total=False):
    """Keywords that every constructor passes on to `Column`."""

    nullable: bool
    default: str | None
    private: bool
    used: bool
    also: tuple[SqlType, ...]
    names: str
    dates: bool
    within: tuple[float, float]
    description: str
    shape: JsonShape


def text(name: str, **options: Unpack[Options]) -> Column:
    """A TEXT column."""
    return Column(name, SqlType.TEXT, **options)


def integer(name: str, **options: Unpack[Options]) -> Column:
    """An INTEGER column."""
    return Column(name, SqlType.INTEGER, **options)


def double(name: str, **options: Unpack[Options]) -> Column:
    """A DOUBLE PRECISION column."""
    return Column(name, SqlType.DOUBLE, **options)


def boolean(name: str, **options: Unpack[Options]) -> Column:
    """A BOOLEAN column."""
    return Column(name, SqlType.BOOLEAN, **options)


def jsonb(name: str, **options: Unpack[Options]) -> Column:
    """A JSONB column."""
    return Column(name, SqlType.JSONB, **options)


def text_list(name: str, **options: Unpack[Options]) -> Column:
    """A TEXT[] column; its value may be NULL, which the app reads as an empty list."""
    return Column(name, SqlType.TEXT_LIST, **options)


def instant(name: str, **options: Unpack[Options]) -> Column:
    """A TIMESTAMP(3) column without time zone, always UTC."""
    return Column(name, SqlType.TIMESTAMP, **options)


def stamped(name: str, *, used: bool = True, dates: bool = False, description: str = "") -> Column:
    """The time a row was made: TIMESTAMP(3) that the database fills where the writer does not."""
    return Column(name, SqlType.TIMESTAMP, default="CURRENT_TIMESTAMP", used=used, dates=dates, description=description)


def updated_at() -> Column:
    """`updatedAt`, which Prisma fills in the client: NOT NULL without a default, and of no use to us."""
    return Column("updatedAt", SqlType.TIMESTAMP, used=False)


ID = text("id", description="Id of the row, any text.")
OUR_ID = text("id", description="Id of the row, in the form of a CUID.")
OBJECTIVE_ID = text("objectiveId", names="learning_objectives", description="The objective: learning_objectives.id.")
USER_ID = text("userId", names="users", description="The learner: users.id.")
