"""Nights in Berlin about the two days on which clocks change: 23 hours, and 25. Every instant is worked out by hand.

On 2026-03-29 at 01:00 UTC it is 02:00 and becomes 03:00; on 2026-10-25 at 01:00 UTC it is 03:00 and becomes 02:00.
Study day 2026-03-28 is [03-28 22:00, 03-29 21:00) UTC, 2026-10-24 is [10-24 21:00, 10-25 22:00) UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.core.study_days.study_day import EPOCH, days_between
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets_tests.conftest import temporary
from americano_assets_tests.world import Nights, World, at, read_world, study_day, world_settings

HOUR = 3_600_000


@dataclass(frozen=True)
class Season:
    """A change of the clocks, and what it makes of what people do.

    Attributes:
        nights: Those that are run, with their cut-offs: of a week before the last, of the change, after it, and last.
        stamps: When something happens, the study day that holds it, and how far into that day it is, in ms.
        month: Ratings about the opening of the day that is 30 study days before the change's cut-off; every other
            AGAIN counts.
        sessions: Ends of sessions about the opening of the study day of the change, with their performance.
        planned: The last moment that is planned for within seven study days of the first cut-off.
        hour: A plan within half an hour of an end of the study day, that study day, and when p was last computed.
        unstudied: Days between the last of `month` and the change's cut-off.
    """

    nights: dict[str, str]
    stamps: dict[str, tuple[str, int]]
    month: dict[str, str]
    sessions: dict[str, float]
    planned: str
    hour: tuple[str, str, str]
    unstudied: float

    @property
    def first(self) -> str:
        return min(self.nights)

    @property
    def change(self) -> str:
        return sorted(self.nights)[1]

    @property
    def last(self) -> str:
        return max(self.nights)

    def cutoff(self, night: str) -> datetime:
        return at(self.nights[night])


SPRING = Season(
    nights={
        "2026-03-26": "2026-03-27 22:00",
        "2026-03-28": "2026-03-29 21:00",
        "2026-03-29": "2026-03-30 21:00",
        "2026-04-02": "2026-04-03 21:00",
    },
    stamps={
        "2026-03-28 21:59:59.999": ("2026-03-27", 24 * HOUR - 1),
        "2026-03-28 22:00": ("2026-03-28", 0),
        "2026-03-29 00:59:59.999": ("2026-03-28", 3 * HOUR - 1),  # the last moment before 02:00
        "2026-03-29 01:00": ("2026-03-28", 3 * HOUR),  # it is 03:00
        "2026-03-29 01:30": ("2026-03-28", 3 * HOUR + HOUR // 2),
        "2026-03-29 20:59:59.999": ("2026-03-28", 23 * HOUR - 1),
        "2026-03-29 21:00": ("2026-03-29", 0),
        "2026-03-29 21:30": ("2026-03-29", HOUR // 2),  # within 24 hours of the last opening
        "2026-03-30 20:59:59.999": ("2026-03-29", 24 * HOUR - 1),
        "2026-03-30 21:00": ("2026-03-30", 0),
    },
    month={"2026-02-27 21:59:59.999": "AGAIN", "2026-02-27 22:00": "GOOD", "2026-03-20 09:00": "AGAIN"},
    sessions={"2026-03-28 21:59:59.999": 0, "2026-03-28 22:00": 20, "2026-03-29 12:00": 60},
    planned="2026-04-03 20:59:59.999",
    hour=("2026-03-29 21:30", "2026-03-29", "2026-03-29 21:00"),
    unstudied=9.5,
)
AUTUMN = Season(
    nights={
        "2026-10-22": "2026-10-23 21:00",
        "2026-10-24": "2026-10-25 22:00",
        "2026-10-25": "2026-10-26 22:00",
        "2026-10-29": "2026-10-30 22:00",
    },
    stamps={
        "2026-10-24 20:59:59.999": ("2026-10-23", 24 * HOUR - 1),
        "2026-10-24 21:00": ("2026-10-24", 0),
        "2026-10-25 00:30": ("2026-10-24", 3 * HOUR + HOUR // 2),  # half past two
        "2026-10-25 01:30": ("2026-10-24", 4 * HOUR + HOUR // 2),  # half past two, again
        "2026-10-25 20:59:59.999": ("2026-10-24", 24 * HOUR - 1),
        "2026-10-25 21:00": ("2026-10-24", 24 * HOUR),  # a day of 24 hours would be over
        "2026-10-25 21:59:59.999": ("2026-10-24", 25 * HOUR - 1),
        "2026-10-25 22:00": ("2026-10-25", 0),
        "2026-10-26 21:59:59.999": ("2026-10-25", 24 * HOUR - 1),
        "2026-10-26 22:00": ("2026-10-26", 0),
    },
    month={"2026-09-25 20:59:59.999": "AGAIN", "2026-09-25 21:00": "GOOD", "2026-10-10 10:00": "AGAIN"},
    sessions={"2026-10-24 20:59:59.999": 0, "2026-10-24 21:00": 20, "2026-10-25 12:00": 60},
    planned="2026-10-30 21:59:59.999",
    hour=("2026-10-25 21:30", "2026-10-24", "2026-10-23 21:00"),
    unstudied=15.5,
)
SEASONS = {"spring": SPRING, "autumn": AUTUMN}


@dataclass
class Told:
    """A season after its nights."""

    season: Season
    nights: Nights
    world: World

    def stored(self, table: str, learner: str) -> list[dict[str, Any]]:
        """A learner's rows of all study days that were read, each with the day in whose file it is, in order."""
        store = self.nights.deployment.store
        days = days_between(study_day(self.season.first) - timedelta(days=40), study_day(self.season.last))
        rows = [
            {**row, "file": day}
            for day in days
            if (found := store.read_day(table, day)) is not None
            for row in found.to_pylist()
            if row["learner_id"] == learner
        ]
        return sorted(rows, key=lambda row: row["occurred_at"])

    def row(self, table: str, night: str, learner: str) -> dict[str, Any]:
        """A learner's one row of what a night stored."""
        found = self.nights.deployment.store.read_day(table, study_day(night))
        assert found is not None
        (row,) = [row for row in found.to_pylist() if row["learner_id"] == learner]
        return dict(row)

    def learners(self, table: str, night: str) -> set[str]:
        found = self.nights.deployment.store.read_day(table, study_day(night))
        assert found is not None
        return set(found["learner_id"].to_pylist())


