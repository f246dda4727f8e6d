"""A home and a database in which every registered place holds something of one learner and something of another.

Wherever the other learner's row has a text of its own, that is the first one's id: a word of theirs, an objective of
that name.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from americano_assets.core.base.ids import cuid
from americano_assets.core.base.validation import Violation
from americano_assets.core.features.skill_update import LEARNER, OBJECTIVE
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.maintenance.erasure.registry import APP_TABLES, ML_TABLES, NAMES_ROWS, STORE_TABLES
from americano_assets.stages.s1_snapshots.quarantine import Quality, record_reading
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.world import World

DAY = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
OTHER = "somebody-else"
RANDOM = "cm3x9k2lq0001v8h4z7d5t6wa"
LEARNER_COLUMNS = ("user_id", "learner_id", "scope_id")
_ALLOWED = {
    "arm": "treated",
    "unit": "episode",
    "outcome": "struggled",
    "scope": "learner",
    "period": "week",
    "kind": "observational",
    "evidence": "experiment",
    "estimand": "studied_only",
    "feedback_type": "HELPFUL",
    "basis": "last_refresh",
    "type": "PROACTIVE_WARNING",
    "severity": "LOW",
    "action": "note",
    "until": None,
    "courses": None,
}
_BY_TYPE: dict[str, Any] = {
    **dict.fromkeys(("integer", "bigint"), 1),
    "double precision": 0.5,
    "boolean": True,
    "date": DAY,
    "timestamp without time zone": AT.replace(tzinfo=None),
    "jsonb": "{}",
    "ARRAY": [],
}


@dataclass
class Planted:
    """What was planted for a learner, and what must be left of it.

    Attributes:
        learner: The learner.
        word: What stands in the other learner's texts.
        days: Rows of others of each table that is kept by days.
        whole: The same of each content that is stored whole, by table and name.
        tables: All rows of the database's tables that are nobody's or the other learner's, as JSON.
        readings: Records of bad rows, and the examples that stay in each.
    """

    learner: str
    word: str
    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    whole: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    tables: dict[str, list[str]] = field(default_factory=dict)
    readings: dict[Path, list[str]] = field(default_factory=dict)


def key(learner: str) -> int:
    """As the queries have it."""
    return int(duckdb.execute("SELECT md5_number_lower(?)", [learner]).fetchall()[0][0])


def plant(deployment: Deployment, world: World, learner: str, word: str | None = None) -> Planted:
    """Fill every place; `word` stands in the other learner's texts, without it the first one's id."""
    planted = Planted(learner, learner if word is None else word)
    for one in (learner, OTHER):
        world.learner(one)
    for table in STORE_TABLES:
        _plant_stored(deployment.store, table, planted)
    world.course("anatomy", OTHER)
    world.objective("heart", "anatomy")
    for one in (learner, OTHER):
        prediction = world.insert(PREDICTIONS, id=cuid("prediction", one), userId=one, learningObjectiveId="heart")
        own = {"userId": one, "predictionId": prediction}
        world.insert(INDICATORS, id=cuid(INDICATORS, one), learningObjectiveId="heart", **own)
        world.insert(RECOMMENDATIONS, id=cuid(RECOMMENDATIONS, one), **own)
    for table, rows in ML_TABLES.items():
        if rows is not None:
            # Theirs are removed in MLflow too: stages/s8_reduction/test_single_case.py.
            if table != "single_cases":
                _plant_rows(world, table, learner, planted.word)
            _plant_rows(world, table, OTHER, planted.word)
    for table in ("model_performance", "struggle_reduction", "effects"):
        _plant_rows(world, table, planted.word, planted.word, scope="course")
    planted.tables = rows_of_others(world, learner)
    return planted


def rows_of_others(world: World, learner: str) -> dict[str, list[str]]:
    """Every row of ours in the database but the learner's, whom a column names, and not merely a text."""
    found = {}
    told = ("forgettings", "api_tokens", "home")  # Each command is counted there.
    for table in (*APP_TABLES, *(f"ml.{name}" for name in ML_TABLES if name not in told)):
        rows = [row[0] for row in world.rows(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text")]
        found[table] = [json.dumps(row, sort_keys=True) for row in rows if not _is_theirs(row, learner)]
    return found


def is_as_it_must_be(deployment: Deployment, world: World, planted: Planted) -> None:
    """Others' rows are all there, the learner's are not, in files and in tables."""
    store = deployment.store
    for table, rows in planted.days.items():
        stored = store.read_day(table, DAY)
        assert stored is not None
        assert stored.to_pylist() == rows, table
        assert [path.stem for path in store.root.glob(f"{table}/day={DAY}/*.parquet")] != []
        for path in store.root.glob(f"{table}/day={DAY}/*.parquet"):
            assert pq.read_table(path).to_pylist() == rows, path
    for (table, content), rows in planted.whole.items():
        assert store.read_whole(table, content).to_pylist() == rows, table
    for path, examples in planted.readings.items():
        assert json.loads(path.read_text())["violations"][0]["examples"] == examples
    assert rows_of_others(world, planted.learner) == planted.tables
    assert world.rows("SELECT count(*) FROM ml.api_tokens WHERE learner_id = %s", planted.learner) == [(0,)]


def _is_theirs(row: dict[str, Any], learner: str) -> bool:
    if row.get("scope", "learner") != "learner":
        return False
    return learner in (row.get("userId"), *(row.get(column) for column in LEARNER_COLUMNS))


def _plant_stored(store: ParquetStore, table: str, planted: Planted) -> None:
    holds, learner = STORE_TABLES[table], planted.learner
    row_id = NAMES_ROWS.get(table, "row_id")
    theirs: dict[str, Any] = {row_id: cuid("row", learner), "word": "theirs", "level": LEARNER}
    others: dict[str, Any] = {row_id: cuid("row", OTHER), "word": planted.word, "level": LEARNER}
    for row, who in ((theirs, learner), (others, OTHER)):
        row |= {holds.learner: who} if holds.learner else {}
        row |= {holds.key: key(who)} if holds.key else {}
        row |= {holds.prediction: cuid("prediction", who)} if holds.prediction else {}
    rows = [others]
    if holds.levels:
        # An objective of that name is nobody's.
        rows.append(theirs | {"level": OBJECTIVE, "word": "an objective's"})
    mine = [theirs] if holds.columns else []
    schema = pa.schema(
        [(name, pa.uint64() if name == holds.key else pa.int8() if name == "level" else pa.string()) for name in others]
    )
    stored = pa.Table.from_pylist([*mine, *rows], schema)
    version = store.put_day(table, DAY, stored.to_batches(), schema)
    planted.days[table] = rows
    if "/" not in table and table not in LOG_TABLES:
        planted.whole[table, store.put_whole(table, stored.append_column("whole", [[table] * len(stored)])).content] = [
            row | {"whole": table} for row in rows
        ]
    if table in NAMES_ROWS:
        _plant_reading(store, table, version, planted, row_id)


def _plant_reading(store: ParquetStore, table: str, version: Version, planted: Planted, row_id: str) -> None:
    name = table.split("/")[1]
    examples = (cuid("row", planted.learner), cuid("row", OTHER))
    found = Violation(name, "score", "in_range(0, 1)", 2, examples)
    record_reading(store, Quality(name, AT, 2, 2, [found], [version.content]))
    (path,) = (store.root / table / f"day={DAY}").glob("reading-*.json")
    planted.readings[path] = [examples[1]]


def _plant_rows(world: World, table: str, owner: str, word: str, **given: Any) -> None:
    columns = world.rows(
        "SELECT column_name, data_type, identity_generation FROM information_schema.columns "
        "WHERE table_schema = 'ml' AND table_name = %s",
        table,
    )
    row = {}
    for name, kind, generated in columns:
        if generated is None:
            text = word if owner == OTHER else "theirs"
            row[name] = given.get(name) or _ALLOWED.get(name, _BY_TYPE.get(kind, text))
    row |= {name: owner for name in LEARNER_COLUMNS if name in row}
    row |= {"prediction_id": cuid("prediction", owner)} if "prediction_id" in row else {}
    ids = ("id", "row_id", "intervention_id", "token_hash", "name", "mlflow_run_id")
    row |= {name: cuid(table, name, owner) for name in ids if name in row}
    row |= {"name": f"of {owner}"} if table == "api_tokens" else {}
    world.connection.execute(
        sql.SQL("INSERT INTO ml.{} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        ),
        list(row.values()),
    )
