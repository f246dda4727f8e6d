"""Whatever is edited in the app between two nights: nights go on, every query keeps the grain that its header claims,
reruns of a closed night give the same bytes, and a single learner's fresh rows are the night's.
"""

import shutil
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.schemas import FEATURES_TABLE
from americano_assets.stages.s2_features import point_in_time
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from americano_assets.stages.s8_reduction.coverage import coverage
from americano_assets_tests.end_to_end.edited_school import EDITS, FIRST, MOVES, NIGHTS, EditedSchool, Edits
from americano_assets_tests.grains import claimed, names, watching
from americano_assets_tests.world import ClockedDeployment, Nights, World, read_world, world_settings

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # no shrinking: each example takes seconds
NOWHERE = SecretStr("nowhere://at-all")
# Queries of other occasions: those of the service go by the keys of the app's own rows.
NOT_OF_A_NIGHT = ("api/", "evaluation/", "maintenance/archive_")
ELSEWHERE = {
    *(
        "s5_interventions/easier_objectives",
        "s8_reduction/experiment_days",
        "s7_outcomes/finished_missions",
        "maintenance/foreign_references",
        "maintenance/rebucketed",
        "s9_report/told_effect",
    ),
    *("s9_report/events_by_type", "s9_report/events_by_type_postgres", "s9_report/exported_events"),
    *(
        "display/log_so_far",
        *("s1_snapshots/log_begins", "s1_snapshots/unread_log", "s1_snapshots/unread_plans"),
        "display/target_before",
        "s9_report/at_risk",
        "display/learners_who_differ",
        "display/statuses_by_day",
        "s6_publication/may_be_analysed",
    ),
    # Where pairs are given, and within another query: other tests here look at them.
    *("s2_features/given_learners", "s2_features/given_spine", "s2_features/log_until"),
    # Only where there are more rows than may teach: test_drawn_learners.py.
    "s2_features/learner_outcomes",
    # Its rows leave a cursor on the server once: test_alerts.py.
    "s6_publication/alert_candidates",
}
MEMOS = ("features_at", "labels_at", "elo_at", "day_*", "topic_windows")


def drawn(edits: Iterable[str]) -> st.SearchStrategy[list[Edits]]:
    """What is edited before each night but the first, each edit with what decides the rows that it hits."""
    one = st.tuples(st.sampled_from(sorted(edits)), st.integers(0, 99))
    before_a_night = st.lists(one, min_size=1, max_size=5)
    return st.lists(before_a_night, min_size=len(NIGHTS) - 1, max_size=len(NIGHTS) - 1)


class Lived:
    """Nights below Dagster on a school that is edited between them."""

    def __init__(self, school: EditedSchool, url: str, home: Path, patch: pytest.MonkeyPatch) -> None:
        school.begin()
        self.school = school
        self.patch = patch
        self.deployment = ClockedDeployment(
            world_settings(url, home, americano_start_day=FIRST), cutoff(FIRST, world_settings("", home).zone)
        )
        shutil.rmtree(self.deployment.store.root, ignore_errors=True)
        self.features: dict[date, Version] = {}

    def night(self, number: int, edits: Edits, seed: int) -> None:
        """Edits, what everybody does up to the cut-off, and the night; every second one keeps what long logs keep."""
        day = NIGHTS[number]
        self.school.night(number, edits, seed)
        self.deployment.clock = cutoff(day, self.deployment.zone)
        read_world(self.deployment, (day - timedelta(days=13) if number else FIRST).isoformat(), day.isoformat())
        tables = day_tables(self.deployment, day)
        if number % 2:
            self.patch.setattr(point_in_time, "KEEP_FROM", 1)
            found = tables.features([day])
        else:
            self.patch.setattr(point_in_time, "KEEP_FROM", 10**9)
            weekly = day - timedelta(days=7)
            found = tables.features([weekly, day])
            tables.labels(tables.pairs_of_features({weekly: found[weekly]}))
            tables.features([day], tables.pairs_of_features({day: found[day]}))
            coverage(self.deployment, day)
        rows = self.deployment.store.read_whole("features_at", found[day].content)
        assert len(FEATURES_TABLE.validate(rows.to_pandas())), "nobody is planned"
        tables.elo_state(day)
        self.features[day] = found[day]

    def rerun(self, beside: Path) -> None:
        """Each night once more from the inputs that it recorded, with nothing remembered: the same bytes."""
        shutil.copytree(self.deployment.store.root, beside, ignore=shutil.ignore_patterns(*MEMOS))
        self.patch.setattr(point_in_time, "KEEP_FROM", 10**9)
        for day, version in self.features.items():
            tables = day_tables(self.deployment, day)
            tables.store = ParquetStore(beside)
            assert tables.features([day])[day] == version, day
        shutil.rmtree(beside)


@pytest.fixture(scope="module")
def school(world: World) -> EditedSchool:
    return EditedSchool(world)


