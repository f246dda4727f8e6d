"""The experiment on a real database: arms are fixed at the first flag, and nothing reaches the holdout."""

import psycopg
import pytest

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED
from americano_assets.core.publication.random_assignment import EPISODE, LEARNER, Experiment, Policy
from americano_assets.errors import AmericanoError
from americano_assets.stages.s6_publication.holdout import contamination, draw_problems, experiment_of
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.stages.s6_publication.night import (
    FINE,
    FIRST,
    FIRST_CUTOFF,
    FORGETTING,
    OVERLOADED,
    SECOND,
    Night,
)
from americano_assets_tests.world import published_rows

HALF = Policy(EPISODE, 0.5)
EVERYBODY = Policy(EPISODE, 1.0)
ARMS = "SELECT user_id, arm FROM ml.assignments ORDER BY user_id"


def salted(night: Night, policy: Policy, *arms: str) -> None:
    """Give the deployment a salt that draws these arms for learner-1, learner-2 …"""
    learners = [f"learner-{number}" for number in range(1, len(arms) + 1)]
    objectives = [f"objective-{number}" for number in range(1, len(arms) + 1)]
    for number in range(10_000):
        if Experiment(policy, f"salt-{number}").arms(learners, objectives) == list(arms):
            night.world.execute("INSERT INTO ml.experiment (salt, created_at) VALUES (%s, now())", f"salt-{number}")
            return
    raise AssertionError("no salt draws these arms")


def test_a_holdout_episode_is_published_without_what_could_help(night: Night) -> None:
    salted(night, HALF, HOLDOUT, TREATED)
    done = night.publish(FIRST, OVERLOADED, OVERLOADED, policy=HALF)
    assert (done.inserted, done.held_out, done.holdout_share) == (2, 1, 0.5)
    assert night.world.rows(f'SELECT "userId" FROM {PREDICTIONS} ORDER BY 1') == [("learner-1",), ("learner-2",)]
    assert night.kinds(INDICATORS, 1) == night.kinds(INDICATORS, 2) == {"LOW_RETENTION", "COGNITIVE_OVERLOAD"}
    assert night.kinds(RECOMMENDATIONS, 1) == set()
    assert night.kinds(RECOMMENDATIONS, 2) == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}
    assert night.world.rows("SELECT experiment_unit, holdout_share, held_out FROM ml.study_days") == [
        ("episode", 0.5, 1)
    ]


def test_the_ledger_holds_what_the_effect_needs_from_the_first_flag(night: Night) -> None:
    salted(night, HALF, HOLDOUT, TREATED)
    night.publish(FIRST, OVERLOADED, FORGETTING, policy=HALF)
    p = [night.prediction(number)["predictedStruggleProbability"] for number in (1, 2)]
    night.publish(SECOND, FORGETTING, OVERLOADED, policy=HALF, on_time=False)
    found = night.world.rows(
        """SELECT user_id, arm, unit, holdout_share, eligible, live, flagged_at, probability, model_version,
          intervention_types FROM ml.assignments ORDER BY user_id"""
    )
    model = f"model-of-{FIRST}"
    both = ["COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"]
    assert found == [
        ("learner-1", HOLDOUT, "episode", 0.5, True, True, FIRST_CUTOFF, p[0], model, both),
        ("learner-2", TREATED, "episode", 0.5, True, True, FIRST_CUTOFF, p[1], model, both[1:]),
    ]


def test_an_arm_never_changes_whatever_the_settings_become(night: Night) -> None:
    salted(night, HALF, HOLDOUT, TREATED)
    night.publish(FIRST, OVERLOADED, OVERLOADED, policy=HALF)
    ledger = night.world.rows("SELECT to_jsonb(a)::text FROM ml.assignments a ORDER BY 1")
    for day, policy in ((FIRST, EVERYBODY), (SECOND, Policy(LEARNER, 0.0)), (SECOND, EVERYBODY)):
        night.publish(day, OVERLOADED, OVERLOADED, policy=policy)
        assert night.world.rows("SELECT to_jsonb(a)::text FROM ml.assignments a ORDER BY 1") == ledger
        assert night.kinds(RECOMMENDATIONS, 1) == set()
        assert night.kinds(RECOMMENDATIONS, 2) == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}
    # The day says what was in force when it was first published.
    assert night.world.rows("SELECT holdout_share FROM ml.study_days ORDER BY study_day") == [(0.5,), (0.0,)]


def test_a_rerun_changes_no_byte(night: Night) -> None:
    salted(night, HALF, HOLDOUT, TREATED, HOLDOUT)
    night.publish(FIRST, OVERLOADED, OVERLOADED, FINE, policy=HALF)
    before, bookkeeping = published_rows(night.world), night.bookkeeping()
    night.publish(FIRST, OVERLOADED, OVERLOADED, FINE, policy=HALF)
    assert published_rows(night.world) == before
    assert night.bookkeeping() == bookkeeping


