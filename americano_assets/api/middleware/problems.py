"""Every error leaves as an RFC 9457 problem document."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"
# When to come back to a service that has too much to do, or to a database that is gone or busy with a night.
RETRY_SECONDS = 5
_SCHEMA_NAME = "Problem"
# A short request must not earn a long answer.
_MOST_ERRORS = 10
# What every route but those of health may answer instead of what was asked.
REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class InvalidField(BaseModel):
    """One parameter that was refused."""

    name: str = Field(description="The parameter, as it is called in the request.")
    detail: str = Field(description="The rule that it breaks.")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(
        default="about:blank", description="Always about:blank: `code` tells problems of one status apart."
    )
    title: str = Field(description="The phrase of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong, and what to do.")
    code: str = Field(description="A name for programs.", examples=["invalid_request", "database_unreachable"])
    request_id: str | None = Field(default=None, description="Stands in the access log and in the header X-Request-ID.")
    errors: list[InvalidField] | None = Field(
        default=None, description="With 422: the parameters at fault, at most ten."
    )


class ProblemError(Exception):
    """An expected error, in the words that the caller may read."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def try_again(code: str, detail: str) -> ProblemError:
    """What passes by itself: 503 with Retry-After, so that a client neither gives up nor asks without pause."""
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers=headers)


class InvalidParameterError(Exception):
    """A parameter whose fault shows only once it is used, such as a cursor that is none."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.field = InvalidField(name=name, detail=detail)


def response(
    status: int,
    code: str,
    detail: str,
    request_id: str | None = None,
    errors: list[InvalidField] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A response that carries a problem document."""
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, request_id=request_id, errors=errors
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def unexpected(request_id: str | None) -> Response:
    """The answer to an error that nobody foresaw: nothing of it but the id under which it was logged."""
    detail = "The server met an error that it did not foresee. It is logged under the request id."
    return response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, request_id)


def documented(
    example: dict[str, Any] | None, *statuses: HTTPStatus, success: HTTPStatus = HTTPStatus.OK
) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: an example of its answer, and the problems that it may answer with."""
    schema = {"$ref": f"#/components/schemas/{_SCHEMA_NAME}"}
    found: dict[int | str, dict[str, Any]] = {
        int(status): {"description": status.phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }
    if example is not None:
        found[int(success)] = {"content": {"application/json": {"example": example}}}
    return found


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _invalid(request: Request, errors: list[InvalidField]) -> Response:
    told = errors[:_MOST_ERRORS]
    sentences = [f"{error.name}: {error.detail}" for error in told]
    if len(errors) > len(told):
        sentences.append(f"and {len(errors) - len(told)} more")
    return response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "; ".join(sentences), _request_id(request), told
    )


async def _on_validation(request: Request, error: RequestValidationError) -> Response:
    fields = [
        InvalidField(name=".".join(map(str, found["loc"][1:])) or str(found["loc"][0]), detail=found["msg"])
        for found in error.errors()
    ]
    return _invalid(request, fields)


async def _on_parameter(request: Request, error: InvalidParameterError) -> Response:
    return _invalid(request, [error.field])


async def _on_problem(request: Request, error: ProblemError) -> Response:
    return response(error.status, error.code, error.detail, _request_id(request), headers=error.headers)


async def _on_http(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.BAD_REQUEST:
        # What FastAPI says of bytes that are no text at all; of text that is no JSON it says 422, as we do of both.
        return _invalid(request, [InvalidField(name="body", detail="It is not JSON in UTF-8.")])
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this path.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path does not answer this method.",
    }.get(status, status.phrase + ".")
    headers = dict(error.headers) if error.headers else None
    return response(status, status.name.lower(), detail, _request_id(request), headers=headers)


def install(app: FastAPI) -> None:
    """Make `app` answer every expected error with a problem document, and say so in its OpenAPI."""
    app.exception_handler(RequestValidationError)(_on_validation)
    app.exception_handler(InvalidParameterError)(_on_parameter)
    app.exception_handler(ProblemError)(_on_problem)
    app.exception_handler(HTTPException)(_on_http)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(own.pop("$defs", {}))
            schemas[_SCHEMA_NAME] = own
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
