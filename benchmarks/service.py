"""The HTTP service: reads beside a bare handler, fresh predictions, a soak. Service, database and load on one machine.

.venv/bin/python -m benchmarks.service [--seconds N] [--interactions N] [--repeat N] [--soak REQUESTS]

Reads are measured with wrk on servers of the same kind (uvicorn, one process, psycopg's pool): the service, and a
handler that runs the same two queries and does nothing else. Their ratio holds on another machine, the numbers do not.
Requests bring a token, as in production.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from americano_assets.api.database import Database, PoolLimits, new_pool
from americano_assets.api.tokens import create_token
from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES, MODEL_INPUTS, OBSERVED_NAMES
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.core.training.fit import BLEND, fit
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.common.model_files import ModelStore
from benchmarks.cohort import TARGET, ZONE
from benchmarks.database import database
from benchmarks.learner import OTHERS, fill
from benchmarks.load import at_a_rate

ROOT = Path(__file__).resolve().parent.parent
LEARNERS = [f"learner-{number}" for number in range(OTHERS + 1)]
CONNECTIONS = 16
RATE = 200
WARM_UP = 5


def bare() -> Starlette:
    """The yardstick: the queries of GET /predictions, their rows as JSON, nothing else. For uvicorn --factory."""
    limits = PoolLimits()
    pool = new_pool(os.environ["DATABASE_URL"], limits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    async def page(request: Request) -> Response:
        asked: dict[str, Any] = dict.fromkeys(("statuses", "min_probability", "after_date", "after_id", "ids"))
        asked |= {"user_id": request.query_params["user_id"], "anchor": datetime(2026, 1, 1), "rows": 51}  # noqa: DTZ001
        asked |= {"below_threshold_statuses": [], "high_risk": 0.7, "medium_risk": 0.4}
        async with Database(pool, limits, {}).snapshot() as snapshot:
            rows = await snapshot.rows("predictions_page", **asked)
            signs = await snapshot.rows("prediction_indicators", prediction_ids=[row["id"] for row in rows])
        return Response(json.dumps([rows, signs], default=str), media_type="application/json")

    return Starlette(routes=[Route("/predictions", page)], lifespan=lifespan)


def train(home: Path, now: datetime) -> None:
    """A model of the default kind, fitted on made-up rows, as the champion of the last closed study day."""
    random_rows = np.random.default_rng(7)
    size = 4000
    rows = pd.DataFrame(random_rows.random((size, len(MODEL_INPUTS))), columns=list(MODEL_INPUTS))
    rows[list(OBSERVED_NAMES)] = True
    rows[DATA_QUALITY] = 1.0
    rows[VALIDATION_MEAN] = rows["validation_score"]
    rows = rows.assign(
        learner_id=[f"someone-{number % 200}" for number in range(size)],
        objective_id=[f"objective-{number % 300}" for number in range(size)],
        struggled=rows[FEATURE_NAMES[0]] + random_rows.random(size) < 1,
    )
    halves = (rows[rows.index % 200 < 140], rows[rows.index % 200 >= 140])
    scorer = fit(BLEND, *halves).with_threshold(0.3)
    day = last_closed(now, ZONE)
    model = ModelStore(home / "models").save(BLEND, day, "made-up", TARGET, scorer)
    ParquetStore(home / "data").record_manifest(day, "model", {"model_version": model.version})


@contextmanager
def served(*command: str, **environment: str) -> Iterator[tuple[str, int]]:
    """A server's URL and process id, once it answers; ended behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment, "PORT": port, "UVICORN_PORT": port},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def bearer(token: str) -> dict[str, str]:
    """The header that a token is brought in."""
    return {"Authorization": f"Bearer {token}"}


def wrk(url: str, pid: int, token: str, seconds: int) -> tuple[float, float]:
    """Requests a second of a server kept busy, and its processor time a request in ms, the database's not counted."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}", url]
    began = processor_ms(pid)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = processor_ms(pid) - began
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"Not every request was answered as it should be:\n{told}")
    ((requests, rate),) = re.findall(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", told, re.DOTALL)
    return float(rate), spent / int(requests)


def processor_ms(pid: int) -> float:
    """Processor time that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def generated(url: str, pid: int, token: str, repeat: int) -> tuple[list[float], float]:
    """Milliseconds of each call for one learner, one after another, warm; processor time a call of the server."""
    took, before = [], 0.0
    with httpx.Client(base_url=url, headers=bearer(token), timeout=60) as client:
        for number in range(repeat + WARM_UP):
            if number == WARM_UP:
                before = processor_ms(pid)
            began = time.perf_counter()
            answer = client.post("/predictions/generate", json={"user_id": LEARNERS[0]})
            answer.raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    print(f"generate: {answer.json()['total_count']} predictions an answer")
    return took[WARM_UP:], (processor_ms(pid) - before) / repeat


