"""Who is forgotten while the service runs is forgotten by it too."""

from datetime import UTC

from americano_assets.core.study_days.cutoff import Target
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s1_snapshots.learner_reader import LiveRows
from americano_assets.stages.s2_features.learner_features import LiveFeatures
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


def test_no_statement_of_ours_holds_an_id(school: School) -> None:
    """The database's log, which we do not keep, would name the learner."""
    settings = world_settings(school.url, school.home, **school.values)
    with LiveRows(school.url, settings.zone).reading() as rows:
        assert rows.of_learner("learners", WHO)["learner_id"].to_pylist() == [WHO]
        ran = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        statements = [statement for (statement,) in school.world.rows(ran) if "extracted" in statement]
    assert statements
    assert not [statement for statement in statements if WHO in statement]