def test_an_episode_that_was_published_before_there_was_a_holdout_stays_treated(night: Night) -> None:
    night.publish(FIRST, OVERLOADED)
    night.publish(SECOND, OVERLOADED, OVERLOADED, policy=EVERYBODY)
    assert night.world.rows(ARMS) == [("learner-1", TREATED), ("learner-2", HOLDOUT)]
    assert night.world.rows("SELECT eligible, holdout_share FROM ml.assignments ORDER BY user_id") == [
        (False, 0.0),
        (False, 1.0),  # a decision, not chance
    ]


def test_nothing_is_withheld_from_who_cannot_be_counted(night: Night) -> None:
    salted(night, HALF, HOLDOUT, HOLDOUT)
    night.world.execute("""UPDATE users SET "includeInAnalytics" = false WHERE "id" = 'learner-1'""")
    night.publish(FIRST, OVERLOADED, OVERLOADED, policy=HALF)
    assert night.world.rows("SELECT arm, eligible FROM ml.assignments ORDER BY user_id") == [
        (TREATED, False),
        (HOLDOUT, True),
    ]
    assert night.kinds(RECOMMENDATIONS, 1)


def test_a_path_that_writes_an_intervention_for_the_holdout_stops_the_night(night: Night) -> None:
    salted(night, HALF, HOLDOUT)
    night.publish(FIRST, OVERLOADED, policy=HALF)
    ((prediction,),) = night.world.rows("SELECT prediction_id FROM ml.assignments")
    night.world.insert(
        RECOMMENDATIONS,
        id="planted",
        userId="learner-1",
        predictionId=prediction,
        interventionType="PREREQUISITE_REVIEW",
        priority=9,
        status="PENDING",
    )
    with psycopg.connect(night.url) as connection:
        assert contamination(connection)[RECOMMENDATIONS] == 1
    # Written by the app it is told by the check; of ours it would stop everything, before anybody sees it.
    night.publish(SECOND, OVERLOADED, policy=HALF)
    night.world.execute(
        """INSERT INTO ml.published (table_name, row_id, user_id, written, study_day)
        VALUES (%s, 'planted', 'learner-1', '{}', '2026-03-08')""",
        RECOMMENDATIONS,
    )
    before = published_rows(night.world)
    with pytest.raises(AmericanoError, match="1 interventions of intervention_recommendations belong to holdout"):
        night.publish(SECOND, FORGETTING, OVERLOADED, policy=HALF)
    assert published_rows(night.world) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ml.assignments SET arm = 'treated'",
        "UPDATE ml.assignments SET live = true",
        "UPDATE ml.experiment SET salt = 'another'",
        "DELETE FROM ml.experiment",
    ],
)
def test_the_database_itself_refuses_to_change_an_arm(night: Night, change: str) -> None:
    salted(night, HALF, HOLDOUT)
    night.publish(FIRST, OVERLOADED, policy=HALF)
    with pytest.raises(psycopg.errors.RaiseException, match="never changes"):
        night.world.execute(change)


def test_arms_that_no_draw_gives_are_told(night: Night) -> None:
    salted(night, HALF, HOLDOUT, TREATED)
    night.publish(FIRST, OVERLOADED, OVERLOADED, policy=HALF)
    with psycopg.connect(night.url, autocommit=True) as connection:
        assert draw_problems(connection) == []
        copied = """INSERT INTO ml.assignments SELECT (jsonb_populate_record(a, jsonb_build_object(
          'prediction_id', 'copy' || n, 'user_id', %s || CASE WHEN %s THEN n::text ELSE '' END, 'arm', 'treated'))).*
          FROM ml.assignments a, generate_series(1, 40) n WHERE a.user_id = 'learner-1'"""
        connection.execute(copied, ["other", True])
        assert draw_problems(connection) == [
            "1 of 42 units drawn by episode with a share of 0.5 are held out, which chance does not give"
        ]
        # The salt was lost, and the same (learner, objective) was drawn anew.
        connection.execute("ALTER TABLE ml.assignments DISABLE TRIGGER only_forgotten")
        connection.execute("DELETE FROM ml.assignments WHERE user_id LIKE 'other%'")
        connection.execute(copied, ["learner-1", False])
        assert draw_problems(connection) == [
            "1 of 2 units drawn by episode with a share of 0.5 have episodes in both arms"
        ]


def test_the_salt_is_made_once_and_is_long(night: Night) -> None:
    with psycopg.connect(night.url) as connection:
        first = experiment_of(connection, HALF)
        again = experiment_of(connection, EVERYBODY)
    assert first.salt == again.salt
    assert len(first.salt) == 32
