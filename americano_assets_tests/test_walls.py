"""The walls of the house: who may import whom, how large a folder and a file may be, what every asset must say."""

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
from americano_assets.installation import PROJECT_ROOT
from americano_assets.stages.common.metadata import GRADED, LOG
from americano_assets.stages.common.partitions import NIGHTS
from americano_assets_tests.query_files import query_files
from americano_assets_tests.world import world_settings

PACKAGE = PROJECT_ROOT / "americano_assets"
# Each part of the package may import itself and what stands before it.
PARTS = (
    "errors",
    "installation",
    "core",
    "contract",
    "settings",
    "resources",
    "stages.common",
    "stages.s1_snapshots",
    "stages.s2_features",
    "stages.s3_training",
    "stages.s4_predictions",
    "stages.s5_interventions",
    "stages.s6_publication",
    "stages.s7_outcomes",
    "stages.s8_reduction",
    "stages.s9_report",
    "stages.maintenance",
    "evaluation",
    "api",
    "orchestration",
    "loading",
    "definitions",
    "cli",
    "__main__",
)
# And in the same way within the core.
OF_THE_CORE = (
    *("base", "study_days", "statistics", "features", "models", "training", "interventions", "publication"),
    *("morning_list", "outcomes", "effects", "evaluation", "estimator"),
)
# Who may import what comes from outside; a name that ends in a dot stands for all below it.
DAGSTER_IN = re.compile(
    r"stages\.\w+\.(\w+_)?assets|stages\.s1_snapshots\.sources|stages\.common\.(metadata|partitions|resources)"
    r"|orchestration\..+|definitions"
)
KEPT_OUT = {
    "core": {"psycopg", "duckdb", "mlflow", "adbc_driver_postgresql", "os", "pathlib", "time"},
    "contract": {"duckdb", "sklearn"},
    "api": {"sklearn", "mlflow"},
}
MOST_ENTRIES = 14
# Applied once each, under names that never change; what a demo is made of.
MORE_ON_PURPOSE = {"resources/postgres/migrations", "loading/demo/oulad/data"}
LONGEST_FILE = 300
SQL_VERBS_WITHOUT_GRAIN = re.compile(r"^\s*(INSERT|UPDATE|DELETE|CREATE|ALTER)\b", re.MULTILINE)


def modules(folder: str = "") -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """A module's name below the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file; a name imported from a package counts as its module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> list[str]:
    """Modules and names of the package that a file imports, without the package's own name."""
    return [name.partition(".")[2] for name in imports(path) if name.startswith("americano_assets.")]


def part_of(name: str, parts: tuple[str, ...]) -> str:
    """The part that a module or name is of."""
    found = [part for part in parts if name == part or name.startswith(f"{part}.")]
    assert found or name in ("", "stages", "core"), f"{name} is in no part of the house"
    return max(found, key=len, default=parts[0])


@pytest.mark.parametrize(("folder", "parts"), [("", PARTS), ("core", OF_THE_CORE)])
def test_imports_point_one_way(folder: str, parts: tuple[str, ...]) -> None:
    prefix = f"{folder}." if folder else ""
    found = []
    for path in modules(folder):
        name = name_of(path).removeprefix(prefix)
        own = part_of(name, parts)
        for imported in own_imports(path):
            if imported.startswith(prefix):
                to = imported.removeprefix(prefix)
                if parts.index(part_of(to, parts)) > parts.index(own):
                    found.append(f"{name} imports {to}")
    assert found == []


def test_core_stands_alone() -> None:
    own = [name for path in modules("core") for name in own_imports(path)]
    assert [name for name in own if not name.startswith("core.")] == []


def test_dagster_is_imported_where_its_assets_are_and_nowhere_else() -> None:
    using = [name_of(path) for path in modules() if any(name.split(".")[0] == "dagster" for name in imports(path))]
    assert [name for name in using if not DAGSTER_IN.fullmatch(name)] == []


def test_nobody_but_the_definitions_imports_a_stages_assets() -> None:
    found = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        for name in own_imports(path)
        if re.match(r"stages\.\w+\.(\w+_)?assets\b", name) and name_of(path) != "definitions"
    ]
    assert found == []


@pytest.mark.parametrize("folder", KEPT_OUT)
def test_libraries_stay_where_they_are_needed(folder: str) -> None:
    found = [
        f"{name_of(path)} imports {name}"
        for path in modules(folder)
        for name in imports(path)
        if name.split(".")[0] in KEPT_OUT[folder]
    ]
    assert found == []


