"""A value that a type of ours cannot hold, or JSON that is not what it should be, is a matter of its row alone."""

import json
from collections.abc import Callable

import pytest

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots import quarantine
from americano_assets.stages.s1_snapshots.learner_reader import LiveRows
from americano_assets.stages.s1_snapshots.quarantine import BadRowsError, Quality, readings, rows_of
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log, snapshot_state
from americano_assets_tests.world import ClockedDeployment, World, at, study_day

DAY = study_day("2026-03-09")
WHEN = "2026-03-10 09:00"
DEEP = "[" * 5000 + "]" * 5000
OUT_OF_DOUBLE = ("1e400", "-1e400", "1e309", "1e-400", "9" * 400)
Wrong = Callable[[World], None]


def scored(value: str, odd: str = "odd") -> Wrong:
    def write(school: World) -> None:
        school.event("ann", "VALIDATION_COMPLETED", at(WHEN), {}, id=odd)
        school.execute('UPDATE behavioral_events SET "eventData" = %s::jsonb WHERE id = %s', value, odd)

    return write


def planned(value: str, odd: str = "odd") -> Wrong:
    def write(school: World) -> None:
        school.mission("ann", at("2026-03-12 09:00"), ["heart"], id=odd)
        school.execute("UPDATE missions SET objectives = %s::jsonb WHERE id = %s", value, odd)

    return write


def styled(column: str, value: str) -> Wrong:
    def write(school: World) -> None:
        school.profile("ann", visual=0.5)
        school.execute(f'UPDATE user_learning_profiles SET "{column}" = %s::jsonb WHERE "userId" = \'ann\'', value)

    return write


def changed(statement: str) -> Wrong:
    def write(school: World) -> None:
        school.mission("ann", at("2026-03-12 09:00"), ["heart"], id="odd")
        school.exam("ann", "anatomy", at("2026-03-20 09:00"))
        school.session("ann", at("2026-03-10 08:00"), 30, "odd")
        school.answer("ann", "heart", at(WHEN), 0.5, id="odd")
        school.prerequisite("heart", "lung")
        school.execute(statement)

    return write


# What is written, and the table and column that are told.
WRONG: dict[str, tuple[Wrong, str]] = {
    **{f"a score of {v[:9]}": (scored(f'{{"score": {v}}}'), "behavioral_events.score") for v in OUT_OF_DOUBLE},
    "a score in words": (scored('{"score": "well done"}'), "behavioral_events.score"),
    "no number as a text": (scored('{"score": "NaN"}'), "behavioral_events.score"),
    "a score in a list": (scored('{"score": [0.5]}'), "behavioral_events.score"),
    "event data in words": (scored('"well done"'), "behavioral_events.event_data_json"),
    "event data in a list": (scored('[{"score": 0.5}]'), "behavioral_events.event_data_json"),
    "event data of a NUL": (scored(json.dumps('{"score": 0.5, "x": "\\u0000"}')), "behavioral_events.event_data_json"),
    "event data of half a letter": (scored(json.dumps('{"x": "\\ud800"}')), "behavioral_events.event_data_json"),
    "a share of 1e309": (styled("learningStyleProfile", '{"visual": 1e309}'), "profiles.visual"),
    "a style in words": (styled("learningStyleProfile", '"visual"'), "profiles.learning_style_profile_json"),
    "times in words": (styled("preferredStudyTimes", '"mornings"'), "profiles.preferred_study_times_json"),
    "objectives in words": (planned('"heart"'), "planned_objectives.objectives_json"),
    "objectives cut off": (planned(json.dumps('[{"id": "heart"}')), "planned_objectives.objectives_json"),
    "objectives nested too deep": (planned(json.dumps(DEEP * 20)), "planned_objectives.objectives_json"),
    "an objective in words": (planned('["heart"]'), "planned_objectives.objectives_json"),
    "one objective, no list": (planned('{"id": "heart"}'), "planned_objectives.objectives_json"),
    "a mission for ever": (changed("UPDATE missions SET date = 'infinity'"), "planned_objectives.planned_at"),
    "a mission BC": (changed("UPDATE missions SET date = '0044-03-15 BC'"), "planned_objectives.planned_at"),
    "a mission never done": (
        changed("UPDATE missions SET \"completedAt\" = 'infinity'"),
        "planned_objectives.completed_at",
    ),
    "an exam after Python's calendar": (changed("UPDATE exams SET date = '29000-01-01'"), "exams.exam_at"),
    "a session from before": (
        changed("UPDATE study_sessions SET \"startedAt\" = '-infinity'"),
        "study_sessions.started_at",
    ),
    "an endless prerequisite": (
        changed("UPDATE objective_prerequisites SET strength = 'Infinity'"),
        "prerequisites.strength",
    ),
    "no number in an answer": (changed("UPDATE validation_responses SET score = 'NaN'"), "validation_responses.score"),
}


