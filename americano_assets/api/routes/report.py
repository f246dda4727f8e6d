"""GET /report: the nightly report as a page."""

import asyncio
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.problems import REFUSALS, ProblemError, documented
from americano_assets.stages.s9_report.page.files import report_path

# The page brings its own style and nothing else: should markup ever slip in, it could run and load nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

router = APIRouter(tags=["analytics"])


@router.get(
    "/report",
    summary="The nightly report",
    response_class=HTMLResponse,
    responses=documented(None, *REFUSALS, HTTPStatus.NOT_FOUND),
)
async def report(
    http: Request,
    caller: IsCaller,
    day: Annotated[date | None, Query(description="Study day. Default: the newest one with a report.")] = None,
) -> HTMLResponse:
    """One page over everybody, for whoever is responsible for the courses; a learner's token does not open it."""
    if caller.learner_id is not None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "another_learner", "The report is over everybody: use the app's token."
        )
    path = report_path(http.app.state.settings, day)
    page = await asyncio.to_thread(_read, path)
    if page is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no_report",
            f"No night has written a report{f' of study day {day}' if day else ''} where this API looks for it; "
            "`americano nightly` writes one.",
        )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None
