"""A bad row of the app's shows as a failed check of its table's model, with counts by rule, stop the night or not."""

from collections.abc import Iterator

import dagster as dg
import pytest

from americano_assets.orchestration.run_failures import why_failed
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import NIGHT_LOG
from americano_assets_tests.world import Nights, World, at

NIGHT = "2026-03-09"


@pytest.fixture
def run(school: World, own_settings: Settings) -> Iterator[dg.ExecuteInProcessResult]:
    """A night's log of five answers, two of them beyond the range of a score."""
    school.learner("ann")
    for number, score in enumerate((0.2, 0.9, 1.5, 1.0, -0.5)):
        school.answer("ann", "heart", at(f"2026-03-09 1{number}:00"), score)
    with dg.DagsterInstance.ephemeral() as instance:
        ran = Nights(own_settings, instance).night(
            NIGHT, asset_selection=[dg.AssetKey(NIGHT_LOG)], raise_on_error=False
        )
        assert ran.success == (own_settings.on_invalid == "quarantine")
        yield ran


def told(check: dg.AssetCheckEvaluation) -> tuple[bool, object, object]:
    return check.passed, check.metadata["rows_checked"].value, check.metadata["rows_broken"].value


def test_in_quarantine_it_warns_and_the_night_goes_on(run: dg.ExecuteInProcessResult) -> None:
    by_name = {check.check_name: check for check in run.get_asset_check_evaluations()}
    bad = by_name.pop("validation_responses_keeps_its_rules")
    assert told(bad) == (False, 5, 2)
    assert bad.severity is dg.AssetCheckSeverity.WARN
    assert "| score: in_range(0, 1) | 2 |" in str(bad.metadata["rules_broken"].value)
    assert bad.target_materialization_data is not None  # that of the night, which it is shown with
    assert told(by_name["interactions_keeps_its_rules"]) == (True, 3, 0)
    assert all(check.passed for check in by_name.values())


@pytest.mark.parametrize("own_settings", ["fail"], indirect=True)
def test_where_bad_rows_stop_the_night_the_check_is_the_error(run: dg.ExecuteInProcessResult) -> None:
    (bad,) = (check for check in run.get_asset_check_evaluations() if not check.passed)
    assert bad.check_name == "validation_responses_keeps_its_rules"
    assert told(bad) == (False, 5, 2)
    assert bad.severity is dg.AssetCheckSeverity.ERROR


def test_a_warning_is_never_told_as_why_a_run_failed(run: dg.ExecuteInProcessResult) -> None:
    assert "keeps_its_rules" not in why_failed(run.all_events)
