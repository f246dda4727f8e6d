"""docs/adopt.md: each example's views over its own made-up source, by a role that sees nothing but the views.

One story an example: loaded, compared, two nights, help that is applied in between, the first night again. Times are of
today, since the examples' are.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from americano_assets.contract import READ
from americano_assets.contract.compare import check
from americano_assets.contract.grants import grants
from americano_assets.contract.views import look_into
from americano_assets.core.study_days.study_day import cutoff, last_closed
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.s1_snapshots.postgres_reader import log_query
from americano_assets.stages.s1_snapshots.quarantine import bad_rows, readings
from americano_assets_tests.api.serving import serving
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.conftest import temporary
from americano_assets_tests.world import Nights, World, published_rows, world_settings

pytestmark = pytest.mark.long

SCHEMA = "americano"
EXAMPLES = ("moodle", "xapi")
WEEKS_OF_LOG = 11


@dataclass
class Adopted:
    """A source with its views, two nights on it, and what stood in the written tables after each step."""

    name: str
    owner: World
    url: str
    check_db: str
    nights: Nights
    days: list[date]
    published: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def read(self, table: str, day: date) -> pd.DataFrame:
        """A day's stored rows."""
        stored = self.nights.deployment.store.read_day(table, day)
        assert stored is not None
        frame: pd.DataFrame = stored.to_pandas()
        return frame

    def predicted(self) -> list[tuple[Any, ...]]:
        """Whom a prediction of now is about, of what and for when."""
        return self.owner.rows('SELECT "userId", "learningObjectiveId", "predictionDate", id FROM struggle_predictions')


def _script(owner: World, text: str) -> None:
    """Statements of a file, in which a percent sign is one."""
    owner.connection.execute(text.encode())


def follow(page: Path, server: EmbeddedServer, database: str, folder: Path) -> None:
    """Run the first shell block of a page up to check-db, word for word but for the names of database and command."""
    (block, *_) = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    script, told, _ = block.partition("./americano check-db")
    assert told
    script = re.sub(r"^(createdb|export DATABASE_URL).*$", "", script, flags=re.MULTILINE)
    parts = conninfo_to_dict(database)
    script = script.replace("psql school ", f"psql --quiet --set ON_ERROR_STOP=1 {parts['dbname']} ")
    script = script.replace("./americano ", f"{sys.executable} -P -m americano_assets ")
    (folder / "examples").symlink_to(PROJECT_ROOT / "examples")
    environment = {"PATH": f"{server._binaries}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT_ROOT)}
    address = {"PGHOST": str(parts["host"]), "PGPORT": str(parts["port"]), "PGUSER": str(parts["user"])}
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=os.environ | environment | address,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=EXAMPLES)
def adopted(
    request: pytest.FixtureRequest, server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Adopted]:
    name, role = request.param, f"adopter_{request.param}_{os.getpid()}"
    with ExitStack() as stack:
        database = stack.enter_context(contextmanager(temporary)(server, "template0"))
        owner = World(stack.enter_context(psycopg.connect(database, autocommit=True)))
        page = PROJECT_ROOT / "examples" / name / "README.md"
        follow(page, server, database, tmp_path_factory.mktemp(f"{name}-followed"))
        owner.execute(f"SET search_path = {SCHEMA}")
        owner.execute(f'CREATE ROLE "{role}" LOGIN')
        stack.callback(owner.execute, f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')
        owner.execute(grants(role, SCHEMA))
        parts = urlsplit(database)
        as_role = parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}")
        url = f"{urlunsplit(as_role)}&schema={SCHEMA}"
        done = run("check-db", DATABASE_URL=url)
        now = datetime.now(UTC)
        start = now.date() - timedelta(weeks=WEEKS_OF_LOG)
        home = tmp_path_factory.mktemp(name)
        settings = world_settings(url, home, model_type="rule_based", americano_start_day=start)
        nights = Nights(settings, stack.enter_context(dg.DagsterInstance.ephemeral()))
        nights.deployment.clock = now
        closed = last_closed(now, nights.deployment.zone)
        told = Adopted(name, owner, url, done.stdout + done.stderr, nights, [closed - timedelta(days=1), closed])
        _live_through(told, start)
        yield told


