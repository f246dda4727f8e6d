"""A database of its own for a benchmark, with the app's tables and ours, gone when the benchmark is over."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from americano_assets.resources.postgres.connection import bootstrap, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.migrate import migrate

# A cohort's worth of what every row of the log refers to, filled in with the numbers of learners and objectives.
_CURRICULUM = """
INSERT INTO users ("id", "createdAt", "updatedAt", "behavioralAnalysisEnabled", "includeInAnalytics",
  "performanceTrackingEnabled")
  SELECT 'learner-' || l, '2025-01-01', '2025-01-01', true, true, true FROM generate_series(0, {learners} - 1) l;
INSERT INTO courses ("id", "userId", "name", "updatedAt")
  SELECT 'course-' || c, 'learner-0', '', '2025-01-01' FROM generate_series(0, 5) c;
INSERT INTO lectures ("id", "userId", "courseId", "title", "topicTags", "uploadedAt", "fileName", "fileUrl", "fileSize")
  SELECT 'lecture-' || c, 'learner-0', 'course-' || c, '', '{{}}', '2025-01-01', '', '', 0 FROM generate_series(0, 5) c;
INSERT INTO learning_objectives ("id", "lectureId", "objective", "isHighYield", "complexity", "boardExamTags",
  "createdAt", "masteryLevel", "totalStudyTimeMs", "weaknessScore")
  SELECT 'objective-' || o, 'lecture-' || o % 6, 'Treat a patient', false, 'INTERMEDIATE', '{{}}', '2025-01-01',
    'BEGINNER', 0, 0 FROM generate_series(0, {objectives} - 1) o;
INSERT INTO cards ("id", "courseId", "objectiveId", "cardType", "front", "back", "createdAt", "difficulty",
  "stability", "retrievability", "reviewCount", "lapseCount")
  SELECT 'card-' || c, 'course-' || c % 6, 'objective-' || c % {objectives}, 'BASIC', '', '', '2025-01-01',
    5, 5, 0.9, 0, 0
  FROM generate_series(0, 3 * {objectives} - 1) c;
"""


@contextmanager
def database() -> Iterator[tuple[str, Path]]:
    """The URL of a database without rows, and a folder."""
    home = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))  # a socket's path must be short
    server = EmbeddedServer(home)
    try:
        server.ensure()
        with connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        url = server.url("bench")
        with connect(url, autocommit=True) as connection:
            bootstrap(connection)
            migrate(connection)
        yield url, home
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def write_curriculum(url: str, learners: int, objectives: int) -> None:
    """Write learners `learner-0` …, objectives `objective-0` … and three cards each."""
    with connect(url, autocommit=True) as connection:
        connection.execute(_CURRICULUM.format(learners=learners, objectives=objectives).encode())
