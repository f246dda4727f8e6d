"""GET /today and what hangs on it: pages for people, which need no script."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.responses import Response

from americano_assets.api.database import Snapshot, UsesDatabase
from americano_assets.api.middleware.limits import require_clock
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.api.morning_list import pages
from americano_assets.api.morning_list.door import (
    PATH,
    IsVisitor,
    SignInNeededError,
    Visitor,
    form_of,
    give_cookie,
    sign_in,
    sign_out,
)
from americano_assets.api.morning_list.reading import (
    ACTIONS_OF_ONE,
    AT_A_GLANCE,
    HISTORY,
    ONE_COURSE,
    done_of,
    names_of,
    read_list,
)
from americano_assets.api.schemas import RowId
from americano_assets.core.morning_list.order import MOST_NOTE, SNOOZE_DAYS, Action
from americano_assets.core.study_days.cutoff import naive

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_LEARNER = f"{PATH}/learner"


class PageRoute(APIRoute):
    """What goes wrong is told on a page too."""

    def get_route_handler(self) -> _Handler:
        """The handler."""
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeededError as needed:
                return pages.sign_in_page(request, str(needed))
            except ProblemError as problem:
                return pages.message_page(problem.status, problem.detail, problem.headers)
            except RequestValidationError:
                return pages.message_page(HTTPStatus.UNPROCESSABLE_ENTITY, "A part of the address cannot be read.")

        return handle_for_people


# Pages are no calls for programs: they stand in docs/morning-list.md, not in the OpenAPI document.
router = APIRouter(prefix=PATH, route_class=PageRoute, include_in_schema=False)


@router.get("")
async def today(
    request: Request, database: UsesDatabase, visitor: IsVisitor, course: Annotated[RowId | None, Query()] = None
) -> Response:
    """The list of the visitor's courses, or of one of them."""
    state = request.app.state
    async with database.snapshot() as snapshot:
        courses = await _courses(snapshot, visitor)
        if course is not None and course not in courses:
            raise _not_there()
        found = await read_list(
            snapshot,
            state.settings,
            state.clock(),
            courses=visitor.courses if course is None else [course],
            at_most=AT_A_GLANCE if course is None else ONE_COURSE,
        )
    return pages.list_page(request, visitor, found, courses, course)


@router.get("/style.css")
async def style() -> Response:
    """How the pages look; nobody is asked who they are."""
    return pages.style()


@router.get("/learner")
async def learner(
    request: Request, database: UsesDatabase, visitor: IsVisitor, of: Annotated[RowId, Query(alias="id")]
) -> Response:
    """One learner's predictions, what became of them, and what was done, in the visitor's courses."""
    state = request.app.state
    async with database.snapshot() as snapshot:
        history = await _history(snapshot, request, of, visitor.courses)
        actions = await snapshot.rows("list_actions", learners=[of], courses=visitor.courses, most=ACTIONS_OF_ONE)
        names = await names_of(snapshot, state.settings, [of])
        courses = await _courses(snapshot, visitor)
    done = done_of(actions, state.settings)
    return pages.learner_page(request, visitor, of, names.get(of), history, done, courses)


@router.post("/sign-in")
async def signing_in(request: Request, database: UsesDatabase) -> Response:
    """A session for whoever gives an adviser's token."""
    fields = await form_of(request)
    secret = await sign_in(request, database, fields.get("token", "").strip())
    response = RedirectResponse(PATH, HTTPStatus.SEE_OTHER)
    give_cookie(request, response, secret)
    return response


@router.post("/sign-out")
async def signing_out(request: Request, database: UsesDatabase) -> Response:
    """No session any more."""
    await form_of(request)
    await sign_out(request, database)
    response = RedirectResponse(PATH, HTTPStatus.SEE_OTHER)
    give_cookie(request, response, None)
    return response


@router.post("/actions")
async def act(request: Request, database: UsesDatabase, visitor: IsVisitor) -> Response:
    """Notes what the visitor does about a learner in a course."""
    fields = await form_of(request, has_cookie=visitor.has_cookie)
    now = request.app.state.clock()
    course, of = fields.get("course") or None, fields.get("learner", "")
    values = _action(fields, visitor)
    if not visitor.may_see(course):
        raise _not_there()
    if values["days"] is not None:
        values["until"] = now.astimezone(request.app.state.settings.zone).date() + timedelta(days=values["days"])
    del values["days"]
    async with database.change() as change:
        await require_clock(change, now)
        await _history(change, request, of, [course or ""], most=1)
        await change.execute("write_list_action", course_id=course, user_id=of, now=naive(now), **values)
    back = f"{_LEARNER}?{urlencode({'id': of})}" if fields.get("back") == "learner" else PATH
    if fields.get("back") == "course" and course is not None:
        back = f"{PATH}?{urlencode({'course': course})}"
    return RedirectResponse(back, HTTPStatus.SEE_OTHER)


def _action(fields: Mapping[str, str], visitor: Visitor) -> dict[str, Any]:
    """What is written of an action, and of a snooze for how many days.

    Raises:
        ProblemError: 422: it is none, or breaks a rule.
    """
    wrong = HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        action = Action(fields.get("action", ""))
    except ValueError:
        raise ProblemError(wrong, "invalid_request", "There is no such action.") from None
    note = days = None
    if action is Action.NOTE:
        note = fields.get("note", "").replace("\r\n", "\n").strip()
        if not note or len(note) > MOST_NOTE:
            raise ProblemError(wrong, "invalid_request", f"A note has 1 to {MOST_NOTE:,} characters.")
    if action is Action.SNOOZE:
        given = fields.get("days", "")
        days = next((one for one in SNOOZE_DAYS if str(one) == given), None)
        if days is None:
            allowed = ", ".join(map(str, SNOOZE_DAYS))
            raise ProblemError(wrong, "invalid_request", f"A learner is set aside for one of {allowed} days.")
    return {"action": action.value, "note": note, "until": None, "days": days, "taken_by": visitor.caller.name}


async def _courses(snapshot: Snapshot, visitor: Visitor) -> dict[str, str]:
    """Names of the visitor's courses by id, in their order."""
    return {row["id"]: row["name"] for row in await snapshot.rows("list_courses", courses=visitor.courses)}


async def _history(
    snapshot: Snapshot, request: Request, learner: str, courses: list[str] | None, most: int = HISTORY
) -> list[dict[str, Any]]:
    """What may be seen of a learner.

    Raises:
        ProblemError: 404: nothing, be it that there is none, that it is another course's, that they opted out, or that
            all of it is held out and open.
    """
    now = naive(request.app.state.clock())
    found = await snapshot.rows("list_history", user_id=learner, courses=courses, now=now, most=most)
    if not found:
        raise _not_there()
    return found


def _not_there() -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "not_found", "There is nothing of that here, or nothing that is yours.")
