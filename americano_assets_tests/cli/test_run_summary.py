"""What a run ends with: who is at risk and why, whole ids, no certainty, no figure of too few rows, rules of thumb."""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sklearn.metrics import roc_auc_score

from americano_assets.cli.display.at_risk import probability, show_at_risk
from americano_assets.cli.display.held_out import show_held_out, with_enough
from americano_assets.cli.display.readiness import show_scoring
from americano_assets.cli.display.run_summary import show_night, show_set_aside
from americano_assets.cli.display.sql import query
from americano_assets.cli.display.terminal import progress_bars
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.core.training.fit import LOGISTIC
from americano_assets.core.training.train import train
from americano_assets.resources.postgres.connection import prepare
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.quarantine import Quality, record_reading
from americano_assets.stages.s6_publication.episode_ledger import record_deployment
from americano_assets_tests.core.training.test_training import labelled
from americano_assets_tests.world import World, at, read_world

DAY = date(2026, 3, 9)
_HARD, _WRONG, _SHORT = "Most students find it hard", "Often wrong", "Little time"
_FIGURES = {
    "base_rate": 0.3,
    "auc_roc": 0.80,
    "accuracy": 0.75,
    "precision": 0.6,
    "recall": 0.7,
    "brier": 0.14,
    "log_loss": 0.44,
    "ece": 0.04,
}


@pytest.mark.parametrize(
    ("p", "told"),
    [(1.0, "> 0.99"), (0.9951, "> 0.99"), (0.994, "0.99"), (0.5, "0.50"), (0.004, "< 0.01"), (0, "< 0.01")],
)
def test_what_is_not_certain_is_not_written_so(p: float, told: str) -> None:
    assert probability(p) == told


def _predicted(
    world: World,
    learner: str,
    objective: str,
    p: float,
    *reasons: str,
    due: str = "2026-03-12 00:00",
    made: str = "2026-03-10 00:00",
    shared: bool = True,
) -> None:
    world.learner(learner, includeInAnalytics=shared)
    world.insert(
        "struggle_predictions",
        userId=learner,
        learningObjectiveId=objective,
        topicId="anatomy",
        predictedAt=at(made),
        predictionDate=at(due),
        predictedStruggleProbability=p,
        predictionStatus="PENDING",
        strugglingFactors=[{"text": reason} for reason in reasons],
    )


