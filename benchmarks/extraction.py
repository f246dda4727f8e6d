"""Behavioural events out of PostgreSQL into checked day files, and what memory that takes.

.venv/bin/python -m benchmarks.extraction [--events N]
"""

import argparse
import multiprocessing
import os
import resource
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, days_between
from americano_assets.resources.postgres.connection import connect
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log
from benchmarks.database import database, write_curriculum

TABLE = "behavioral_events"
LAST_DAY = date(2026, 3, 9)
DAYS = 14  # so many does a night read
LEARNERS, OBJECTIVES = 5000, 300
_FILL = """
INSERT INTO behavioral_events ("id", "userId", "eventType", "eventData", "timestamp")
  SELECT 'event-' || n, 'learner-' || n % {learners}, 'CARD_REVIEWED', jsonb_build_object(
      'cardId', 'card-' || n % 900, 'objectiveId', 'objective-' || n % {objectives},
      'sessionId', 'session-' || n % 70000, 'rating', (ARRAY['AGAIN', 'HARD', 'GOOD', 'EASY'])[1 + n % 4],
      'durationMs', n % 60000),
    '{last}'::timestamp - make_interval(secs => ({days} * 86400.0 - 120) * n / {events})
  FROM generate_series(1, {events}) n;
ANALYZE behavioral_events;
"""


class _Then(Deployment):
    """A deployment at the end of the data."""

    def now(self) -> datetime:
        """An hour after the last cut-off."""
        return cutoff(LAST_DAY, ZoneInfo("UTC")) + timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with database() as (url, home):
        write_curriculum(url, LEARNERS, OBJECTIVES)
        with connect(url, autocommit=True) as connection:
            last = naive(cutoff(LAST_DAY, ZoneInfo("UTC"))) - timedelta(minutes=1)
            values = {"learners": LEARNERS, "objectives": OBJECTIVES, "days": DAYS, "events": options.events}
            connection.execute(_FILL.format(last=last, **values).encode())
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as alone:  # its peak is its own
            for _ in range(2):
                bare = alone.apply(copied, (url,))
                took, rows, peak = alone.apply(extracted, (url, home))
                print(
                    f"{rows:,} events into {DAYS} day files: {took:.0f} s, {rows / took:,.0f} rows/s, peak {peak:.2f} "
                    f"GB; a bare COPY {bare:.1f} s: {took / bare:.1f} x; load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )


def copied(url: str) -> float:
    """Seconds in which PostgreSQL gives the table away as it is."""
    began = time.perf_counter()
    text = f"COPY {TABLE} TO STDOUT (FORMAT binary)"
    with connect(url) as connection, connection.cursor() as cursor, cursor.copy(text) as copy:
        for _ in copy:
            pass
    return time.perf_counter() - began


def extracted(url: str, home: Path) -> tuple[float, int, float]:
    """Seconds, rows and the most memory in GB of a snapshot of all days."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=SecretStr(url),
        americano_home=home / "home",
        americano_start_day=LAST_DAY - timedelta(days=DAYS - 1),
    )
    days = days_between(LAST_DAY - timedelta(days=DAYS - 1), LAST_DAY)
    deployment = _Then(settings)
    began = time.perf_counter()
    versions, _ = snapshot_log(deployment, TABLE, days)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return took, sum(version.rows for version in versions.values()), peak


if __name__ == "__main__":
    main()
