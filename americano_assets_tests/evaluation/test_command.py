"""The command begins with a verdict, names the settings that it used, and fails where it evaluated nothing."""

import json
from pathlib import Path

import pandas as pd
import pytest

from americano_assets.cli.display.evaluation import show
from americano_assets.resources.home.folder import write_demo_values
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.core.evaluation.test_verdict import difference, figures, report
from americano_assets_tests.evaluation.logs import planted_log


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_log_too_short_ends_with_an_error_and_a_demo_s_settings_are_not_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_demo_values(home, {"AMERICANO_HORIZON_DAYS": 14, "AMERICANO_STRUGGLE_BELOW": 0.4})
    log = planted_log(learners=3, weeks=1).rename(columns={"learner_id": "user"}).drop(columns="p_struggle")
    log.assign(score=log["score"] == 1).to_parquet(tmp_path / "log.parquet")
    done = run(
        *("evaluate", str(tmp_path / "log.parquet"), "--map", "learner_id=user", "--timezone", "Asia/Tokyo"),
        *("--struggle-below", "0.5", "--json", str(tmp_path / "report.json")),
        AMERICANO_HOME=str(home),
    )
    assert done.returncode == 1, done.stderr
    out = flat(done.stdout)
    report = json.loads((tmp_path / "report.json").read_text())
    assert out.startswith("Nothing was evaluated: the log spans ")
    assert "no window of 7 days closes in it. Take a longer log, or a smaller --horizon-days." in out
    assert report["verdict"][0] in out
    assert report["evaluated"] is False
    assert "A struggle is a mean score below 0.5 (--struggle-below) within 7 days (the default, since" in out
    assert "AMERICANO_HORIZON_DAYS is the demo's here); study days end at 23:00 in Asia/Tokyo (--timezone)" in out
    assert report["target"]["horizon_days"] == 7
    assert len(report["conversions"]) == 2
    for sentence in report["conversions"]:
        assert sentence in out


def test_a_missing_figure_names_its_fold_an_interval_its_ends_and_the_end_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = "9 rows struggled; at least 30 are needed"
    full, short = figures(), figures(recall=few)
    base = report(difference(0.1, 0.2, "last_outcome"))
    folds = [
        {"fold": name, "figures": one, "threshold": None, "chosen": "blend", "why": ""}
        for name, one in (("fifth 1", full), ("fifth 2", short))
    ]
    parts = dict.fromkeys(("without_cold_starts", "cold_starts", "without_never_active"), full | {"n": 0})
    show(
        base
        | {"verdict": ["Worse.", "It flags."], "source": {"name": "log"}, "conversions": [], "choice": [], "slices": []}
        | {"data": {"rows": 2, "row_learners": 2, "base_rate": None}, "notes": [], "folds": folds}
        | {"models": {"blend": {"all": full, "folds": folds, **parts}}}
        | {
            "target": {"struggle_below": 0.65, "horizon_days": 7, "timezone": "UTC", "every_days": 7}
            | {"set_by": dict.fromkeys(("struggle_below", "horizon_days", "timezone"), "the default")}
        }
    )
    out = flat(capsys.readouterr().out)
    assert f"—: fifth 2: {few}" in out
    assert "low 0.480 0.480" in out
    assert "high 0.520 0.520" in out
    assert out.endswith("nothing has to be set for it.")
    assert "What to do next: learners and weeks are what is missing" in out


def test_what_cannot_be_meant_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    pd.DataFrame({"learner_id": ["ann"]}).to_csv(log)
    for arguments, told in (
        ((str(log), "--map", "user"), "--map user: say it as OURS=THEIRS"),
        ((str(log), "--timezone", "Mars"), "--timezone Mars: no IANA time zone"),
        (("--map", "learner_id=user"), "--map are for a FILE"),
    ):
        done = run("evaluate", *arguments, AMERICANO_HOME=str(tmp_path / "home"))
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr.splitlines()[-1]
