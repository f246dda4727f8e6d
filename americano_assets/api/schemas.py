"""What every request and response has in common: names, times, the learner's id."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel


def as_utc(value: datetime) -> datetime:
    """The same instant, aware and in UTC; a time without a zone is UTC, as in the app's tables."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _iso(value: datetime) -> str:
    return as_utc(value).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


UtcTime = Annotated[
    datetime,
    AfterValidator(as_utc),
    PlainSerializer(_iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T23:00:00.000Z"]}),
]

# PostgreSQL's text holds no NUL, and no id of the app holds a control character.
RowId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]

UserId = Annotated[
    RowId,
    Field(
        description="The learner's id. A learner nobody knows gets an answer with nothing in it, never an error.",
        examples=["cl9ebqhxk00003b600tymydho"],
    ),
]


class Request(BaseModel):
    """Parameters of a request, under their snake_case name or the app's camelCase one."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
        extra="ignore",
        allow_inf_nan=False,
    )


class Answer(BaseModel):
    """A response body; its fields are snake_case."""

    # A field named model_type or model_version is no clash with Pydantic's own names.
    model_config = ConfigDict(protected_namespaces=())