MOVED = [[("objective_moved", 0)], [("courses_merged", 1)], [("lecture_moved", 2), ("objective_moved", 5)]]
DELETED = [
    [("lecture_deleted", 0), ("prompt_relinked", 3)],
    [("course_made_again", 0), ("objective_made_again", 1), ("objective_made_again", 2), ("objective_deleted", 4)],
    [("objectives_merged", 1), ("learners_merged", 2), ("card_relinked", 1), ("card_unlinked", 7)],
]


def check_any_edits(lived: Lived, beside: Path, edits: list[Edits], seed: int) -> None:
    with watching() as watch:
        for number, before in enumerate([[], *edits]):
            lived.night(number, before, seed + number)
    assert (
        min(watch.rows[name] for name in ("s2_features/features", "s2_features/given_spine", "s8_reduction/coverage"))
        > 0
    )
    lived.rerun(beside)


def _counts(*, long: int, full: int) -> list[Any]:
    """The example by hand for everybody, some that are made up in CI, and more of them before a change."""
    return [0, pytest.param(long, marks=pytest.mark.long), pytest.param(full, marks=pytest.mark.full)]


@pytest.mark.parametrize("examples", _counts(long=2, full=25))
def test_after_any_edits_rows_are_unique_and_reruns_give_the_same_bytes(
    school: EditedSchool,
    module_database: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    examples: int,
) -> None:
    @settings(max_examples=max(examples, 1), phases=PHASES if examples else (Phase.explicit,))
    @example(edits=MOVED, seed=1)
    @example(edits=DELETED, seed=2)
    @given(edits=drawn(EDITS), seed=st.integers(0, 10**6))
    def check(edits: list[Edits], seed: int) -> None:
        check_any_edits(Lived(school, module_database, home, monkeypatch), tmp_path / "beside", edits, seed)

    check()


@pytest.mark.parametrize("examples", _counts(long=1, full=12))
def test_after_any_moves_a_learners_fresh_rows_are_those_of_the_night(
    school: EditedSchool, module_database: str, home: Path, monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    """The night read most of the log when everything was elsewhere; the app's rows say where it is now."""

    @settings(max_examples=max(examples, 1), phases=PHASES if examples else (Phase.explicit,))
    @example(edits=MOVED, seed=1)
    @given(edits=drawn(MOVES), seed=st.integers(0, 10**6))
    def check(edits: list[Edits], seed: int) -> None:
        lived = Lived(school, module_database, home, monkeypatch)
        deployment = lived.deployment
        live = LiveFeatures(deployment.url, deployment.store, deployment.zone, deployment.target)
        for number, before in enumerate([[], *edits]):
            lived.night(number, before, seed + number)
            day_tables(deployment, NIGHTS[number]).store_cohort(NIGHTS[number])
            night = deployment.store.read_whole("features_at", lived.features[NIGHTS[number]].content)
            learners = pc.unique(night["learner_id"]).to_pylist()
            fresh = pa.concat_tables([live.of_learner(learner, deployment.clock) for learner in learners])
            for name in night.column_names:  # names the column
                assert fresh[name].equals(night[name]), name

    check()


@pytest.mark.parametrize("examples", _counts(long=1, full=8))
def test_whole_nights_go_on_after_any_edits_and_every_query_keeps_its_grain(
    school: EditedSchool, module_database: str, home: Path, monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    seen: set[str] = set()

    @settings(max_examples=max(examples, 1), phases=PHASES if examples else (Phase.explicit,))
    @example(edits=DELETED, seed=2)
    @given(edits=drawn(EDITS), seed=st.integers(0, 10**6))
    def check(edits: list[Edits], seed: int) -> None:
        school.begin()
        options = {"model_type": "rule_based", "americano_holdout_share": 0.5, "americano_start_day": FIRST}
        configured = world_settings(module_database, home, mlflow_tracking_uri=NOWHERE, **options)
        shutil.rmtree(configured.store_root, ignore_errors=True)
        with dg.DagsterInstance.ephemeral() as instance, watching() as watch:
            nights = Nights(configured, instance)
            for number, before in enumerate([[], *edits]):
                school.night(number, before, seed + number)
                if not number:
                    assert nights.history(FIRST.isoformat(), NIGHTS[0].isoformat()).success
                monkeypatch.setattr(point_in_time, "KEEP_FROM", 1 if number % 2 else 10**9)
                assert nights.night(NIGHTS[number].isoformat()).success
                school.say_what_became_of_it()
        seen.update(watch.rows)

    check()
    of_a_night = {name for name in names() if not name.startswith(NOT_OF_A_NIGHT)} - ELSEWHERE
    assert not of_a_night - seen, ", ".join(sorted(of_a_night - seen))


def test_every_header_claims_a_grain_that_can_be_read() -> None:
    assert len([claimed(name) for name in names()]) > 100
