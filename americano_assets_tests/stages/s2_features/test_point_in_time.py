"""What happens at or after a cut-off changes no byte of the features at it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from americano_assets.core.study_days.study_day import days_between
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

DAY = study_day("2026-03-09")
FIRST, LAST = "2026-03-04", "2026-03-11"
CLOSING = at("2026-03-10 23:00")
NOON = at("2026-03-10 12:00")  # the study day is still open
LEARNERS, OBJECTIVES = ("ann", "bob"), ("heart", "lung", "kidney")
# What an old row was: a later record of it must not count again, nor replace it.
OLD_REVIEW, OLD_SESSION = "old-review", "old-session"

KINDS = (
    "review",
    "event of a review",
    "event of an old review",
    "answer",
    "skip",
    "event of an answer",
    "session",
    "end of an old session",
    "exam",
    "mission done",
)
Change = tuple[str, str, str, int, float]
changes = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(LEARNERS),
        st.sampled_from(OBJECTIVES),
        # Milliseconds after the cut-off: at it, the next moment, and up to two days on.
        st.one_of(st.sampled_from((0, 1, 1000)), st.integers(0, 2 * 86_400_000)),
        st.sampled_from((0.0, 0.5, 1.0)),
    ),
    min_size=1,
    max_size=12,
)


def before(world: World) -> None:
    """Half a week of study before noon of the tenth."""
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective in OBJECTIVES:
        world.objective(objective, "anatomy")
    world.prerequisite("heart", "lung")
    for learner in LEARNERS:
        world.learner(learner)
        world.profile(learner, visual=0.9, reading=0.5, kinesthetic=0.1)
        session = world.session(learner, at("2026-03-09 09:00"), 30, f"{OLD_SESSION}-{learner}")
        for objective in OBJECTIVES:
            world.reviews(learner, objective, at("2026-03-05 10:00"), "GA")
            world.answer(learner, objective, at("2026-03-08 10:00"), None)
            review = f"{OLD_REVIEW}-{learner}-{objective}"
            world.review(learner, objective, at("2026-03-10 11:59:59"), "GOOD", id=review, sessionId=session)
    world.reviews("ann", "heart", at("2026-03-08 23:00"), "A")  # at the cut-off of an earlier day
    world.mission("ann", at("2026-03-12 09:00"), ["heart", "lung"], id="plan")
    world.exam("ann", "anatomy", at("2026-04-01 09:00"))


def forget_the_future(world: World, cutoff: datetime) -> None:
    for table, column in (
        ("reviews", "reviewedAt"),
        ("validation_responses", "respondedAt"),
        ("behavioral_events", "timestamp"),
        ("study_sessions", "completedAt"),
        ("exams", "createdAt"),
    ):
        world.execute(f'DELETE FROM {table} WHERE "{column}" >= %s', cutoff)
    world.execute("""UPDATE missions SET "status" = 'PENDING', "completedAt" = NULL""")


def happen(world: World, change: Change, cutoff: datetime) -> None:
    kind, learner, objective, delay, score = change
    when = cutoff + timedelta(milliseconds=delay)
    rating = "AGAIN" if score < 1 else "GOOD"
    card = {"cardId": f"{objective}-card", "objectiveId": objective, "rating": rating}
    if kind == "review":
        world.review(learner, objective, when, rating, sessionId=f"{OLD_SESSION}-{learner}")
    elif kind == "event of a review":
        world.event(learner, "CARD_REVIEWED", when, card)
    elif kind == "event of an old review":
        world.event(learner, "CARD_REVIEWED", when, {**card, "reviewId": f"{OLD_REVIEW}-{learner}-{objective}"})
    elif kind == "answer":
        world.answer(learner, objective, when, score)
    elif kind == "skip":
        world.answer(learner, objective, when, None)
    elif kind == "event of an answer":
        prompt = {"promptId": f"{objective}-prompt", "objectiveId": objective, "score": score}
        world.event(learner, "VALIDATION_COMPLETED", when, prompt)
    elif kind == "session":
        world.session(learner, when - timedelta(minutes=30), 30)
    elif kind == "end of an old session":
        ended = {"sessionId": f"{OLD_SESSION}-{learner}"}
        world.event(learner, "SESSION_ENDED", when, ended, sessionPerformanceScore=int(100 * score))
    elif kind == "exam":
        world.exam(learner, "anatomy", at("2026-03-20 09:00"), created=when)
    else:
        world.execute("""UPDATE missions SET "status" = 'COMPLETED', "completedAt" = %s""", when)


@pytest.fixture(scope="module")
def school(world: World) -> World:
    before(world)
    return world


@pytest.fixture
def compute(module_database: str, tmp_path: Path) -> Callable[[datetime], tuple[str, int]]:
    """Content and rows of the features at a cut-off, computed afresh from what the database holds now."""

    def features_at(now: datetime) -> tuple[str, int]:
        shutil.rmtree(tmp_path)
        deployment = ClockedDeployment(world_settings(module_database, tmp_path), now.replace(tzinfo=UTC))
        read_world(deployment, FIRST, LAST)
        version = latest_tables(deployment, DAY).features([DAY])[DAY]
        return version.content, version.rows

    return features_at


@pytest.mark.parametrize(
    ("cutoff", "now"),
    [
        pytest.param(CLOSING, at("2026-03-13 09:00"), id="a closed day, its plans read days after it"),
        pytest.param(NOON, NOON, id="the open day at noon, its plans read in time"),
    ],
)
def test_the_future_changes_no_byte(
    school: World, compute: Callable[[datetime], tuple[str, int]], cutoff: datetime, now: datetime
) -> None:
    forget_the_future(school, cutoff)
    known = compute(now)
    assert known[1] == 6  # ann's two planned and one without a plan, bob's three without

    # Without shrinking: every example reads the school anew.
    @settings(max_examples=4, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @example([(kind, "bob", "heart", 0, 0.0) for kind in KINDS])
    @given(changes)
    def check(drawn: list[Change]) -> None:
        forget_the_future(school, cutoff)
        for change in drawn:
            happen(school, change, cutoff)
        assert compute(now) == known

    check()


def test_the_past_does_change_it(school: World, compute: Callable[[datetime], tuple[str, int]]) -> None:
    forget_the_future(school, CLOSING)
    known = compute(CLOSING)
    school.review("bob", "heart", CLOSING - timedelta(milliseconds=1), "AGAIN")
    assert compute(CLOSING) != known


def test_it_does_not_matter_which_days_are_computed_together(
    school: World, module_database: str, tmp_path: Path
) -> None:
    forget_the_future(school, CLOSING)
    days = [study_day("2026-03-07"), study_day("2026-03-08"), DAY]
    now = datetime(2026, 3, 13, 9, tzinfo=UTC)
    together = ClockedDeployment(world_settings(module_database, tmp_path / "together"), now)
    read_world(together, FIRST, LAST)
    apart = ClockedDeployment(world_settings(module_database, tmp_path / "apart"), now)
    read_world(apart, FIRST, "2026-03-08")
    for day in ("2026-03-09", "2026-03-10", "2026-03-11"):
        read_world(apart, day, day, plans=False)
    listed = days_between(study_day(FIRST), study_day(LAST))
    for table in DAY_TABLES:
        assert apart.store.current_days(table, listed) == together.store.current_days(table, listed)
    expected = latest_tables(together, DAY).features(days)
    assert {day: latest_tables(apart, DAY).features([day])[day] for day in days} == expected
    assert len({version.content for version in expected.values()}) == 3
