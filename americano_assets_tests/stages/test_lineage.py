"""An arrow in Dagster is a reading, and a resource is used: what each step of a real night opened and by what means.

Both are compared with what its assets declare.
"""

import shutil

import dagster as dg
import pytest

from americano_assets.stages.common.resources import resources_of
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.opened import KEPT_RESULTS, MODELS, SET_ASIDE, Opened, noted
from americano_assets_tests.world import World, at

DAY, BEFORE = "2026-03-16", "2026-03-15"
PUBLISHED = "app/struggle_predictions"
# The log of a study day is read by `night_log`, which tells of it as these assets' day: both stand for its rows.
LOG, GRADED = {"log_snapshots", "night_log"}, {"interactions", "night_log"}
PLANS = {"state_snapshots"}
# Whose rows a table holds. A table of the app's own is `app/…`.
ASSETS: dict[str, set[str]] = {
    **dict.fromkeys(LOG_TABLES, LOG),
    **dict.fromkeys(("interactions", "session_ends"), GRADED),
    **dict.fromkeys(STATE_TABLES, PLANS),
    "elo_at": {"elo_state"},
    "cohort/cohort_lapses": {"features"},
    "cohort/cohort_record": {"features"},
    MODELS: {"struggle_model"},
    SET_ASIDE: {"night_log", "state_snapshots"},
    "ml.model_versions": {"struggle_model"},
    "ml.study_days": {PUBLISHED},
    "ml.assignments": {PUBLISHED},
    "ml.published": {PUBLISHED},
    "ml.first_flag_outcomes": {"ml/episodes"},
}
OF_NO_ASSET = {
    "day_totals": "sums of the days' interactions, made again by whoever finds none",
    "day_validations": "as day_totals",
    "episode_pairs": "pairs of the ledger, written by the step that reads them",
    "ml.deployment": "the first study day of the deployment",
    "ml.demo_load": "whether a demo was loaded",
    "ml.simulated_help": "what the simulator did",
    "ml.planted_effects": "what the simulator planted",
    "ml.experiment": "the settings of the experiment since its beginning",
    "ml.prediction_feedback": "what learners said, written by the API",
    "ml.model_events": "what a person decided about models, and each training's verdict",
    "ml.struggle_predictions_archive": "rows that `americano archive` took out of the app's table",
}
OPTED_OUT = "who opted out by now is left out of whatever is read: each step asks anew"
EARLIER = "as earlier nights left it: its own night's comes after this step"
# (who, what it reads without declaring it): why. `*` is every asset after the snapshots.
UNDECLARED = {
    ("*", "app/users"): OPTED_OUT,
    ("night_log", "log_snapshots"): "it writes these days anew, and tells of them: an arrow would have it cause itself",
    ("night_log", "interactions"): "as log_snapshots",
    ("log_snapshots", "night_log"): "a run over days of the log waits for no night",
    ("interactions", "night_log"): "as log_snapshots",
    ("state_snapshots", PUBLISHED): EARLIER,
    ("state_snapshots", "ml/episodes"): EARLIER,
    ("training_set", PUBLISHED): EARLIER,
    ("struggle_model", "ml/episodes"): EARLIER,
    ("training_set", "ml/episodes"): EARLIER,
    ("struggle_model", "ml/drift"): EARLIER,
    ("struggle_model", "ml/model_performance"): EARLIER,
    ("publish", "ml/episodes"): "the ledger that it carries on; outcomes are written into it afterwards",
    ("analytics_database", "app/behavioral_events"): "only where a setting wants DuckDB compared with PostgreSQL",
}
# What a step declares for nights of another kind than this one: why.
NOT_THIS_NIGHT = {
    ("scored_predictions", "database"): "of a day that is still open, a person's choice of a model counts at once",
    ("interventions", "database"): "what the experiment showed, where it draws a holdout",
    ("struggle_model", "tracking"): "a night between two trainings logs none",
    ("nightly_report", "tracking"): "MLflow keeps the page where it knows the model's training; here it is not reached",
}
SNAPSHOTS = {"log_snapshots", "night_log", "state_snapshots"}


