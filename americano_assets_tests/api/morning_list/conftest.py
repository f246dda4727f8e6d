"""A school of two courses with warnings of which it is known who stands where, and browsers that look at it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from americano_assets.api.tokens import create_token
from americano_assets_tests.api.rows import CUTOFF, MODEL, NOW, Rows
from americano_assets_tests.api.serving import Service

CLOCK = NOW.replace(tzinfo=UTC)
ANATOMY, BIOLOGY = "canatomy", "cbiology"
DUE = NOW + timedelta(days=2)
WINDOW_END = CUTOFF + timedelta(days=7)


@dataclass
class School:
    """Writes what a night would have left."""

    rows: Rows
    numbers: int = 0

    def course(self, course: str, name: str) -> None:
        """A course with one objective, `<course>-objective`."""
        self.rows.insert("courses", id=course, userId="owner", name=name, updatedAt=NOW)
        lecture = {"fileName": "", "fileUrl": "", "fileSize": 0, "topicTags": [], "uploadedAt": NOW, "title": ""}
        self.rows.insert("lectures", id=f"{course}-lecture", userId="owner", courseId=course, **lecture)
        self.objective(f"{course}-objective", course, f"Basics of {name}")

    def objective(self, objective: str, course: str, text: str) -> None:
        """An objective of a course."""
        self.rows.insert(
            "learning_objectives",
            id=objective,
            lectureId=f"{course}-lecture",
            objective=text,
            isHighYield=True,
            complexity="ADVANCED",
            boardExamTags=[],
            createdAt=NOW,
            masteryLevel="BEGINNER",
            totalStudyTimeMs=0,
            weaknessScore=0.5,
        )

    def warned(
        self,
        learner: str,
        p: float,
        course: str | None = ANATOMY,
        *,
        arm: str = "treated",
        advice: str | None = None,
        ended: str | None = None,
        prediction: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> str:
        """A flagged episode of a learner: its prediction, its place in the ledger, its arm; returns the id.

        `ended`: it closed with this outcome, and the app's row is done with.
        """
        if not self.rows.connection.execute("SELECT 1 FROM users WHERE id = %s", [learner]).fetchone():
            self.rows.learner(learner)
        self.numbers += 1
        one = f"p{self.numbers:04}"
        objective = values.pop("objective", f"{course or ANATOMY}-objective")
        closed = ended is not None
        due = values.pop("due", CUTOFF - timedelta(days=20) if closed else DUE)
        end = values.pop("window_end", CUTOFF - timedelta(days=14) if closed else WINDOW_END)
        flagged = values.pop("flagged_at", CUTOFF - timedelta(days=22 if closed else 1))
        self.rows.prediction(
            one,
            due=due,
            p=p,
            userId=learner,
            topicId=course,
            learningObjectiveId=objective,
            predictionStatus="CONFIRMED" if closed else "PENDING",
            **(prediction or {}),
        )
        pair = {"prediction_id": one, "user_id": learner, "learning_objective_id": objective, "course_id": course}
        said = {"probability": p, "threshold": 0.5, "model_version": MODEL, "live": True, "window_end": end}
        self.rows.insert(
            "ml.episodes",
            **pair,
            **said,
            planned_day=due.date(),
            first_flagged_at=flagged,
            refreshed_at=flagged,
            outcome=ended,
            outcome_at=end if closed else None,
        )
        self.rows.insert(
            "ml.assignments",
            **pair,
            **said,
            planned_day=due.date(),
            arm=arm,
            unit="episode",
            holdout_share=0.5,
            eligible=True,
            flagged_at=flagged,
            intervention_types=[],
        )
        if advice is not None:
            self.rows.intervention(f"i{self.numbers:04}", predictionId=one, userId=learner, interventionType=advice)
        return one


@dataclass
class Browser:
    """Keeps cookies as a browser does, and sends what it sends of its own; a page of ours is open in it."""

    service: Service
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    def open(self, path: str = "/today", **parameters: Any) -> httpx.Response:
        """A page."""
        return self._keep(self.service.ask(path, parameters, headers=self._sent()))

    def submit(self, path: str, *, csrf: str | None = None, **fields: str) -> httpx.Response:
        """A form, with what is hidden in the page that is open unless `csrf` is given."""
        shown = self.csrf() if csrf is None else csrf
        return self._keep(self.service.ask(path, method="POST", headers=self._sent(), data={"csrf": shown, **fields}))

    def act(self, learner: str, action: str, course: str = ANATOMY, **fields: str) -> httpx.Response:
        """What the forms of an entry send."""
        return self.submit("/today/actions", learner=learner, course=course, action=action, **fields)

    def csrf(self) -> str:
        """What the forms hold."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.open().text)
        return found[1] if found else ""

    def sign_in(self) -> httpx.Response:
        """By the form."""
        return self.submit("/today/sign-in", token=self.token)

    def some_days_later(self, days: int) -> None:
        """The session is over by then."""
        self.service.now += timedelta(days=days)
        assert self.sign_in().status_code == 303

    def _sent(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**self.headers, **({"Cookie": cookie} if cookie else {})}

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        self.service._client.cookies.clear()  # kept here, one jar a browser
        return answer


def words(page: httpx.Response) -> str:
    """What a page says."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def called(page: httpx.Response) -> list[str]:
    """Who stands on a page, in its order."""
    return [unescape(one) for one in re.findall(r"<h3[^>]*><a[^>]*>([^<]*)</a></h3>", page.text)]


@pytest.fixture
def school(rows: Rows) -> School:
    """Two courses; a published night with a threshold of 0.5."""
    rows.published()
    rows.learner("owner")
    made = School(rows)
    made.course(ANATOMY, "Anatomy")
    made.course(BIOLOGY, "Biology")
    return made


@pytest.fixture
def adviser(school: School, service: Service) -> Browser:
    """An adviser of anatomy, signed in."""
    token = create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY])
    browser = Browser(service, token)
    assert browser.sign_in().status_code == 303
    return browser