def read(deployment: ClockedDeployment, table: str) -> Quality:
    """What a night finds in a table."""
    return snapshot_log(deployment, table, [DAY])[1] if table in LOG_TABLES else snapshot_state(deployment)[1][table]


@pytest.fixture
def studied(school: World) -> World:
    school.learner("ann")
    school.event("owner", "VALIDATION_COMPLETED", at(WHEN), {"score": 0.5})
    school.profile("owner", visual=0.5)
    return school


@pytest.mark.parametrize(("wrong", "column"), WRONG.values(), ids=WRONG.keys())
def test_a_bad_value_costs_its_row_and_is_told(
    studied: World, deployment: ClockedDeployment, wrong: Wrong, column: str
) -> None:
    wrong(studied)
    table = column.partition(".")[0]
    assert [message.partition(":")[0] for message in read(deployment, table).messages] == [column]
    (reading,) = readings(deployment.store)
    assert len(rows_of(deployment.store, reading)) == 1
    deployment.settings = deployment.settings.model_copy(update={"americano_on_invalid": "fail"})
    with pytest.raises(BadRowsError, match=rf"^{column}: 1 row breaks «.*Correct the rows"):
        read(deployment, table)
    if table != "prerequisites":  # A learner who asks for predictions now goes without that row too.
        with LiveRows(deployment.url, deployment.zone).reading() as live:
            rows = live.logs("ann", DAY, DAY)[table] if table in LOG_TABLES else live.of_learner(table, "ann")
            assert not rows.num_rows


@pytest.mark.parametrize(
    ("written", "score"),
    [('{"score": "0.25"}', 0.25), ('{"score": null}', None), (json.dumps('{"score": 0.1}'), 0.1), ("null", None)],
)
def test_what_can_be_read_is(studied: World, deployment: ClockedDeployment, written: str, score: float | None) -> None:
    scored(written)(studied)
    assert not read(deployment, "behavioral_events").bad
    rows = deployment.store.read_day("behavioral_events", DAY)
    assert rows is not None
    assert dict(zip(*(rows[name].to_pylist() for name in ("event_id", "score")), strict=True))["odd"] == score


def test_values_that_no_event_of_their_kind_is_read_for_break_nothing(
    studied: World, deployment: ClockedDeployment
) -> None:
    studied.event("ann", "RECOMMENDATION_RATED", at(WHEN), {"rating": 4, "score": 5, "durationMs": -1})
    assert not read(deployment, "behavioral_events").bad


def test_stringified_json_is_read_as_if_it_were_not(studied: World, deployment: ClockedDeployment) -> None:
    studied.mission("ann", at("2026-03-12 09:00"), ["heart", "lung"], done=["lung"])
    studied.old_mission("ann", at("2026-03-13 09:00"), ["heart"])
    studied.profile("ann", visual=0.7, reading=0.2, kinesthetic=0.1)
    studied.event("ann", "CARD_REVIEWED", at(WHEN), {"cardId": "heart-card", "rating": "AGAIN"})
    assert not read(deployment, "behavioral_events").bad
    log = deployment.store.current("behavioral_events", DAY)
    state, qualities, _ = snapshot_state(deployment)
    assert not any(one.bad for one in qualities.values())
    for table, column in (
        ("missions", "objectives"),
        ("user_learning_profiles", "learningStyleProfile"),
        ("user_learning_profiles", "preferredStudyTimes"),
        ("behavioral_events", "eventData"),
    ):
        studied.execute(f'UPDATE {table} SET "{column}" = to_jsonb("{column}"::text)')
    deployment.clock = cutoff(DAY, deployment.zone)
    again, qualities, _ = snapshot_state(deployment)
    assert not any(one.bad for one in qualities.values())
    assert not read(deployment, "behavioral_events").bad
    assert again.tables == state.tables
    assert deployment.store.current("behavioral_events", DAY) == log


def test_no_json_ends_a_reading(studied: World, deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[object] = [
        DEEP,
        [],
        {},
        None,
        True,
        0,
        "",
        "[",
        "{}",
        "[]",
        [[]],
        [None],
        [{"id": 1}],
        {"score": {}},
        [DEEP],
        "\\",
    ]
    monkeypatch.setattr(quarantine, "NEVER_TOO_MANY", 3 * len(values))
    scored("{}", "none")(studied)
    # As where a deployment has no NOT NULL.
    studied.execute('ALTER TABLE behavioral_events ALTER "eventData" DROP NOT NULL')
    studied.execute("UPDATE behavioral_events SET \"eventData\" = NULL WHERE id = 'none'")
    for number, value in enumerate(values):
        planned(json.dumps(value), f"m{number}")(studied)
        scored(json.dumps(value), f"e{number}")(studied)
        scored(json.dumps({"score": value}), f"s{number}")(studied)
    assert read(deployment, "behavioral_events").rows == 2 * len(values) + 2
    assert read(deployment, "planned_objectives").rows > 0