def _live_through(told: Adopted, start: date) -> None:
    first, second = (day.isoformat() for day in told.days)
    assert told.nights.history(start.isoformat(), (told.days[0] - timedelta(days=1)).isoformat()).success
    assert told.nights.night(first).success
    told.published["first"] = published_rows(told.owner)
    with serving(told.nights.deployment.settings) as service:
        service.now = told.nights.deployment.clock.replace(tzinfo=None)
        applicable = 'SELECT r.id, r."userId" FROM intervention_recommendations r{} ORDER BY r.id LIMIT 1'
        open_mission = ' JOIN missions m ON m."userId" = r."userId" AND m.status = %s AND m.date > %s'
        if told.name == "moodle":
            (advice, learner) = told.owner.rows(applicable.format(open_mission), "PENDING", service.now)[0]
            told.answers["applied"] = service.post(f"/interventions/{advice}/apply")
        else:
            (advice, learner) = told.owner.rows(applicable.format(""))[0]
            told.answers["applied"] = service.post(f"/interventions/{advice}/apply", 404)
        told.answers["listed"] = service.get("/predictions", user_id=learner)
        told.answers["fresh"] = service.post("/predictions/generate", 201, user_id=learner)
    told.answers["advice"] = advice
    assert told.nights.night(second).success
    told.published["second"] = published_rows(told.owner)
    assert told.nights.night(first, on_time=False).success
    told.published["first again"] = published_rows(told.owner)


def test_check_db_has_nothing_to_say_against_it(adopted: Adopted) -> None:
    assert adopted.check_db.endswith("matches the contract.\n"), adopted.check_db


def test_two_nights_publish_and_the_first_one_again_changes_nothing(adopted: Adopted) -> None:
    for step in ("first", "second"):
        assert all(adopted.published[step].values()), step
    assert adopted.published["second"] != adopted.published["first"]
    assert adopted.published["first again"] == adopted.published["second"]


def test_no_row_of_the_source_is_bad_or_names_what_is_not_there(adopted: Adopted) -> None:
    assert not bad_rows(adopted.nights.deployment.store, readings(adopted.nights.deployment.store))
    answered = pd.concat(
        [adopted.read("validation_responses", adopted.days[1] - timedelta(days=back)) for back in range(14)]
    )
    assert len(answered) > 50
    assert not answered[["objective_id", "course_id"]].isna().to_numpy().any()
    assert answered["score"].between(0, 1).all()
    assert answered["score"].nunique() > 2


def test_the_api_answers_about_them(adopted: Adopted) -> None:
    assert adopted.answers["listed"]["total_count"] > 0
    assert all(one["objective_name"] and one["course_name"] for one in adopted.answers["listed"]["predictions"])
    assert adopted.answers["fresh"]["total_count"] > 0


def test_a_role_that_may_read_the_views_reads_nothing_behind_them(adopted: Adopted) -> None:
    behind = "mdl_user" if adopted.name == "moodle" else "statements"
    with psycopg.connect(adopted.url.partition("&schema")[0], autocommit=True) as narrow:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            narrow.execute(f"SELECT FROM public.{behind}".encode())
        assert narrow.execute(f"SELECT count(*) > 30 FROM {SCHEMA}.users".encode()).fetchone() == (True,)


def test_a_nights_own_queries_can_use_the_indexes_of_the_example(adopted: Adopted) -> None:
    zone, day = adopted.nights.deployment.zone, adopted.days[1]
    indexes = {
        "moodle": {
            "validation_responses": ["americano_graded_steps", "americano_assign_grades"],
            "study_sessions": ["americano_quiz_attempts"],
        },
        "xapi": {
            "validation_responses": ["americano_answered", "americano_graded", "americano_voided"],
            "study_sessions": ["americano_terminated"],
        },
    }[adopted.name]
    for table, names in indexes.items():
        with adopted.owner.connection.transaction():
            adopted.owner.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
            plan = "\n".join(line for (line,) in adopted.owner.rows(f"EXPLAIN {log_query(table, [day], zone)}"))
        assert all(f" {name} " in plan for name in names), plan


def test_who_is_predicted_what_is_what_the_source_means(adopted: Adopted) -> None:
    {"moodle": _of_moodle, "xapi": _of_a_store}[adopted.name](adopted)