@pytest.fixture
def night(relived: Lived, monkeypatch: pytest.MonkeyPatch) -> tuple[Lived, Opened]:
    """A night that finds no kept result, with a learner to be advised and a struggle that nobody had flagged."""
    world = World(relived.world.connection, first=1_000_000)
    for number in range(40):
        world.mission(f"learner-{number:02}", at("2026-03-19 09:00"), ["heart", "lung"])
        for minute in range(3):
            world.answer(f"learner-{number:02}", "heart", at(f"2026-03-16 20:0{minute}"), 0.0)
    world.execute("UPDATE learning_objectives SET complexity = 'ADVANCED'")
    world.execute("DELETE FROM ml.list_outcomes")  # which are measured of a night once
    world.answer("learner-00", "heart", at("2026-03-16 21:00"), 7.0)
    assert relived.deployment.url
    for table in (*KEPT_RESULTS, "elo_at"):
        shutil.rmtree(relived.deployment.store.root / table / "by_inputs")
    with noted(monkeypatch) as opened:
        assert relived.nights.history(DAY, DAY).success
        assert relived.nights.night(DAY).success
    return relived, opened


def _assets_of(table: str) -> set[str]:
    if table in OF_NO_ASSET:
        return set()
    if table.startswith(f"{SET_ASIDE}/"):
        return PLANS if table.removeprefix(f"{SET_ASIDE}/") in STATE_TABLES else {"night_log"}
    schema, _, name = table.partition(".")
    return ASSETS.get(table, {f"{schema}/{name}" if name else table})


def _exception(step: str, asset: str) -> tuple[str, str] | None:
    """What lets a step read what its assets do not declare."""
    if (step, asset) in UNDECLARED:
        return step, asset
    return ("*", asset) if ("*", asset) in UNDECLARED and step not in SNAPSHOTS else None


def test_an_asset_declares_what_its_step_opened_and_nothing_else(night: tuple[Lived, Opened]) -> None:
    lived, opened = night
    graph = lived.nights.definitions.resolve_asset_graph()
    made_by: dict[str, set[dg.AssetKey]] = {}
    checks: dict[str, set[dg.AssetKey]] = {}
    for one in graph.assets_defs:
        if isinstance(one, dg.AssetChecksDefinition):
            checks[one.op.name] = {check.asset_key for check in one.check_keys}
        elif one.is_executable:
            made_by[one.op.name] = set(one.keys)
    resources = {one.op.name: one.required_resource_keys for one in graph.assets_defs if one.is_executable}
    undeclared, unread, used = [], [], set()
    for step, own in {**made_by, **checks}.items():
        assert step in opened.read, step
        if step in checks:
            # A check may look at whatever the step wrote whose asset it checks, or read.
            own = next(keys for keys in made_by.values() if own <= keys)
        mine = {key.to_user_string() for key in own}
        found = {asset for table in opened.read[step] for asset in _assets_of(table)}
        found |= {key.to_user_string() for maker in opened.results_of[step] for key in made_by[maker]}
        declared = {parent.to_user_string() for key in own for parent in graph.get(key).parent_keys}
        for asset in found - declared - mine:
            exception = _exception(step, asset)
            used.add(exception)
            undeclared += [f"{step} reads {asset}"] if exception is None else []
        unread += [f"{step} declares {asset}" for asset in declared - found if step not in checks]
    assert sorted(undeclared) == []
    assert sorted(unread) == []
    assert set(UNDECLARED) - used == set(), "exceptions that nothing needs"
    parts = {name: resource.PART for name, resource in resources_of(lived.deployment).items()}
    declared_parts = {(step, parts[key]) for step, keys in resources.items() for key in keys if key in parts}
    used_parts = {(step, part) for step in resources for part in opened.used[step]}
    assert used_parts - declared_parts == set()
    assert declared_parts - used_parts == set(NOT_THIS_NIGHT)
    # What is checked is what is published: the day's model is found once.
    assert {step: opened.loads[step] for step in ("publish", "nightly_report")} == {"publish": 1, "nightly_report": 0}
    assert set(OF_NO_ASSET) - set().union(*opened.read.values()) == set(), "tables that no step reads"