async def soak(url: str, pid: int, token: str, requests: int) -> None:
    """Mixed requests from CONNECTIONS callers: answers by status, and the memory of the server over time."""
    answered: Counter[int] = Counter()
    memory = [resident(pid)]
    kept = httpx.Limits(keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=url, headers=bearer(token), timeout=60, limits=kept) as client:
        listed = (await client.get("/predictions", params={"user_id": LEARNERS[1]})).json()["predictions"]
        word = {"actual_struggle": True, "feedback_type": "HELPFUL"}

        async def caller(share: int) -> None:
            for _ in range(share):
                who, luck = random.choice(LEARNERS), random.random()
                if luck < 0.01:
                    answer = await client.post("/predictions/generate", json={"user_id": who})
                elif luck < 0.05:
                    answer = await client.post(f"/predictions/{random.choice(listed)['id']}/feedback", json=word)
                else:
                    path = random.choice(["/predictions", "/interventions", "/analytics/struggle-reduction", "/health"])
                    answer = await client.get(path, params={"user_id": who})
                answered[answer.status_code] += 1
                if answered.total() % (requests // 10) == 0:
                    memory.append(resident(pid))

        began = time.perf_counter()
        await asyncio.gather(*(caller(requests // CONNECTIONS) for _ in range(CONNECTIONS)))
        spent = time.perf_counter() - began
    print(f"soak: {answered.total()} requests in {spent:.0f} s, by status {dict(answered)}; MB {memory}")


def resident(pid: int) -> int:
    """Memory of a process in MB."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", told)[0]) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--interactions", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--soak", type=int, default=0)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit(
            "wrk is not installed, and measures the reads: `apt-get install wrk`, or another package of that name."
        )
    with database() as (url, home):
        now = datetime.now(UTC)
        fill(url, now, options.interactions, planned=30)
        train(home, now - timedelta(hours=1))
        with connect(url) as connection:
            token = create_token(connection, "benchmark", now)
        environment = {"DATABASE_URL": url, "AMERICANO_HOME": str(home), "AMERICANO_GENERATE_PER_MINUTE": "600"}
        bare_handler = (sys.executable, "-m", "uvicorn", "--factory", "benchmarks.service:bare", "--no-access-log")
        with (
            served(str(ROOT / "americano"), "api", **environment) as service,
            served(*bare_handler, **environment) as yardstick,
        ):
            measure(service, yardstick, token, options)
            if options.soak:
                asyncio.run(soak(*service, token, options.soak))


def measure(service: tuple[str, int], yardstick: tuple[str, int], token: str, options: argparse.Namespace) -> None:
    """Everything but the soak."""
    url, pid = service
    took, spent = generated(url, pid, token, options.repeat)
    low, high = np.percentile(took, [50, 95])
    print(f"generate: median {low:.0f} ms, p95 {high:.0f} ms, processor {spent:.0f} ms; load {os.getloadavg()[0]:.1f}")
    with httpx.Client(base_url=url, headers=bearer(token), timeout=60) as client:
        for who in LEARNERS[1:]:
            client.post("/predictions/generate", json={"user_id": who}).raise_for_status()
    path = f"/predictions?user_id={LEARNERS[1]}"
    asked = {"health": (url + "/health", pid), "bare handler": (yardstick[0] + path, yardstick[1])}
    asked["GET /predictions"] = (url + path, pid)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(3):  # by turns, since the machine is not ours alone
        for name, where in asked.items():
            found[name].append(wrk(*where, token, options.seconds))
    median = {name: float(np.median([rate for rate, _ in runs])) for name, runs in found.items()}
    cost = {name: float(np.median([spent for _, spent in runs])) for name, runs in found.items()}
    for name in asked:
        share, more = median[name] / median["bare handler"], cost[name] / cost["bare handler"]
        print(
            f"{name}: {median[name]:.0f} requests/s, {share:.2f} of the bare handler; "
            f"processor {cost[name]:.2f} ms a request, {more:.2f} of it"
        )
    print(f"generate: the processor time of {spent / cost['health']:.0f} requests of GET /health")
    if median["GET /predictions"] < 1.5 * RATE:
        print(f"GET /predictions at {RATE}/s: not asked for, the machine has no room for so many")
        return
    paths = [f"/predictions?user_id={who}" for who in LEARNERS]
    for _ in range(3):
        began = processor_ms(pid)
        late = np.percentile(asyncio.run(at_a_rate(url, token, paths, RATE, options.seconds)), [50, 95, 99, 100])
        busy = (processor_ms(pid) - began) / 1000 / (1 + options.seconds)
        print(
            f"GET /predictions at {RATE}/s: median {late[0]:.1f} ms, p95 {late[1]:.1f} ms, p99 {late[2]:.1f} ms, "
            f"worst {late[3]:.1f} ms; the server busy for {busy:.0%} of the time"
        )


if __name__ == "__main__":
    main()
