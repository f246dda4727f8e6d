"""The walls of the architecture: who may import whom, how long a file may be, what every asset must say of itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from americano_assets.core.features.catalog import (
    DATA_QUALITY,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    OBSERVED_NAMES,
    select_list,
)
from americano_assets.definitions import build_defs
from americano_assets.settings import PROJECT_ROOT
from americano_assets.stages.common.metadata import GRADED, LOG
from americano_assets.stages.common.partitions import NIGHTS
from americano_assets.stages.s1_snapshots import assets as snapshots
from americano_assets.stages.s1_snapshots import sources
from americano_assets.stages.s2_features import assets as features
from americano_assets.stages.s3_training import assets as training
from americano_assets.stages.s4_predictions import assets as predictions
from americano_assets.stages.s5_interventions import assets as interventions
from americano_assets.stages.s7_outcomes import assets as outcomes
from americano_assets.stages.s8_reduction import assets as reduction
from americano_assets.stages.s8_reduction import drift_assets
from americano_assets.stages.s9_report import assets as reporting
from americano_assets.stages.s9_report import research_assets
from americano_assets_tests.world import world_settings

PACKAGE = PROJECT_ROOT / "americano_assets"
FLOW = [
    module.__name__
    for module in (
        sources,
        snapshots,
        features,
        training,
        predictions,
        interventions,
        outcomes,
        reduction,
        drift_assets,
        reporting,
        research_assets,
    )
]
LONGEST_FILE = 300
# The app's declaration of its tables is one list: cutting it in two would not make it easier to read.
LONGER_ON_PURPOSE = {"contract/tables.py"}
SQL_VERBS_WITHOUT_GRAIN = re.compile(r"^\s*(INSERT|UPDATE|DELETE|CREATE|ALTER)\b", re.MULTILINE)


def modules(folder: str = "") -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PROJECT_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file; a name imported from a package counts as its module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_from(folder: str, *forbidden: str) -> list[str]:
    return [
        f"{name_of(path)} imports {name}"
        for path in modules(folder)
        for name in imports(path)
        for wall in forbidden
        if name == wall or name.startswith(f"{wall}.")
    ]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("core", ("dagster", "psycopg", "duckdb", "mlflow", "adbc_driver_postgresql", "os", "pathlib", "time")),
        ("api", ("dagster", "sklearn", "mlflow")),
        ("contract", ("dagster", "duckdb", "sklearn")),
        (
            "resources",
            (
                "americano_assets.stages",
                "americano_assets.cli",
                "americano_assets.definitions",
                "americano_assets.orchestration.jobs",
                "americano_assets.api",
            ),
        ),
        ("assets", ("americano_assets.definitions", "americano_assets.orchestration.jobs", "americano_assets.cli")),
        ("api", ("americano_assets.stages", "americano_assets.definitions", "americano_assets.cli")),
    ],
)
def test_imports_point_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    assert imported_from(folder, *forbidden) == []


def test_core_stands_alone() -> None:
    own = [name for path in modules("core") for name in imports(path) if name.startswith("americano_assets")]
    assert [name for name in own if not name.startswith("americano_assets.core")] == []


def test_core_never_asks_for_the_time() -> None:
    clocks = re.compile(r"\.(now|utcnow|today)\(")
    assert [name_of(path) for path in modules("core") if clocks.search(path.read_text())] == []


def test_a_stage_imports_no_later_stage() -> None:
    assert {name_of(path) for path in modules("assets")} == {
        *FLOW,
        "americano_assets.stages",
        "americano_assets.stages.common.metadata",
    }
    for place, stage in enumerate(FLOW):
        path = PROJECT_ROOT / f"{stage.replace('.', '/')}.py"
        assert not set(imports(path)) & set(FLOW[place:]), f"{stage} imports a later stage"


def test_no_file_grows_past_what_one_can_read() -> None:
    lengths = {path.relative_to(PACKAGE).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert {name for name, lines in lengths.items() if lines > LONGEST_FILE} <= LONGER_ON_PURPOSE


# What turns text into markup, cells or commands: where it may stand, since text is made plain there.
WRITERS = {
    "rich": ("cli/display/terminal.py",),
    "typer.echo": ("cli/display/terminal.py",),
    "typer.secho": (),
    "dg.MetadataValue.md": ("stages/common/metadata.py", "plots.py"),
    "to_csv": ("core/base/shown.py",),
}
# Of rich what writes nothing: how a column folds, and for annotations.
SILENT = ("rich.table", "rich.table.Column", "rich.progress", "rich.progress.Progress", "rich.progress.TaskID")


def writers(path: Path) -> Iterator[str]:
    """Every one of WRITERS that a file uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            yield from (writer for writer in WRITERS if name == writer or name.endswith(f".{writer}"))
    if any(name.partition(".")[0] == "rich" and name not in SILENT for name in imports(path)):
        yield "rich"


def test_text_reaches_each_output_at_one_place() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in writers(path)
        if path.relative_to(PACKAGE).as_posix() not in WRITERS[name]
    ]
    assert found == []


def test_no_catch_all_module() -> None:
    assert [path for path in modules() if path.stem in {"util", "utils", "helpers", "misc"}] == []


def test_annotations_of_assets_are_not_postponed() -> None:
    assert imported_from("assets", "__future__") == []
    assert "__future__" not in set(imports(PACKAGE / "automation.py"))


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in modules() if path.read_text() and not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[dg.AssetSpec]:
    definitions = build_defs(world_settings("postgresql://nowhere/none", tmp_path_factory.mktemp("home")))
    return list(definitions.resolve_all_asset_specs())


def test_every_asset_says_what_it_is_and_whose(specs: list[dg.AssetSpec]) -> None:
    assert len(specs) > 20
    for spec in specs:
        assert spec.description, spec.key
        assert spec.kinds, spec.key
        assert spec.owners, spec.key
        assert spec.group_name, spec.key
        assert spec.group_name[0].isdigit(), spec.key


def test_groups_follow_the_flow(specs: list[dg.AssetSpec]) -> None:
    group = {spec.key: str(spec.group_name) for spec in specs}
    for spec in specs:
        for dependency in spec.deps:
            assert group[dependency.asset_key] <= group[spec.key], f"{spec.key} needs a later group's asset"


def test_every_source_is_the_beginning_of_something(specs: list[dg.AssetSpec]) -> None:
    used = {dependency.asset_key for spec in specs for dependency in spec.deps}
    assert [spec.key for spec in specs if spec.group_name == "1_sources" and spec.key not in used] == []


def test_the_log_has_every_study_day_and_all_that_follows_has_nights(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        if spec.group_name == "1_sources":
            assert spec.partitions_def is None
        elif spec.key in {dg.AssetKey(LOG), dg.AssetKey(GRADED)}:
            assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)
        else:
            assert spec.partitions_def == NIGHTS, spec.key


def test_every_query_says_its_grain() -> None:
    for path in sorted((PACKAGE / "sql").rglob("*.sql")):
        text = path.read_text()
        assert text.startswith("-- "), path
        if not SQL_VERBS_WITHOUT_GRAIN.search(text):
            comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("--"))
            assert re.search(r"^-- Grain: ", comment, re.MULTILINE), path


def test_the_features_are_listed_once() -> None:
    columns = [line.rsplit(" AS ", 1)[1] for line in select_list().split(",\n")]
    assert columns == [*FEATURE_NAMES, *OBSERVED_NAMES, DATA_QUALITY, *EXTENDED_NAMES]
    assert "{columns}" in (PACKAGE / "stages/s2_features/sql/features.sql").read_text()
