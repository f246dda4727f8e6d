"""A real Prisma client reads what a night wrote, changes it, and finds its changes after a rerun."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from americano_assets_tests.api.rows import WRITTEN
from americano_assets_tests.end_to_end.app.conftest import ENVIRONMENT, EXAMPLE, for_node, npx
from americano_assets_tests.end_to_end.story import FIRST, SECOND
from americano_assets_tests.frames import HOSTILE
from americano_assets_tests.world import Nights, World

pytestmark = pytest.mark.node

LEARNER = "stuck"
FirstNight = tuple[Nights, World, str]


def _ask(url: str, what: str, client: Path | None = None) -> dict[str, Any]:
    other = {"PRISMA_CLIENT": str(client)} if client else {}
    done = subprocess.run(
        ["node", "checks/rows.mjs", what, LEARNER],
        cwd=EXAMPLE,
        env={**ENVIRONMENT, "DATABASE_URL": for_node(url), **other},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _text_client(folder: Path) -> Path:
    """A client of the schema of hand-made deployments: String where the enums were TEXT."""
    schema = (EXAMPLE / "prisma" / "schema.prisma").read_text()
    for name in ("PredictionStatus", "IndicatorType", "Severity", "InterventionType", "InterventionStatus"):
        schema = re.sub(rf"^enum {name} {{.*?^}}\n", "", schema, flags=re.MULTILINE | re.DOTALL)
        schema = re.sub(rf"\b{name}\b", "String", schema)
    schema = schema.replace("@default(PENDING)", '@default("PENDING")')
    schema = schema.replace('"prisma-client-js"', f'"prisma-client-js"\n  output = "{folder}"')
    path = EXAMPLE / "prisma" / "generated-text.prisma"
    try:
        path.write_text(schema)
        npx("prisma", "generate", "--schema", str(path))
    finally:
        path.unlink(missing_ok=True)
    return folder


@pytest.mark.parametrize("columns", ["enum", "text"])
def test_prisma_reads_and_changes_rows_and_a_rerun_keeps_the_changes(
    generated_client: Path, first_night: FirstNight, columns: str
) -> None:
    nights, world, url = first_night
    client = None
    if columns == "text":
        for table, names in WRITTEN.items():
            for name in names:
                world.execute(f'ALTER TABLE {table} ALTER "{name}" DROP DEFAULT')
                world.execute(f'ALTER TABLE {table} ALTER "{name}" TYPE text USING "{name}"::text')
        client = _text_client(EXAMPLE / "node_modules" / ".generated-text")
    found = _ask(url, "read", client)
    (prediction,) = found["predictions"]
    assert found["byStatus"] == [{"_count": 1, "predictionStatus": "PENDING"}]
    assert prediction["learningObjective"]["lecture"]["course"]["name"] == HOSTILE
    assert prediction["predictionDate"] == "2026-03-12T09:00:00.000Z"
    assert prediction["predictedAt"] == "2026-03-09T23:00:00.000Z"
    assert 0 <= prediction["featureVector"]["retention_score"] <= 1
    assert all(factor["text"] for factor in prediction["strugglingFactors"])
    signs = {one["indicatorType"] for one in prediction["struggleIndicators"]}
    assert signs == {"LOW_RETENTION", "HISTORICAL_STRUGGLE_PATTERN"}
    assert [(one["interventionType"], one["status"]) for one in prediction["interventionRecommendations"]] == [
        ("SPACED_REPETITION_BOOST", "PENDING")
    ]
    _ask(url, "touch", client)
    (touched,) = _ask(url, "read", client)["predictions"]
    assert touched["predictionStatus"] == "DISMISSED"
    assert nights.night(FIRST).success
    assert nights.night(SECOND).success
    (after,) = _ask(url, "read", client)["predictions"]
    assert after["predictedAt"] == "2026-03-10T23:00:00.000Z", "what is ours goes on"
    kept = ("predictionStatus", "acknowledgedAt")
    assert {name: after[name] for name in kept} == {name: touched[name] for name in kept}
    help_touched, help_after = (
        [(one["id"], one["status"], one["acknowledgedAt"]) for one in row["interventionRecommendations"]]
        for row in (touched, after)
    )
    assert [(status, at) for _, status, at in help_touched] == [("SKIPPED", "2026-03-10T07:30:00.123Z")]
    assert help_after == help_touched
