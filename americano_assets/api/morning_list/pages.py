"""The pages: plain HTML with a style of their own; no script, and nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment
from starlette.responses import HTMLResponse, Response

from americano_assets.api.morning_list.door import (
    CSRF_FIELD,
    PATH,
    Visitor,
    csrf_of,
    give_cookie,
    new_secret,
    secret_of,
)
from americano_assets.api.morning_list.reading import ACTIONS_OF_ONE, HISTORY
from americano_assets.api.morning_list.shown import Done, MorningList
from americano_assets.api.schemas import as_utc
from americano_assets.core.models.risk import risk_level
from americano_assets.core.morning_list.order import MOST_NOTE, SNOOZE_DAYS, Action, Pair, Standing
from americano_assets.stages.s9_report.page.templates import page_environment

_FOLDER = Path(__file__).with_name("templates")
# Should markup ever slip in, it could run and load nothing, and send a form to nobody else.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Of this service alone, so that a browser says where a form comes from; to nobody else which learner was looked at.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_DONE = {
    Action.ACKNOWLEDGE: "Taken on",
    Action.SNOOZE: "Set aside",
    Action.REOPEN: "Put back on the list",
    Action.NOTE: "Note",
}
_OUTCOMES = {
    None: "not known yet",
    "struggled": "struggled",
    "not_struggled": "did not struggle",
    "unstudied": "not studied",
}


def list_page(
    request: Request, visitor: Visitor, found: MorningList, courses: Mapping[str, str], course: str | None
) -> Response:
    """The list.

    Args:
        request: What asks for it.
        visitor: Who does.
        found: What it shows.
        courses: Names of all their courses, by id.
        course: The one that they chose; None: all.
    """
    return _page(request, "list", visitor=visitor, found=found, courses=courses, course=course)


def learner_page(
    request: Request,
    visitor: Visitor,
    learner: str,
    name: str | None,
    history: Sequence[Mapping[str, Any]],
    done: Mapping[Pair, Sequence[Done]],
    courses: Mapping[str, str],
) -> Response:
    """One learner's history: rows of `list_history`, and what was done by course."""
    zone = request.app.state.settings.zone
    rows = [
        {
            **row,
            "course": courses.get(row["course_id"], "no course"),
            "risk": risk_level(row["probability"]),
            "outcome": _OUTCOMES[row["outcome"]],
            "since": row["first_flagged_at"] and as_utc(row["first_flagged_at"]).astimezone(zone),
        }
        for row in history
    ]
    theirs = {row["course_id"] or "": row["course"] for row in rows}
    actions = [(courses.get(course or "", "no course"), one) for (course, _), many in done.items() for one in many]
    actions.sort(key=lambda one: one[1].at, reverse=True)
    return _page(
        request,
        "learner",
        visitor=visitor,
        learner=learner,
        called=name or learner,
        rows=rows,
        theirs=theirs,
        actions=actions,
        most=(HISTORY, ACTIONS_OF_ONE),
    )


def sign_in_page(request: Request, wrong: str) -> Response:
    """Where a token is asked for; `wrong`: what was the matter with the last one."""
    return _page(request, "sign_in", HTTPStatus.UNAUTHORIZED, wrong=wrong)


def message_page(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """What went wrong, in a sentence."""
    page = _templates().get_template("message.html.j2").render(title=status.phrase, detail=detail, path=PATH)
    return HTMLResponse(page, status, headers={**(headers or {}), **_HEADERS})


def style() -> Response:
    """The style of all pages."""
    return Response((_FOLDER / "style.css").read_text(), media_type="text/css", headers=_HEADERS)


def _page(request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:
    secret = secret_of(request)
    given = secret or new_secret()
    page = (
        _templates()
        .get_template(f"{template}.html.j2")
        .render(
            path=PATH,
            csrf_field=CSRF_FIELD,
            csrf=csrf_of(given),
            most_note=MOST_NOTE,
            snooze_days=SNOOZE_DAYS,
            told=_DONE,
            action=Action,
            standing=Standing,
            **values,
        )
    )
    response = HTMLResponse(page, status, headers=_HEADERS)
    if secret is None:
        give_cookie(request, response, given)
    return response


@cache
def _templates() -> Environment:
    return page_environment(_FOLDER)
