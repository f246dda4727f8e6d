"""The Columns tab of Dagster's UI is what a real night stored: each column with its type and what it means."""

import json
from collections.abc import Iterable

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest

from americano_assets.contract.tables import WRITTEN
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.stages.s9_report.research_tables import SCHEMA
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED
from americano_assets_tests.world import study_day

GRADED = ("interactions", "session_ends")
# Where the files of an asset are, if not under its own name.
FILES: dict[str, tuple[str, ...]] = {
    "log_snapshots": tuple(LOG_TABLES),
    "night_log": (*LOG_TABLES, *GRADED),
    "state_snapshots": tuple(STATE_TABLES),
    "interactions": GRADED,
    "elo_state": ("elo_at",),
    "labels": ("labels_at",),
    **{name: (name,) for name in ("features", "training_set", "scored_predictions", "indicators", "interventions")},
}
# Tables of schema ml that an asset of another name writes, or writes beside its own.
LEDGERS: dict[str, tuple[str, ...]] = {
    "struggle_model": ("model_versions", "model_events"),
    "app/struggle_predictions": ("study_days", "published", "assignments"),
    "app/intervention_recommendations": ("intervention_actions",),
    "ml/episodes": ("first_flag_outcomes", "outcome_changes"),
}
NO_TABLE = {"nightly_report"}


def assets(lived: Lived) -> dict[str, dg.AssetSpec]:
    specs = lived.nights.definitions.resolve_all_asset_specs()
    sources = {spec.key for spec in specs if spec.partitions_def is None}
    return {spec.key.to_user_string(): spec for spec in specs if spec.key not in sources}


def schema_of(spec: dg.AssetSpec) -> dg.TableSchema:
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    return schema


def of_files(lived: Lived, tables: Iterable[str]) -> dict[str, dict[str, str]]:
    """Types of the columns of each table's files, which all have the same."""
    found: dict[str, dict[str, str]] = {}
    for table in tables:
        for path in (lived.deployment.store.root / table).rglob("*.parquet"):
            types = {field.name: str(field.type) for field in pq.read_schema(path)}
            assert found.setdefault(table, types) == types, path
    return found


def of_database(lived: Lived, schema: str, table: str) -> dict[str, str]:
    rows = lived.world.rows(
        "SELECT attname, replace(format_type(atttypid, atttypmod), ' without time zone', '') FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        f"{schema}.{table}",
    )
    return dict(rows)


def of_research(lived: Lived) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(lived.settings.analytics_path), read_only=True) as connection:
        for table, column, kind in connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = ?", [SCHEMA]
        ).fetchall():
            found.setdefault(table, {})[column] = kind
    return found


def named(tables: dict[str, dict[str, str]], *, plain: str = "") -> dict[str, str]:
    """Columns as an asset of these tables names them; `plain` is its own one among others."""
    alone = plain or (next(iter(tables)) if len(tables) == 1 else "")
    return {
        column if table == alone else f"{table}.{column}": kind
        for table, columns in tables.items()
        for column, kind in columns.items()
    }


def stored(lived: Lived, asset: str) -> dict[str, str]:
    """What the night stored of an asset, by column."""
    schema, _, name = asset.rpartition("/")
    if asset == "analytics_database":
        return named(of_research(lived))
    if asset in FILES:
        return named(of_files(lived, FILES[asset]))
    ledgers = {table: of_database(lived, "ml", table) for table in LEDGERS.get(asset, ())}
    if not schema:
        return named(ledgers)
    own = of_database(lived, {"app": "public"}.get(schema, schema), name)
    return named({name: own, **ledgers}, plain=name)


def test_every_asset_that_writes_a_table_lists_just_what_a_night_stored(lived: Lived) -> None:
    specs = assets(lived)
    assert {name for name, spec in specs.items() if "dagster/column_schema" not in spec.metadata} == NO_TABLE
    for name in specs.keys() - NO_TABLE:
        listed = {column.name: column.type for column in schema_of(specs[name]).columns}
        found = stored(lived, name)
        if name.startswith("app/"):  # Prisma's spelling of types is what the contract's own test compares.
            assert sorted(listed) == sorted(found), name
        else:
            assert listed == found, name


