"""Features of one learner with 20,000 interactions, from PostgreSQL: connection and engine warm.

.venv/bin/python -m benchmarks.learner [--interactions N] [--events] [--repeat N]
"""

import argparse
import os
import statistics
import time
from datetime import UTC, datetime

from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from benchmarks.cohort import TARGET, ZONE
from benchmarks.database import database, write_curriculum

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OTHERS = 20
_OBJECTIVES = 300
# One learner and a few others, each with so many reviews over 180 days on 300 objectives of three cards.
_FILL = """
INSERT INTO objective_prerequisites ("id", "objectiveId", "prerequisiteId", "strength")
  SELECT o || '-' || k, 'objective-' || o, 'objective-' || (o + k) % 300, 1.0 / k
  FROM generate_series(0, 299) o, generate_series(1, 3) k;
INSERT INTO reviews ("id", "userId", "cardId", "rating", "timeSpentMs", "reviewedAt", "difficultyBefore",
  "stabilityBefore", "difficultyAfter", "stabilityAfter")
  SELECT l || '-' || n, 'learner-' || l, 'card-' || (n * 7 + l) % 900,
    (ARRAY['AGAIN', 'HARD', 'GOOD', 'EASY'])[1 + (n * 13 + l) % 4]::"ReviewRating", 5000,
    '{now}'::timestamp - make_interval(secs => 180 * 86400.0 * (n + 1) / {interactions}), 5, 5, 5, 5
  FROM generate_series(0, {others}) l, generate_series(0, {interactions} - 1) n;
INSERT INTO missions ("id", "userId", "date", "status", "estimatedMinutes", "objectives")
  SELECT 'mission-' || l || '-' || d, 'learner-' || l, '{now}'::timestamp + make_interval(days => d), 'PENDING', 30,
    (SELECT jsonb_agg(jsonb_build_object('id', 'objective-' || (d * 7 + k) % 300))
      FROM generate_series(0, {each} - 1) k)
  FROM generate_series(0, {others}) l, generate_series(1, 6) d;
CREATE INDEX ON reviews ("userId"); CREATE INDEX ON behavioral_events ("userId");
CREATE INDEX ON missions ("userId"); CREATE INDEX ON validation_responses ("userId");
CREATE INDEX ON study_sessions ("userId"); CREATE INDEX ON cards ("objectiveId");
ANALYZE;
"""

# The app records a review and an event that speaks of it.
_EVENTS = """
INSERT INTO behavioral_events ("id", "userId", "eventType", "timestamp", "eventData")
  SELECT 'of-' || r."id", r."userId", 'CARD_REVIEWED', r."reviewedAt" + interval '1 second',
    jsonb_build_object('cardId', r."cardId", 'reviewId', r."id", 'rating', r."rating", 'sessionId', 'a-session')
  FROM reviews r;
ANALYZE behavioral_events;
"""


def fill(url: str, now: datetime, interactions: int, planned: int = 42) -> None:
    """Write the learners.

    Args:
        url: A database with the contract's tables.
        now: The present instant, aware.
        interactions: Of each learner, in the 180 days before.
        planned: Objectives of each learner in six missions of the days to come.
    """
    write_curriculum(url, OTHERS + 1, _OBJECTIVES)
    text = _FILL.format(others=OTHERS, interactions=interactions, each=planned // 6, now=now.replace(tzinfo=None))
    with connect(url, autocommit=True) as connection:
        connection.execute(text.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=20_000)
    parser.add_argument("--events", action="store_true", help="Beside each review the event of it.")
    parser.add_argument("--repeat", type=int, default=40)
    options = parser.parse_args()
    with database() as (url, home):
        fill(url, NOW, options.interactions)
        if options.events:
            with connect(url, autocommit=True) as connection:
                connection.execute(_EVENTS.encode())
        live = LiveFeatures(url, ParquetStore(home / "data"), ZONE, TARGET)
        took = []
        for _ in range(options.repeat + 3):
            began = time.perf_counter()
            rows = live.of_learner("learner-0", NOW)
            took.append((time.perf_counter() - began) * 1000)
        warm = sorted(took[3:])
        print(
            f"{len(rows)} candidates of a learner with {options.interactions} interactions: median "
            f"{statistics.median(warm):.0f} ms, p95 {warm[int(0.95 * len(warm))]:.0f} ms, first {took[0]:.0f} ms; "
            f"load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
