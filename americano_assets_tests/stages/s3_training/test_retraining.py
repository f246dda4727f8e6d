"""Words, a fallen recall, a drift: real ticks, the run they ask for, and the night that trains by the same word."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.study_days.study_day import day_number
from americano_assets.core.training.fit import BLEND, LOGISTIC
from americano_assets.core.training.retraining_policy import FEEDBACK_ROWS, Signals
from americano_assets.core.training.train import train
from americano_assets.orchestration.sensors.retraining import BECAUSE_TAG, RETRAINING_JOB
from americano_assets.resources.postgres.connection import prepare
from americano_assets.stages.common.resources import resources_of
from americano_assets.stages.s3_training.retraining import due
from americano_assets.stages.s3_training.train_models import train_day
from americano_assets.stages.s3_training.training_rows import store_training_set
from americano_assets_tests.core.training.test_training import labelled
from americano_assets_tests.world import Nights, World, at, read_world, study_day, world_settings

# 2026-03-09 opened at 23:00 of its own date; it is open at noon of the day after.
TRAINED, LAST, OPEN = study_day("2026-03-04"), study_day("2026-03-08"), study_day("2026-03-09")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
WAITING = "challengers were trained for 2026-03-04, the next are due from 2026-03-11 on"
SUMMARY: dict[str, Any] = {"figures": {}, "rows": {}, "chosen": LOGISTIC, "why": "", "importance": {}}


class Day:
    """A deployment whose champion was trained on TRAINED, in the middle of OPEN."""

    def __init__(self, url: str, home: Path, world: World, instance: dg.DagsterInstance) -> None:
        self.world, self.instance = world, instance
        self.nights = Nights(world_settings(url, home, americano_start_day=study_day("2026-01-10")), instance)
        self.deployment = self.nights.deployment
        self.deployment.clock = NOON
        prepare(self.deployment.settings)  # Bound to each other before a model is known to the home alone.
        self.version = ""

    def scored(self, *, trained: str = TRAINED.isoformat(), **known: Any) -> None:
        """The night of LAST, as its training step records it."""
        result = {"model_version": self.version, "summary": SUMMARY, "trained_for": trained}
        self.deployment.store.record_manifest(LAST, "model", {**result, "signals": Signals(**known).to_json()})

    def tick(self) -> tuple[list[dg.RunRequest], str | None]:
        sensor = self.nights.definitions.resolve_sensor_def("retraining_sensor")
        with dg.build_sensor_context(
            instance_ref=self.instance.get_ref(),
            resources=resources_of(self.deployment),
            definitions=self.nights.definitions,
        ) as context:
            found = sensor.evaluate_tick(context)
        added = [key for one in found.dynamic_partitions_requests or [] for key in one.partition_keys]
        assert added == [request.partition_key for request in found.run_requests or []], "the open day is a night too"
        return list(found.run_requests or []), found.skip_message

    def words(self, count: int, when: datetime, planned: str = "2026-03-01") -> None:
        for number in range(count):
            own = f"{when.isoformat()}/{planned}/{number}"
            self.world.execute(
                """INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, planned_day, refreshed_at,
                  probability, threshold, model_version, live, window_end)
                VALUES (%s, %s, 'heart', %s, now(), 0.5, 0.5, 'm', true, now())""",
                own,
                own,
                planned,
            )
            self.world.execute(
                "INSERT INTO ml.prediction_feedback VALUES (%s, %s, %s, true, 'HELPFUL', NULL, %s)", own, own, own, when
            )

    def recall(self, value: float, n: int = 200, scope: str = "all") -> None:
        self.world.execute(
            """INSERT INTO ml.model_performance (study_day, scope, scope_id, model_type, model_version, n, base_rate,
              recall, calibration, computed_at)
            VALUES (%s, %s, CASE WHEN %s = 'all' THEN '' ELSE 'm' END, 'm', 'm', %s, 0.5, %s, '{}', now())""",
            LAST,
            scope,
            scope,
            n,
            value,
        )

    def drift(self, status: str = "alarm") -> None:
        self.world.execute(
            """INSERT INTO ml.drift (study_day, scope, scope_id, measure, value, n_reference, n_current, status,
              computed_at) VALUES (%s, 'course', 'anatomy', 'psi_mean', 0.4, 900, 900, %s, now())""",
            LAST,
            status,
        )


@pytest.fixture(scope="module")
def champion() -> Scorer:
    return train(labelled(learners=60), LOGISTIC).candidates[LOGISTIC].scorer


@pytest.fixture
def day(database: str, tmp_path: Path, champion: Scorer) -> Iterator[Day]:
    # A tick opens the instance anew: it must be on disk.
    with dg.instance_for_test() as instance, psycopg.connect(database, autocommit=True) as connection:
        day = Day(database, tmp_path, World(connection), instance)
        day.version = day.deployment.models.save(LOGISTIC, TRAINED, "d", day.deployment.target, champion).version
        yield day


def few_words(day: Day) -> None:
    day.words(FEEDBACK_ROWS - 1, at("2026-03-10 11:00"))
    day.words(5, at("2026-03-05 22:59"))  # heard by the last training, whose day closed at 23:00
    day.words(5, at("2026-03-10 11:00"), planned="2026-03-11")  # of a day that has not opened


def words_of_this_morning(day: Day) -> None:
    day.words(FEEDBACK_ROWS, at("2026-03-10 11:00"))


def words_whose_day_has_come(day: Day) -> None:
    """Said before the last training, of what was planned for a day that opened after it."""
    day.words(FEEDBACK_ROWS, at("2026-03-05 11:00"), planned="2026-03-07")


def low_recall(day: Day) -> None:
    day.recall(0.61)


def low_recall_of_the_model(day: Day) -> None:
    """The rules' flags found more."""
    day.recall(0.75)
    day.recall(0.61, scope="model_type")