@pytest.fixture(scope="module", params=["spring", pytest.param("autumn", marks=pytest.mark.long)])
def told(
    request: pytest.FixtureRequest,
    server: EmbeddedServer,
    prepared_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    season = SEASONS[request.param]
    for url in temporary(server, prepared_template):
        settings = world_settings(
            url,
            tmp_path_factory.mktemp("home"),
            model_type="rule_based",
            mlflow_tracking_uri=SecretStr("nowhere://at-all"),
            americano_timezone="Europe/Berlin",
        )
        with psycopg.connect(url, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(settings, instance)
            world = World(connection)
            fill(world, season)
            month = study_day(season.first) - timedelta(days=35)
            read_world(nights.deployment, month.isoformat(), season.first, plans=False)
            for night in season.nights:
                assert nights.night(night).success
            yield Told(season, nights, world)


def fill(world: World, season: Season) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("heart", "anatomy")
    soon = season.cutoff(season.change) + timedelta(days=1)
    for learner in ("clock", "twice", "month", "rested", "hour", "window", "planned", "planned-later"):
        world.learner(learner)
    for learner in ("month", "rested"):
        world.mission(learner, soon, ["heart"])
    for moment in map(at, season.stamps):
        world.review("clock", "heart", moment)
        world.answer("clock", "heart", moment, 0.5)
        world.session("clock", moment - timedelta(minutes=20), 20)
        world.event("clock", "SEARCH_PERFORMED", moment, {})
    told_before = season.cutoff(season.change) - timedelta(milliseconds=1)
    review = world.review("twice", "heart", told_before)
    again = {"reviewId": review, "cardId": "heart-card", "objectiveId": "heart", "rating": "GOOD"}
    world.event("twice", "CARD_REVIEWED", told_before + timedelta(seconds=2), again)
    for stamp, rating in season.month.items():
        world.review("month", "heart", at(stamp), rating)
    for stamp, performance in season.sessions.items():
        session = {"sessionId": f"session-{stamp}"}
        world.event("rested", "SESSION_ENDED", at(stamp), session, sessionPerformanceScore=performance)
    for learner in ("hour", "window"):
        world.reviews(learner, "heart", season.cutoff(season.first) - timedelta(days=2), "AAAG")
    world.mission("hour", at(season.hour[0]), ["heart"])
    world.mission("window", season.cutoff(season.first) + timedelta(hours=12), ["heart"])
    world.answer("window", "heart", season.cutoff(season.last) - timedelta(milliseconds=1), 0.2)
    world.mission("planned", at(season.planned), ["heart"])
    world.mission("planned-later", at(season.planned) + timedelta(milliseconds=1), ["heart"])


def expected(season: Season) -> list[tuple[datetime, date, int]]:
    return [(at(stamp), study_day(day), into) for stamp, (day, into) in season.stamps.items()]


@pytest.mark.parametrize("table", LOG_TABLES)
def test_whatever_happens_is_in_one_study_day_once(told: Told, table: str) -> None:
    found = [(row["occurred_at"], row["file"]) for row in told.stored(table, "clock")]
    assert found == [(stamp, day) for stamp, day, _ in expected(told.season)]


def test_an_interaction_counts_once_and_knows_how_far_into_its_day_it_was(told: Told) -> None:
    for kind in ("review", "validation"):
        rows = [row for row in told.stored("interactions", "clock") if row["kind"] == kind]
        assert [placed(row) for row in rows] == [(*one, one[1]) for one in expected(told.season)], kind
    ends = told.stored("session_ends", "clock")
    assert [placed(row) for row in ends] == [(*one, one[1]) for one in expected(told.season)]


def placed(row: Mapping[str, Any]) -> tuple[datetime, date, int, date]:
    return row["occurred_at"], row["file"], row["into_day"], EPOCH + timedelta(days=row["study_day"])


def test_each_night_read_its_whole_day_and_nothing_of_the_next(told: Told) -> None:
    deployment = told.nights.deployment
    for night in map(study_day, told.season.nights):
        inputs = day_tables(deployment, night).inputs
        # Later nights have read it again, and would have found what was missing or too much.
        assert {table: inputs.days[table][night] for table in DAY_TABLES} == {
            table: deployment.store.current(table, night) for table in DAY_TABLES
        }


def test_an_interaction_told_again_after_the_day_has_ended_counts_for_the_day_in_which_it_was(told: Told) -> None:
    (row,) = told.stored("interactions", "twice")
    assert (row["file"], row["source"]) == (study_day(told.season.change), "reviews")
    (event,) = told.stored("behavioral_events", "twice")
    assert event["file"] == study_day(told.season.change) + timedelta(days=1)


def test_features_of_the_night_look_back_whole_study_days(told: Told) -> None:
    month = told.row("features", told.season.change, "month")
    assert month["review_lapse_rate"] == 1 / 2
    assert month["days_since_last_study"] == pytest.approx(told.season.unstudied / 30, abs=1e-9)
    # What ended in the day before it counts no more: (20 + 60) / 2.
    rested = told.row("features", told.season.change, "rested")
    assert rested["cognitive_load_indicator"] == pytest.approx(1 - 0.4)


def test_candidates_are_those_planned_within_seven_study_days(told: Told) -> None:
    assert {"planned", "planned-later"} & told.learners("features", told.season.first) == {"planned"}
    assert {"planned", "planned-later"} <= told.learners("features", told.season.change)


def test_what_is_planned_about_the_end_of_the_day_is_published_once_for_its_study_day(told: Told) -> None:
    moment, day, computed = told.season.hour
    assert told.world.rows(
        """SELECT "predictionDate", "predictedAt" FROM struggle_predictions WHERE "userId" = 'hour'"""
    ) == [(at(moment), at(computed))]
    assert told.world.rows("SELECT planned_day FROM ml.episodes WHERE user_id = 'hour'") == [(study_day(day),)]


def test_an_outcome_is_of_seven_study_days(told: Told) -> None:
    season = told.season
    begin, end = season.cutoff(season.first), season.cutoff(season.last)
    assert told.world.rows(
        """SELECT "predictionStatus"::text, "actualOutcome", "actualOutcomeRecordedAt", "predictedAt"
        FROM struggle_predictions WHERE "userId" = 'window'"""
    ) == [("CONFIRMED", True, end, begin)]
    assert told.world.rows("SELECT window_end FROM ml.episodes WHERE user_id = 'window'") == [(end,)]
    # The first night's day is one of the weekly ones that teach.
    row = told.row("training_set", season.last, "window")
    assert (row["cutoff_day"].date(), row["struggled"]) == (study_day(season.first), True)


def test_each_night_is_published_at_its_own_cutoff_and_live(told: Told) -> None:
    nights = told.world.rows("SELECT study_day, cutoff_at, kind, live FROM ml.study_days ORDER BY 1")
    assert nights == [(study_day(day), at(moment), "nightly", True) for day, moment in told.season.nights.items()]
