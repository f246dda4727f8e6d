"""Dagster shows what a change of code has made stale; moving code or commenting on it makes nothing stale."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from americano_assets.definitions import build_defs
from americano_assets.orchestration import code_versions
from americano_assets.orchestration.code_versions import code_version, files_of
from americano_assets.settings import Settings

PACKAGE = Path(code_versions.__file__).parents[1]
# Queries and pure modules that make no asset, and why.
MAKES_NONE = {
    "core/base": "shapes of rows and text that all share",
    "core/evaluation": "figures of `americano evaluate`",
    "core/study_days": "the calendar, by which a change of zone or of a setting is seen in the rows",
    "core/estimator.py": "another name of a module",
    "core/interventions/missions.py": "what the API does with a mission",
    "stages/maintenance": "archive and erasure",
    "stages/s8_reduction/sql/experiment_days.sql": "phases of `americano single-case`",
    "stages/s2_features/sql": "told by what query_plan.py defines",
}


def versions() -> dict[str, str]:
    return {asset: code_version(asset) for asset in code_versions._FILES}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that a test may edit; the assets' versions are then read from it."""
    copy = tmp_path / "package"
    for part in ("core", "stages"):
        shutil.copytree(PACKAGE / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    with monkeypatch.context() as patch:
        patch.setattr(code_versions, "_PACKAGE", copy)
        code_versions._found.cache_clear()
        yield copy
    code_versions._found.cache_clear()
    code_versions._canonical.cache_clear()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    code_versions._canonical.cache_clear()


def test_every_asset_that_is_made_has_one_and_no_other(settings: Settings) -> None:
    specs = build_defs(settings).resolve_all_asset_specs()
    made = {spec.key.to_user_string(): spec.code_version for spec in specs if spec.partitions_def is not None}
    assert made == versions()
    assert all(spec.code_version is None for spec in specs if spec.partitions_def is None)


def test_moving_and_commenting_makes_nothing_stale(package: Path) -> None:
    before = versions()
    query = package / "stages/s8_reduction/sql/effect_ledger.sql"
    query.write_text("-- Another word.\n" + query.read_text().replace("\n", "\n  "))
    module = package / "core/models/risk.py"
    module.write_text('"""Other words."""\n\nimport math  # elsewhere\n\n' + module.read_text().split('"""\n', 1)[1])
    module.rename(module.with_name("levels_of_risk.py"))
    code_versions._canonical.cache_clear()
    code_versions._found.cache_clear()
    assert versions() == before


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("stages/s8_reduction/sql/struggle_totals.sql", "SELECT", "SELECT DISTINCT", {"ml/struggle_reduction"}),
        ("core/interventions/signs.py", "0.5, 0.0", "0.6, 0.0", {"indicators", "interventions"}),
        ("core/models/risk.py", "0.", "1 - 0.", {"struggle_model", "scored_predictions"}),
        ("core/outcomes/drift.py", "def ", "def its_", {"ml/drift"}),
    ],
)
def test_a_change_makes_stale_what_it_makes(package: Path, file: str, old: str, new: str, stale: set[str]) -> None:
    before = versions()
    edit(package / file, old, new)
    assert {asset for asset, version in versions().items() if version != before[asset]} == stale


def test_what_the_queries_of_features_say_is_part_of_what_is_made_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions()
    monkeypatch.setattr(code_versions, "_DEFINITIONS", {})
    changed = {asset for asset, version in versions().items() if version != before[asset]}
    assert changed == {"elo_state", "features", "labels", "ml/episodes", "ml/model_performance", "ml/list_outcomes"}


def test_every_query_and_every_pure_module_makes_an_asset_or_is_told_not_to() -> None:
    made = {path for asset in code_versions._FILES for path in files_of(asset)}
    known = {*(PACKAGE / "stages").rglob("*.sql"), *(PACKAGE / "core").rglob("*.py")}
    left = {str(path.relative_to(PACKAGE)) for path in known - made if path.stem != "__init__"}
    assert {path for path in left if not any(path.startswith(one) for one in MAKES_NONE)} == set()
    for asset, patterns in code_versions._FILES.items():
        assert all(code_versions._found(pattern) for pattern in patterns), asset