def _of_moodle(adopted: Adopted) -> None:
    """Learners alone, for what is due to them; each mark as it was given first."""
    opens = cutoff(adopted.days[0], adopted.nights.deployment.zone).replace(tzinfo=None)
    predicted = adopted.predicted()
    learners = {int(learner) for learner, *_ in predicted}
    assert learners <= set(range(3, 41)), "neither the guest, the teacher, a deleted account nor who opted out"
    assert len(learners) > 10
    due = {(learner, when) for learner, objective, when, _ in predicted if objective.startswith("category-")}
    closing = {
        (learner, when)
        for learner, when in adopted.owner.rows('SELECT "userId", "date" FROM missions WHERE id LIKE %s', "quiz-%")
    }
    assert due
    assert due <= closing
    assert all(when > opens for _, when in due)
    given_time, usual = (
        adopted.owner.rows('SELECT max("date") FROM missions WHERE "userId" = %s AND id LIKE %s', learner, "quiz-20-%")
        for learner in ("5", "7")
    )
    assert given_time != usual
    changed = adopted.owner.rows(
        'SELECT v.score, v."respondedAt" - to_timestamp(a.timefinish) AT TIME ZONE %s'
        " FROM public.mdl_question_attempt_steps s"
        " JOIN public.mdl_question_attempts q ON q.id = s.questionattemptid"
        " JOIN public.mdl_quiz_attempts a ON a.uniqueid = q.questionusageid"
        " JOIN validation_responses v ON v.id = 'question-attempt-' || q.id WHERE s.sequencenumber = 3",
        "UTC",
    )
    assert changed == [(0.4, timedelta(days=3))]
    assert "shows no note" in adopted.answers["applied"]["message"]
    assert adopted.owner.rows(
        "SELECT status::text FROM intervention_recommendations WHERE id = %s", adopted.answers["advice"]
    ) == [("IN_PROGRESS",)]


def _of_a_store(adopted: Adopted) -> None:
    """The weakest chapters, of pseudonyms; nothing of what is voided, malformed or about something else."""
    predicted = adopted.predicted()
    assert len(predicted) > 20
    assert all(len(learner) == 32 and "@" not in learner for learner, *_ in predicted)
    assert adopted.answers["applied"]["code"] == "no_mission"
    assert {name for (name,) in adopted.owner.rows("SELECT objective FROM learning_objectives")} == {
        f"Chapter {chapter} of course {course}" for chapter in range(1, 5) for course in (1, 2)
    }
    assert adopted.owner.rows("SELECT count(*) FROM users") == [(40,)]
    counted = adopted.owner.rows("SELECT count(*) FROM validation_responses")
    asked = "verb' ->> 'id' LIKE '%%/answered'"
    assert counted < adopted.owner.rows(
        f"SELECT count(*) FROM public.statements WHERE statement -> '{asked} OR statement ->> 'type' = 'GradeEvent'"
    )


def test_every_table_that_is_read_is_a_view(adopted: Adopted) -> None:
    views = adopted.owner.rows("SELECT table_name FROM information_schema.views WHERE table_schema = %s", SCHEMA)
    assert {table.name for table in READ} <= {name for (name,) in views}


def test_the_mapping_on_the_page_is_a_whole_one(server: EmbeddedServer, empty_database: str, tmp_path: Path) -> None:
    tables, mapping = re.findall(r"```sql\n(.*?)```", (PROJECT_ROOT / "docs" / "adopt.md").read_text(), re.DOTALL)
    now = datetime.now(UTC)
    closed = last_closed(now, ZoneInfo("UTC"))
    with psycopg.connect(empty_database, autocommit=True) as connection:
        owner = World(connection)
        _script(owner, tables)
        _script(
            owner,
            "INSERT INTO exercises SELECT n, 'Chapter ' || n % 3, current_date + n % 3 FROM generate_series(1, 9) n;"
            " INSERT INTO answers SELECT row_number() OVER (), s, e, CASE WHEN s % 2 = 0 THEN 3 ELSE 9 END, 10,"
            " now() - d * interval '1 day'"
            " FROM generate_series(1, 6) s, generate_series(1, 9) e, generate_series(2, 9) d",
        )
        follow(PROJECT_ROOT / "docs" / "adopt.md", server, empty_database, tmp_path)
        _script(owner, mapping)
        owner.execute(f"SET search_path = {SCHEMA}")
        assert check(connection) == []
        assert look_into(connection) == []
        settings = world_settings(
            f"{empty_database}&schema={SCHEMA}", tmp_path, americano_start_day=closed - timedelta(weeks=3)
        )
        with dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(settings, instance)
            nights.deployment.clock = now
            assert nights.history(
                (closed - timedelta(days=12)).isoformat(), (closed - timedelta(days=1)).isoformat()
            ).success
            assert nights.night(closed.isoformat()).success
        predicted = owner.rows('SELECT DISTINCT mod("userId"::int, 2) FROM struggle_predictions')
        assert predicted == [(0,)], "whoever got three points of ten, and nobody else"
