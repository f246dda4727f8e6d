"""A worker that accepts requests is warm: its first prediction imports no package and opens no engine."""

import json
import os
import subprocess
import sys

import pytest

from americano_assets.core.training.fit import BOOSTING, RULES
from americano_assets.core.training.train import train
from americano_assets.installation import PROJECT_ROOT
from americano_assets.stages.common.deployment import Deployment
from americano_assets_tests.api.live_prediction.conftest import FIRST, MORNING, School
from americano_assets_tests.core.training.test_training import labelled
from americano_assets_tests.world import study_day, world_settings

# What a process has imported before its first request and after it, by package.
SCRIPT = """
import asyncio, json, sys
from datetime import datetime, UTC
import httpx
from americano_assets.api.app import create_app

def packages():
    return {name.partition(".")[0] for name in sys.modules}

async def main():
    app = create_app(clock=lambda: datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            await client.get("/health")
            before = packages()
            answer = await client.post("/predictions/generate", json={"user_id": "asking"})
            print(json.dumps([answer.status_code, len(answer.json()["predictions"]), sorted(packages() - before)]))

asyncio.run(main())
"""


@pytest.mark.parametrize("model_type", [RULES, BOOSTING])
def test_the_first_prediction_imports_no_package(school: School, model_type: str) -> None:
    if model_type == BOOSTING:
        deployment = Deployment(world_settings(school.url, school.home))
        scorer = train(labelled(learners=60), BOOSTING).candidates[BOOSTING].scorer.with_threshold(0.0)
        model = deployment.models.save(BOOSTING, study_day(FIRST), "d", deployment.target, scorer)
        recorded = deployment.store.manifest(study_day(FIRST), "model")
        assert recorded is not None
        deployment.store.record_manifest(study_day(FIRST), "model", {**recorded, "model_version": model.version})
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, MORNING.isoformat()],
        env={**os.environ, "DATABASE_URL": school.url, "AMERICANO_HOME": str(school.home), "MODEL_TYPE": model_type},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout, found.stderr
    status, predictions, imported = json.loads(found.stdout)
    assert (status, imported) == (201, [])
    assert predictions == 1, "else nothing was scored and explained"