def test_every_column_says_what_it_means(lived: Lived) -> None:
    for name, spec in assets(lived).items():
        for column in schema_of(spec).columns if name not in NO_TABLE else ():
            assert (column.description or "").endswith("."), f"{name}: {column.name}"
    assert all(column.description for table in WRITTEN for column in table.columns)


@pytest.mark.parametrize(
    ("asset", "column", "told"),
    [
        ("log_snapshots", "validation_responses.score", ("0-1", False, ["in_range(0, 1)"])),
        ("log_snapshots", "reviews.rating", ("recalled", False, ["one of AGAIN, HARD, GOOD, EASY"])),
        ("features", "retention_score", ("not AGAIN, 0-1", False, ["in_range(0, 1)"])),
        ("features", "cohort_lapse_rate", ("null where nobody", True, [])),
        ("app/struggle_predictions", "predictedAt", ("(UTC)", False, [])),
        ("ml/model_performance", "recall", ("0-1", True, [])),
    ],
)
def test_units_nulls_and_rules_are_told(
    lived: Lived, asset: str, column: str, told: tuple[str, bool, list[str]]
) -> None:
    (found,) = (one for one in schema_of(assets(lived)[asset]).columns if one.name == column)
    words, nullable, rules = told
    assert words in (found.description or "")
    assert (found.constraints.nullable, list(found.constraints.other)) == (nullable, rules)


def test_published_columns_name_the_columns_that_they_come_from(lived: Lived) -> None:
    night, store = study_day(JUDGED), lived.deployment.store
    frames = {name: store.read_day(name, night) for name in ("scored_predictions", "indicators", "interventions")}
    kept = {name: frame.to_pandas() for name, frame in frames.items() if frame is not None}
    prediction_of = {"struggle_predictions": "id", "struggle_indicators": "predictionId"}
    for table in (one.name for one in WRITTEN):
        key = dg.AssetKey(["app", table])
        (event,) = lived.nights.instance.fetch_materializations(key, limit=1).records
        assert event.asset_materialization is not None
        lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        names = ", ".join(f't."{column}"' for column in lineage.deps_by_column)
        prediction = prediction_of.get(table, "predictionId")
        published = lived.world.rows(
            f'SELECT {names}, t."id", t."{prediction}" FROM {table} t '
            f'JOIN struggle_predictions p ON p."id" = t."{prediction}" '
            'WHERE p."predictedAt" = (SELECT max(cutoff_at) FROM ml.study_days) AND p."predictionStatus" = \'PENDING\''
        )
        assert len(published) > 10
        for number, (column, sources) in enumerate(lineage.deps_by_column.items()):
            assert {one.asset_key.to_user_string() for one in sources} <= {
                one.to_user_string() for one in parents(lived, key)
            }
            if len(sources) > 1:  # The vector of features: each under its own name.
                assert all({one.column_name for one in sources} == row[number].keys() for row in published)
                continue
            of = kept[sources[0].asset_key.to_user_string()]
            own = "id" if sources[0].asset_key.to_user_string() != "scored_predictions" else "prediction_id"
            by = of.set_index(own, drop=False)[sources[0].column_name].to_dict()
            place = -2 if own == "id" else -1
            for row in published:
                assert plain(row[number]) == plain(by[row[place]]), f"{table}.{column}"


def parents(lived: Lived, key: dg.AssetKey) -> set[dg.AssetKey]:
    (spec,) = (one for one in lived.nights.definitions.resolve_all_asset_specs() if one.key == key)
    return {one.asset_key for one in spec.deps}


def plain(value: object) -> object:
    """A value as both stores can say it: JSON is one as text."""
    if isinstance(value, str) and value[:1] in "[{":
        return json.loads(value)
    return round(value, 9) if isinstance(value, float) else value