def test_objectives_with_their_commonest_reasons_then_learners_who_differ(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("owner")
        for objective in ("heart", "lung"):
            world.objective(objective, world.course("anatomy", "owner") if objective == "heart" else "anatomy")
        for number in range(20):
            _predicted(world, f"a-learner-with-a-long-id-{number:02}", "heart", 1 - number / 100, _HARD, _WRONG)
        _predicted(world, "another-learner-with-an-id", "heart", 0.6, _SHORT, _HARD)
        _predicted(world, "one-who-studies-the-lung", "lung", 0.7, _WRONG)
        # Nobody plans these: they are due when the horizon ends, not studied then.
        world.objective("liver", "anatomy", text=" ")
        world.execute("UPDATE learning_objectives SET objective = E'lung\n in two lines' WHERE id = 'lung'")
        _predicted(world, "one-without-a-plan", "heart", 0.5, _WRONG, due="2026-03-17 00:00")
        _predicted(world, "another-without-a-plan", "liver", 0.5, _WRONG, due="2026-03-17 00:00")
        # Not counted: the row of a later night, and one of who keeps out of figures over everybody.
        _predicted(world, "one-of-a-later-night", "heart", 0.999, _WRONG, made="2026-03-11 00:00")
        _predicted(world, "one-who-keeps-out-of-figures", "liver", 0.5, _WRONG, shared=False)
        first = show_at_risk(connection, settings, DAY, 0.4)
        said = capsys.readouterr().out
        connection.execute("DELETE FROM struggle_predictions WHERE \"userId\" <> 'one-who-keeps-out-of-figures'")
        alone = show_at_risk(connection, settings, DAY, 0.4)
        assert (alone, "planned by" in capsys.readouterr().out) == ("one-who-keeps-out-of-figures", False)
        connection.execute("DELETE FROM struggle_predictions")
        assert show_at_risk(connection, settings, DAY, 0.4) is None
    assert first == "a-learner-with-a-long-id-00"
    assert "the higher p, the likelier" in " ".join(said.split()), "of the rules it is no chance"
    at_risk, differing = said.split("learners who differ")
    rows = [line.split() for line in at_risk.splitlines()]
    planned = [row[:5] for row in rows if row[1:3] in (["21,", "from"], ["1,", "from"])]
    assert planned == [["22", "21,", "from", "12", "Mar"], ["1", "1,", "from", "12", "Mar"]]
    assert ["1", "nobody", "anatomy:", "liver"] in rows, "not planned, and without words of its own"
    assert "Due is the day for which the learner plans the objective; what is not planned" in " ".join(said.split())
    assert [f"21: {_HARD}", f"21: {_WRONG}"] == [" ".join(row) for row in rows if row[:1] in (["21:"], ["20:"])]
    assert "anatomy: lung in two lines" in at_risk
    assert _SHORT not in at_risk, "two reasons are enough"
    shown = [line.split()[0] for line in differing.splitlines() if "-" in line.partition(" ")[0]]
    assert len(shown) == len(set(shown)) == 12
    assert set(shown[:3]) == {first, "another-learner-with-an-id", "one-who-studies-the-lung"}, "one of each reason"
    assert "a-learner-with-a-long-id-19" in shown, "and the least risky too"
    assert "1.00" not in said
    assert "nobody, no objective of anybody looks risky" in capsys.readouterr().out


def test_predictions_are_counted_by_the_study_day_that_the_sentences_beside_them_name(database: str) -> None:
    moments = ("2026-03-09 21:59", "2026-03-09 22:00", "2026-03-10 09:00", "2026-03-10 22:00")
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("owner")
        world.objective("heart", world.course("anatomy", "owner"))
        for number, predicted in enumerate(moments):
            _predicted(world, f"learner-{number}", "heart", 0.5)
            changes = 'UPDATE struggle_predictions SET "predictedAt" = %s WHERE "userId" = %s'
            world.execute(changes, at(predicted), f"learner-{number}")
        found = connection.execute(query("statuses_by_day"), {"zone": "Europe/Berlin"}).fetchall()
    zone = ZoneInfo("Europe/Berlin")
    days = Counter(last_closed(at(moment).replace(tzinfo=UTC), zone) for moment in moments)
    assert {row[0]: row[2] for row in found} == days
    assert sorted(days.values()) == [1, 1, 2]


def test_a_night_says_how_many_rows_it_set_aside_and_where_they_are(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    store, began = Deployment(settings).store, datetime(2026, 3, 10, tzinfo=UTC)
    for table, bad, hours in (("reviews", 4, 1), ("study_sessions", 2, 2), ("exams", 9, -1)):
        record_reading(store, Quality(table, began + timedelta(hours=hours), rows=100, bad=bad, files=["x"]))
    show_set_aside(settings, DAY, began)
    told = "Set aside, and not read: 6 rows (reviews 4, study_sessions 2). ./americano quarantine says why."
    assert " ".join(capsys.readouterr().out.split()) == told
    show_set_aside(settings, DAY, began + timedelta(days=1))
    assert capsys.readouterr().out == ""


def test_rows_that_no_night_takes_are_counted_though_they_break_no_rule(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute('ALTER TABLE reviews DROP CONSTRAINT IF EXISTS "reviews_userId_fkey"')
        world = World(connection)
        world.learner("ann")
        world.objective("heart", world.course("anatomy", "ann"))
        for moment in ("2020-01-01 10:00", "2026-03-09 10:00", "2999-01-01 10:00", "2999-01-02 10:00"):
            world.review("ann", "heart", at(moment))
        world.review("nobody", "heart", at("2026-03-09 11:00"))
        world.mission("ann", at("2026-03-12 00:00"), ["heart", "gone"])
        world.mission("ann", at("2026-03-01 00:00"), ["gone"])  # over
    show_set_aside(settings, DAY, datetime(2026, 3, 10, tzinfo=UTC))
    told, old = " ".join(capsys.readouterr().out.split()), "1 in reviews before AMERICANO_START_DAY; "
    assert told == (
        f"Not read either, and no error: {old}1 in reviews of accounts that are not"
        " in users; 2 in reviews stamped in the future; 1 in missions naming an objective that is not in"
        " learning_objectives."
    )
    # What is long ago is looked at by the first night alone: a large app's history is not gone through each night.
    with psycopg.connect(database, autocommit=True) as connection:
        record_deployment(connection, DAY)
        show_set_aside(settings, DAY, datetime(2026, 3, 10, tzinfo=UTC))
        assert " ".join(capsys.readouterr().out.split()) == told
        connection.execute("UPDATE ml.deployment SET first_study_day = %s", [DAY - timedelta(days=1)])
    show_set_aside(settings, DAY, datetime(2026, 3, 10, tzinfo=UTC))
    assert " ".join(capsys.readouterr().out.split()) == told.replace(old, "")


def test_where_nobody_sees_bars_each_step_and_portion_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as progress:
        night = progress.add_task("Study day 1", total=2)
        assert capsys.readouterr().err == "Study day 1 …\n", "as it begins"
        progress.update(night, advance=1, step="night_log")
        progress.update(night, completed=2, step="")
        past = progress.add_task("Reading 180 study days", total=2)
        for portion in ("the first 90", "the last 90"):
            progress.update(past, step=portion)
            progress.update(past, advance=1, step="")
    assert capsys.readouterr().err == "Reading 180 study days …\n  the first 90\n  the last 90\n"


def test_a_night_that_foresees_something_else_than_the_one_before_says_so(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where one shell lacks a setting: what nobody plans is due when the horizon ends, and would be there twice."""
    prepare(settings)
    with psycopg.connect(database, autocommit=True) as connection:
        for days, day in ((14, DAY - timedelta(days=1)), (7, DAY)):
            version = f"{days:032}"
            connection.execute(
                "INSERT INTO ml.model_versions"
                " VALUES (%s, 'rule_based', %s, 0.5, %s, 0.65, 'd', NULL, NULL, '{}', '{}', now())",
                [version, day, days],
            )
            connection.execute(
                "INSERT INTO ml.study_days (study_day, cutoff_at, kind, live, model_version, manifest_hash, candidates,"
                " published, published_at, experiment_unit, holdout_share, held_out)"
                " VALUES (%s, now(), 'nightly', true, %s, 'm', 1, 1, now(), 'episode', 0, 0)",
                [day, version],
            )
    show_night(settings, DAY)
    said = " ".join(capsys.readouterr().out.split())
    assert "This night foresees a mean score below 0.65 within 7 study days, the one before 0.65 within 14." in said
    show_night(settings, DAY - timedelta(days=1))
    assert "foresees" not in capsys.readouterr().out


def test_what_was_read_is_counted_wherever_the_app_records_it(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer that events alone hold is read; one that is set aside, or came before the first day, is not."""
    deployment = Deployment(settings)
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        for learner in ("one", "two"):
            world.learner(learner)
        world.objective("heart", world.course("anatomy", "one"))
        world.review("one", "heart", at("2026-03-09 10:00"))
        world.event("two", "CARD_REVIEWED", at("2026-03-09 10:00"), {"cardId": "heart-card", "rating": "AGAIN"})
        world.answer("one", "heart", at("2026-03-09 11:00"), 1.7)
        world.review("one", "heart", at("1970-03-09 10:00"))
        read_world(deployment, "2026-03-08", "2026-03-09")
        deployment.store.record_manifest(DAY, "model", {"summary": {"rows": {"rows": 0}, "why": "they learn"}})
        show_scoring(connection, settings, DAY, ("rule_based", 0.4))
    said = " ".join(capsys.readouterr().out.split())
    assert "What can be told yet, by 2 graded answers of 2 learners, on 1 objective." in said
    assert "the windows of this night's predictions have closed: later nights tell." in said, "it is of months ago"


def _held_out(
    settings: Settings, n: int, figures: dict[str, dict[str, float]], chosen: str, model_version: str = "gone"
) -> None:
    rows = {"test_rows": n, "test_learners": n, "test_cold_share": 0.0}
    summary = {"figures": figures, "rows": rows, "why": "it passed", "chosen": chosen}
    recorded = {"summary": summary, "model_version": model_version}
    Deployment(settings).store.record_manifest(DAY, "model", recorded)
    show_held_out(settings, DAY, ("blend", 0.4))


def test_no_figure_stands_on_fewer_than_thirty_rows(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    _held_out(settings, 29, {"blend": _FIGURES}, "blend")
    said = capsys.readouterr().out
    assert "29 rows; figures take 30" in said
    assert "0.8" not in said
    _held_out(settings, 60, {"blend": _FIGURES}, "blend")
    blend = next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("blend"))
    assert blend[1:5] == ["0.800", "0.750", "—", "—"], "18 struggled, 21 were flagged"
    found = with_enough({"base_rate": 0.3, "precision": 0.5, "recall": 0.5}, 100)
    assert (found["precision"], found["recall"]) == (0.5, 0.5), "30 struggled, 30 were flagged"


def test_figures_of_rows_never_seen_say_of_whom_of_when_and_how_far_chance_moves_them(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from americano_assets.cli.display import held_out

    rows, deployment = labelled(learners=60), Deployment(settings)
    scorer = train(rows, LOGISTIC).candidates[LOGISTIC].scorer
    version = deployment.models.save(LOGISTIC, DAY, "d", deployment.target, scorer).version
    test = rows[rows["split"] == "test"]
    monkeypatch.setattr(held_out, "_training_rows", lambda *_: rows)
    monkeypatch.setattr(held_out, "_last_outcome", lambda *_: None)
    _held_out(settings, len(test), {"blend": _FIGURES}, "blend", version)
    said = " ".join(capsys.readouterr().out.split())
    assert f"Never seen: {len(test)} rows of {len(test)} learners" in said
    cutoffs = f"{test['cutoff_day'].min():%Y-%m-%d} to {test['cutoff_day'].max():%Y-%m-%d}"
    assert f"trained for study day {DAY}, learned from other learners, before the cut-offs of these rows" in said
    assert f"of these rows, {cutoffs}." in said
    bounds = re.search(r"with other learners drawn like these \(95 %\): AUC (\S+) to (\S+), accuracy", said)
    assert bounds, said
    auc = roc_auc_score(test["struggled"], scorer.probability(test))
    assert 0.02 < float(bounds[2]) - float(bounds[1]) < 0.5
    assert float(bounds[1]) < auc < float(bounds[2])
    _held_out(settings, len(test), {"blend": _FIGURES}, "blend", "gone")
    assert "95 %" not in capsys.readouterr().out


def test_why_the_model_that_scores_does_where_another_looks_better(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    better = {**_FIGURES, "auc_roc": 0.82}
    _held_out(settings, 1000, {"blend": _FIGURES, "gradient_boosting": better}, "blend")
    said = " ".join(capsys.readouterr().out.split())
    assert "another looks better: gradient boosting by AUC (0.820, not 0.800). It takes over where" in said
    _held_out(settings, 1000, {"blend": better, "gradient_boosting": _FIGURES}, "blend")
    assert "looks better" not in capsys.readouterr().out


def test_the_last_outcome_stands_beside_the_models_with_what_it_is_better_at(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from americano_assets.cli.display import held_out

    rule: dict[str, Any] = {**_FIGURES, "accuracy": 0.83, "recall": 0.54, "auc_roc": 0.75}
    monkeypatch.setattr(held_out, "_last_outcome", lambda *_: rule)
    _held_out(settings, 1000, {"blend": _FIGURES}, "blend")
    said = " ".join(capsys.readouterr().out.split())
    assert "last outcome 0.750 0.830" in said
    assert "looks better by accuracy (0.830, not 0.750). It finds 54% of the struggles, and the model 70%" in said
    rule |= {"recall": 0.9, "auc_roc": 0.9, "log_loss": 0.3}
    _held_out(settings, 1000, {"blend": _FIGURES}, "blend")
    assert "the model that scores is of little use" in " ".join(capsys.readouterr().out.split())
    rule |= _FIGURES
    _held_out(settings, 1000, {"blend": _FIGURES}, "blend")
    assert "looks better" not in capsys.readouterr().out
