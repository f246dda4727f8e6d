"""A home that an earlier commit left, restored: its files, and its databases on an embedded server of its own."""

import json
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.definitions import build_defs
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.orchestration.local_runner import Runner
from americano_assets.resources.postgres.embedded.server import DATABASES, EmbeddedServer
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import NIGHTLY
from americano_assets_tests.conftest import without_durability
from americano_assets_tests.world import ClockedDeployment, World

UTC_HOME, NEW_YORK_HOME = "utc", "new_york"
FIRST_NIGHT, LAST_NIGHT = date(2026, 3, 7), date(2026, 3, 14)
# In the study day after the last night: some of its missions are still to come.
NOW = datetime(2026, 3, 16, 8, tzinfo=UTC)
# Where the home was when its databases were dumped: MLflow keeps the addresses of its artefacts.
_MADE_IN = b"/srv/americano/home"


def restore(archive: str, home: Path) -> EmbeddedServer:
    """Unpack an archive into an empty folder and start its server; whoever asked stops it.

    Args:
        archive: UTC_HOME or NEW_YORK_HOME.
        home: What becomes `AMERICANO_HOME`; short enough for a socket.
    """
    server = EmbeddedServer(home)
    server.ensure()
    without_durability(server)
    with tarfile.open(Path(__file__).with_name(f"{archive}.tar.xz")) as packed:
        for member in packed:
            kind, _, name = member.name.partition("/")
            if kind == "home":
                packed.extract(member.replace(name=name), home, filter="tar")
        for database in DATABASES:
            dump = packed.extractfile(f"dumps/{database}.sql")
            assert dump is not None
            _load(server, database, dump.read().replace(_MADE_IN, str(home).encode()))
    return server


def settings_of(home: Path, **values: Any) -> Settings:
    """The settings that the home itself keeps, nothing of the project's folder."""
    return Settings(_env_file=home / HOME_SETTINGS_FILE, americano_home=home, **values)  # type: ignore[call-arg]


@dataclass
class Upgraded:
    """The restored deployment under today's code."""

    settings: Settings
    world: World

    def __post_init__(self) -> None:
        """The clock stands in the study day after the last night."""
        self.deployment = ClockedDeployment(self.settings, NOW)

    def night(self, day: date) -> None:
        """A nightly run as the command line starts it, ten minutes after the cut-off or whenever it is by now."""
        at = cutoff(day, self.deployment.zone) + timedelta(minutes=10)
        self.deployment.clock = max(self.deployment.clock, at)
        with Runner(self.settings, build_defs, self.deployment) as runner:
            runner.night(day, NIGHTLY, lambda step: None)

    def answers(self, when: datetime, score: float = 0.3) -> None:
        """Everybody answers on both objectives, naive and in UTC."""
        for (learner,) in self.world.rows("""SELECT "id" FROM users WHERE "id" <> 'owner' ORDER BY 1"""):
            for objective in ("heart", "lung"):
                self.world.answer(learner, objective, when, score)


def _load(server: EmbeddedServer, database: str, dump: bytes) -> None:
    options = ("--no-psqlrc", "--quiet", "--single-transaction", "--output=/dev/null", "--set=ON_ERROR_STOP=1")
    subprocess.run([server._binaries / "psql", *options, server.url(database)], input=dump, check=True)


def without_reasons(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[dict[str, Any]]]:
    """Published rows but for why, which is in the words of the version that says it."""
    return {
        table: [{**json.loads(text), "strugglingFactors": None} for (text,) in listed] for table, listed in rows.items()
    }
