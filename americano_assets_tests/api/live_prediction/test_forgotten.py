"""Who is forgotten while the service runs is forgotten by it too."""

from datetime import UTC, timedelta

import numpy as np
import pyarrow as pa

from americano_assets.core.features.skill_update import PAIR
from americano_assets.core.study_days.cutoff import Target
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s1_snapshots.learner_reader import LiveRows
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from americano_assets.stages.s2_features.skill_ratings import TABLE, closing_key
from americano_assets_tests.api.live_prediction.conftest import MORNING, School
from americano_assets_tests.world import ClockedDeployment, world_settings

WHO = "asking"


def test_ratings_of_who_is_forgotten_are_not_kept_in_memory(school: School) -> None:
    settings = world_settings(school.url, school.home, **school.values)
    now = MORNING.replace(tzinfo=UTC)
    deployment = ClockedDeployment(settings, now)
    target = Target(settings.americano_horizon_days, settings.americano_struggle_below)

    def service() -> LiveFeatures:
        return LiveFeatures(school.url, deployment.store, settings.zone, target)

    running = service()
    rated = running.of_learner(WHO, now)
    forget(deployment, WHO)
    left = running.of_learner(WHO, now)
    assert left["elo_learner"].to_pylist() != rated["elo_learner"].to_pylist()
    assert left.equals(service().of_learner(WHO, now))


def test_what_other_learners_are_rated_is_not_held(school: School) -> None:
    settings = world_settings(school.url, school.home, **school.values)
    now = MORNING.replace(tzinfo=UTC)
    store = ClockedDeployment(settings, now).store
    live = LiveFeatures(
        school.url, store, settings.zone, Target(settings.americano_horizon_days, settings.americano_struggle_below)
    )
    alone = live.of_learner(WHO, now)
    closed = closing_key(study_day_of(now, settings.zone) - timedelta(days=1))
    version = store.remembered(TABLE, closed)
    assert version is not None
    few = store.read_whole(TABLE, version.content)
    strangers = few.take(pa.array([0] * 400_000))
    keys = pa.array(np.random.default_rng(1).integers(0, 2**63, len(strangers), dtype=np.uint64))
    levels = pa.array(np.full(len(strangers), PAIR, np.int8))
    strangers = strangers.set_column(0, "level", levels).set_column(1, "key", keys)
    many = pa.concat_tables([few, strangers]).sort_by([(name, "ascending") for name in ("level", "key", "other")])
    store.remember(TABLE, closed, store.put_whole(TABLE, many))
    held = pa.total_allocated_bytes()
    among_many = live.of_learner(WHO, now)
    assert pa.total_allocated_bytes() - held < many.nbytes / 4
    assert among_many.equals(alone)


def test_no_statement_of_ours_holds_an_id(school: School) -> None:
    """The database's log, which we do not keep, would name the learner."""
    settings = world_settings(school.url, school.home, **school.values)
    with LiveRows(school.url, settings.zone).reading() as rows:
        assert rows.of_learner("learners", WHO)["learner_id"].to_pylist() == [WHO]
        ran = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        statements = [statement for (statement,) in school.world.rows(ran) if "extracted" in statement]
    assert statements
    assert not [statement for statement in statements if WHO in statement]