def low_recall_of_the_rules(day: Day) -> None:
    day.recall(0.61)
    day.recall(0.75, scope="model_type")


def drifting(day: Day) -> None:
    day.drift()


CALLS = [
    (words_of_this_morning, "50 learners' words are new, 50 are enough"),
    (words_whose_day_has_come, "50 learners' words are new, 50 are enough"),
    (low_recall, "recall on matured predictions fell to 0.610, below 0.7"),
    (low_recall_of_the_model, "recall on matured predictions fell to 0.610, below 0.7"),
    (drifting, "a drift of 1 course is new"),
]


def trained(day: Day) -> str:
    """Why OPEN's night trained what it did."""
    return str(train_day(day.deployment, OPEN, pd.DataFrame(columns=list(labelled(1))), "none", {}).summary["why"])


@pytest.mark.parametrize(("happen", "why"), CALLS)
def test_the_open_day_is_asked_for_and_its_night_trains_by_the_same_word(
    day: Day, happen: Callable[[Day], None], why: str
) -> None:
    day.scored()
    happen(day)
    (request,), _ = day.tick()
    assert (request.partition_key, request.tags[BECAUSE_TAG]) == (OPEN.isoformat(), why)
    # Every tick of this day gives the same key, so Dagster launches one run.
    assert day.tick()[0][0].run_key == request.run_key
    assert trained(day).startswith(f"trained before it was due, since {why}; ")


@pytest.mark.parametrize(
    "happen",
    [
        few_words,
        low_recall_of_the_rules,
        lambda day: day.recall(0.7),
        lambda day: day.recall(0.5, n=98),
        lambda day: day.drift("warn"),
    ],
)
def test_what_is_no_reason_asks_for_nothing(day: Day, happen: Callable[[Day], None]) -> None:
    day.scored()
    happen(day)
    assert day.tick() == ([], f"{WAITING}, and nothing new calls for them sooner")
    assert trained(day) == WAITING