def test_core_never_asks_for_the_time() -> None:
    clocks = re.compile(r"\.(now|utcnow|today)\(")
    assert [name_of(path) for path in modules("core") if clocks.search(path.read_text())] == []


def _holds_source(path: Path) -> bool:
    """Whether it is more than what Python left behind, here or in a folder that is gone from the project."""
    files = [path] if path.is_file() else path.rglob("*")
    return any(one.is_file() and "__pycache__" not in one.parts for one in files)


def test_no_folder_holds_more_than_one_sees_at_once() -> None:
    large = {}
    for folder in (PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())):
        entries = {path.name for path in folder.iterdir() if _holds_source(path)} - {"__init__.py"}
        if folder.name != "__pycache__" and len(entries) > MOST_ENTRIES:
            large[folder.relative_to(PACKAGE).as_posix()] = len(entries)
    assert set(large) <= MORE_ON_PURPOSE, large


def test_no_file_grows_past_what_one_can_read() -> None:
    lengths = {path.relative_to(PACKAGE).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert [name for name, lines in lengths.items() if lines > LONGEST_FILE] == []


# What turns text into markup, cells or commands: where it may stand, since text is made plain there.
WRITERS = {
    "rich": ("cli/display/terminal.py",),
    "typer.echo": ("cli/display/terminal.py",),
    "typer.secho": (),
    "dg.MetadataValue.md": ("stages/common/metadata.py",),
    "to_csv": ("core/base/escaping.py",),
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


def test_annotations_that_dagster_reads_are_not_postponed() -> None:
    found = [name_of(path) for path in modules() if any(name.startswith("__future__.") for name in imports(path))]
    assert [name for name in found if DAGSTER_IN.fullmatch(name)] == []


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
        assert (PACKAGE / "stages" / spec.group_name / "assets.py").exists(), spec.key


def test_groups_follow_the_flow(specs: list[dg.AssetSpec]) -> None:
    group = {spec.key: str(spec.group_name) for spec in specs}
    for spec in specs:
        for dependency in spec.deps:
            assert group[dependency.asset_key] <= group[spec.key], f"{spec.key} needs a later group's asset"


def test_every_source_is_the_beginning_of_something(specs: list[dg.AssetSpec]) -> None:
    used = {dependency.asset_key for spec in specs for dependency in spec.deps}
    assert [spec.key for spec in specs if spec.partitions_def is None and spec.key not in used] == []


def test_the_log_has_every_study_day_and_all_that_follows_has_nights(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        if spec.key.path[0] == "app" and not spec.deps:
            assert spec.partitions_def is None  # the app's own tables
        elif spec.key in {dg.AssetKey(LOG), dg.AssetKey(GRADED)}:
            assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)
        else:
            assert spec.partitions_def == NIGHTS, spec.key


def test_every_query_says_its_grain() -> None:
    for path in query_files().values():
        text = path.read_text()
        assert text.startswith("-- "), path
        if not SQL_VERBS_WITHOUT_GRAIN.search(text):
            comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("--"))
            assert re.search(r"^-- Grain: ", comment, re.MULTILINE), path


def test_the_features_are_listed_once() -> None:
    columns = [line.rsplit(" AS ", 1)[1] for line in select_list().split(",\n")]
    assert columns == [*FEATURE_NAMES, *OBSERVED_NAMES, DATA_QUALITY, *EXTENDED_NAMES]
    assert "{columns}" in query_files()["s2_features/features"].read_text()


THRESHOLD_RULE = "stages/s2_features/sql/macros.sql"
# Plants what the pipeline has to find, and must not ask it what a struggle is.
SIMULATED_RULE = "loading/demo/simulator/truth.py"


ORDERINGS = ("less", "less_equal", "greater", "greater_equal", "lt", "le", "gt", "ge")


def compared(path: Path) -> Iterator[str]:
    """What a file holds for less or more than something else, by an operator or by a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        by_operator = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        by_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ORDERINGS
        if by_operator or by_call:
            yield ast.unparse(node)


def test_what_mean_is_a_struggle_is_written_once() -> None:
    queries = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.sql")
        if re.search(r"<=?\s*\S*(struggle_below|mean_score)|(struggle_below|mean_score)\S*\s*[<>]", path.read_text())
    ]
    assert queries == [THRESHOLD_RULE]
    code = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        for comparison in compared(path)
        if re.search(r"below|mean_score", comparison, re.IGNORECASE)
    ]
    assert set(code) == {SIMULATED_RULE}