def test_a_kind_that_is_asked_for_waits_for_its_week_too_and_another_kind_does_not(day: Day) -> None:
    day.scored()
    day.deployment.settings = day.deployment.settings.model_copy(update={"model_type": LOGISTIC})
    assert trained(day) == WAITING
    assert due(day.deployment, OPEN + timedelta(days=1)).waiting == WAITING
    assert due(day.deployment, OPEN + timedelta(days=2)).waiting is None
    words_of_this_morning(day)
    assert due(day.deployment, OPEN).sooner == (CALLS[0][1],)
    day.deployment.settings = day.deployment.settings.model_copy(update={"model_type": BLEND})
    assert due(day.deployment, OPEN).stands.before is None
    assert due(day.deployment, OPEN).waiting is None


@pytest.mark.parametrize(
    ("night", "why"),
    [
        ({}, None),
        ({"recall": 0.6, "drifting": frozenset({"anatomy"})}, f"{WAITING}, and nothing new calls for them sooner"),
        ({"trained": "2026-03-06"}, "challengers were trained for 2026-03-06, the next are due from 2026-03-13 on"),
        ({"trained": "2026-03-02"}, "the coming night trains challengers anyway"),
    ],
)
def test_it_asks_where_it_is_new_not_soon_after_a_training_nor_on_the_day_of_the_next(
    day: Day, night: dict[str, Any], why: str | None
) -> None:
    day.scored(**night)
    low_recall(day)
    drifting(day)
    requests, skipped = day.tick()
    assert (len(requests), bool(skipped)) == ((1, False) if why is None else (0, True))
    assert str(skipped).startswith(str(why))


def test_it_waits_for_the_night_that_has_just_begun(day: Day) -> None:
    words_of_this_morning(day)
    assert day.tick() == ([], "the night of study day 2026-03-08 has no model yet")


def test_the_run_trains_on_what_is_known_by_now_and_is_not_asked_for_again(day: Day) -> None:
    day.scored()
    words_of_this_morning(day)
    (request,), _ = day.tick()
    day.instance.add_dynamic_partitions("nights", [OPEN.isoformat()])
    run = day.nights.definitions.resolve_job_def(RETRAINING_JOB).execute_in_process(
        instance=day.instance,
        partition_key=request.partition_key,
        tags=request.tags,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (told,) = run.asset_materializations_for_node("struggle_model")
    assert told.metadata["trained_now"].value is True
    assert str(told.metadata["why"].value).startswith("trained before it was due, since 50 learners' words are new")
    # Nothing of the app's was written, and the night before scored with what it scored with.
    assert day.world.rows("SELECT count(*) FROM ml.study_days") == [(0,)]
    assert day.deployment.store.manifest(LAST, "model") is not None
    assert day.tick() == ([], "challengers were trained for 2026-03-09 already")
    # The night has the last word, and the next open day does not ask for the same words again.
    day.deployment.clock = datetime(2026, 3, 10, 23, 10, tzinfo=UTC)
    assert trained(day).startswith("trained before it was due, since 50 learners' words are new")
    assert day.tick()[1] == (
        "challengers were trained for 2026-03-09, the next are due from 2026-03-16 on, and nothing new calls for them"
        " sooner"
    )


def test_a_window_that_ends_with_the_open_day_teaches_nothing_before_it_has_closed(day: Day) -> None:
    world = day.world
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("heart", "anatomy")
    world.learner("ada")
    # Training cut-offs lie on a weekly grid.
    first = next(one for one in (OPEN - timedelta(days=n) for n in range(7)) if day_number(one) % 7 == 0)
    closing = datetime(first.year, first.month, first.day, 23, tzinfo=UTC) + timedelta(days=1)
    monday = closing.replace(tzinfo=None) + timedelta(hours=10)
    world.mission("ada", monday, ["heart"])
    world.reviews("ada", "heart", monday - timedelta(days=3), "GG")
    world.reviews("ada", "heart", monday, "AAAA")
    last = first + timedelta(days=7)
    for hours, rows in ((-12, 0), (1, 1)):
        day.deployment.clock = closing + timedelta(days=7, hours=hours)
        read_world(day.deployment, "2026-02-20", last.isoformat())
        assert len(store_training_set(day.deployment, last)[0].rows) == rows
