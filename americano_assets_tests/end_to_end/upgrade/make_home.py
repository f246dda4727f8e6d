# mypy: ignore-errors
# ruff: noqa: DTZ001 - rows hold naive UTC stamps, as the columns do
"""Makes the archives beside it: a home and its databases as commit bfb67a2 leaves them.

It runs that commit's own code, on a machine's path and names that say nothing of anybody:

    git worktree add /srv/americano/code bfb67a2 && ln -s "$PWD/.venv" /srv/americano/code/.venv
    cp americano_assets_tests/end_to_end/upgrade/make_home.py /srv/americano/code/ && cd /srv/americano/code
    for zone in UTC America/New_York; do USER=americano LOGNAME=americano .venv/bin/python make_home.py $zone; done

and writes /srv/americano/utc.tar.xz and /srv/americano/new_york.tar.xz. Learners, days and answers are always the same;
what a clock, a random token or a run's id says is not.

The school: every Monday learners answer on two objectives, the weak fail nearly always. Missions are of Mondays and
Thursdays; those of every other pair of learners are calendar dates (00:00 UTC), the others' instants (09:00 UTC). There
are two nights; the clock stands in the study day after the second.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg

ROOT = Path("/srv/americano")
HOME = ROOT / "home"
START = {"UTC": date(2026, 1, 25), "America/New_York": date(2026, 2, 20)}
FIRST_NIGHT, LAST_NIGHT = date(2026, 3, 7), date(2026, 3, 14)
FIRST_MONDAY, WEEKS = date(2026, 1, 26), 9
OBJECTIVES = ("heart", "lung")
# UTC: enough to test on, that a trained model scores. New York: few, and the rules.
SPLIT = {"UTC": {"train": 50, "calibration": 30, "test": 30}, "America/New_York": {"train": 12}}
SETTINGS = {
    "AMERICANO_HOLDOUT_SHARE": "0.3",
    "AMERICANO_RETRAIN_DAYS": "28",
    "AMERICANO_ON_INVALID": "quarantine",
}
OWN = {"UTC": {}, "America/New_York": {"MODEL_TYPE": "rule_based"}}
# The researchers' file is made again by every night, and is most of the bytes.
LEFT_OUT = ("postgres", "analytics.duckdb")


def main(zone: str) -> None:
    HOME.mkdir(parents=True)
    own = {**SETTINGS, "AMERICANO_TIMEZONE": zone, "AMERICANO_START_DAY": START[zone], **OWN[zone]}
    lines = [f"{name}={value}" for name, value in own.items()]
    (HOME / "settings.env").write_text("\n".join(lines) + "\n")
    os.environ["AMERICANO_HOME"] = str(HOME)
    from americano_assets.resources.embedded import EmbeddedServer

    small_plots()
    server = EmbeddedServer(HOME)
    try:
        live(zone)
        pack(server, ROOT / f"{zone.split('/')[-1].lower()}.tar.xz")
    finally:
        server.stop()
        shutil.rmtree(HOME)


def live(zone: str) -> None:
    from americano_assets.assets.common import NIGHTLY
    from americano_assets.core.study_day import cutoff, days_between
    from americano_assets.demo.lived import LivingDeployment
    from americano_assets.resources.api_tokens import create_token
    from americano_assets.resources.export import export_events
    from americano_assets.resources.forgetting import forget
    from americano_assets.runs import Runner, make_ready

    from americano_assets.settings import load_settings
    from americano_assets_tests.api.serving import serving
    from americano_assets_tests.world import World

    settings = load_settings()
    names = learners(SPLIT[zone])
    opted_out, forgotten, hidden = names[3], names[5], names[7]
    with psycopg.connect(make_ready(settings), autocommit=True) as connection:
        world = World(connection)
        with connection.transaction():
            begin(world, names)
        deployment = LivingDeployment(settings)

        def night(day: date) -> None:
            opened = cutoff(day, settings.zone)
            with connection.transaction():
                answer(world, names, opened)
            deployment.clock = opened + timedelta(minutes=10)
            with Runner(settings, deployment) as runner:
                if day == FIRST_NIGHT:
                    runner.history(days_between(START[zone], day - timedelta(days=1)), print)
                runner.night(day, NIGHTLY, print)

        if zone == "UTC":  # Of fewer answers it would be too large a share.
            world.answer(names[0], "lung", datetime(2026, 2, 9, 11), 1.5)
        night(FIRST_NIGHT)
        world.execute('UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = %s', opted_out)
        world.execute('UPDATE users SET "includeInAnalytics" = false WHERE "id" = %s', hidden)
        token = create_token(connection, "app-2026-03", deployment.now())
        create_token(connection, "one-learner", deployment.now(), learner_id=names[0])
        deployment.clock += timedelta(days=4, hours=9)
        with connection.transaction():
            answer(world, names, deployment.clock)
        with serving(settings) as service:
            service.now = deployment.clock.replace(tzinfo=None)
            service._client.headers["Authorization"] = f"Bearer {token}"
            say(world, service, names)
        export_events(deployment, HOME / "exports" / "events.parquet")
        done = forget(deployment, forgotten)
        assert done.rows, "nothing to forget"
        world.execute('DELETE FROM users WHERE "id" = %s', forgotten)
        names.remove(forgotten)
        night(LAST_NIGHT)
        tell(world)


def small_plots() -> None:
    """Dagster's and MLflow's plots would be most of the archive, and no code reads them."""
    from matplotlib.figure import Figure

    original = Figure.savefig
    Figure.savefig = lambda figure, *where, **options: original(figure, *where, **options, dpi=8)


def learners(wanted: dict[str, int]) -> list[str]:
    """Ids as the app makes them, of learners of every split."""
    from americano_assets.core.ids import cuid
    from americano_assets.core.splits import learner_split

    found: list[str] = []
    for split, number in wanted.items():
        fitting = (name for one in count() if learner_split(name := cuid("school", str(one))) == split)
        found += [next(fitting) for _ in range(number)]
    return found


def begin(world, names: list[str]) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective in OBJECTIVES:
        world.objective(objective, "anatomy")
    world.prerequisite("lung", "heart")
    for number, name in enumerate(names):
        world.learner(name)
        world.exam(name, "anatomy", datetime(2026, 3, 20) if by_date(number) else datetime(2026, 3, 20, 9))
        for week in range(WEEKS):
            for weekday in (0, 3):
                day = FIRST_MONDAY + timedelta(weeks=week, days=weekday)
                at = datetime(day.year, day.month, day.day, 9 * (not by_date(number)))
                world.mission(name, at, OBJECTIVES, id=f"{name}-{day}")


def by_date(number: int) -> bool:
    """Whether a learner's plans are calendar dates."""
    return number % 4 < 2


def answer(world, names: list[str], until: datetime) -> None:
    """What the learners did since the last night: on Mondays at ten, UTC."""
    (seen,) = world.rows('SELECT max("respondedAt") FROM validation_responses')[0]
    for week in range(WEEKS):
        monday = FIRST_MONDAY + timedelta(weeks=week)
        morning = datetime(monday.year, monday.month, monday.day, 10)
        if (seen and morning <= seen) or morning.replace(tzinfo=UTC) >= until:
            continue
        for number, name in enumerate(names):
            if number % 11 == 10 and week > WEEKS - 4:
                continue  # They have stopped.
            for place, objective in enumerate(OBJECTIVES):
                weak, exception = number % 2 == 0, (number + place + week) % 25 == 0
                at = morning + timedelta(minutes=place, seconds=number)
                world.answer(name, objective, at, 0.3 if weak != exception else 0.9)
            world.event(name, "SESSION_STARTED", morning + timedelta(seconds=number), {}, id=f"{name}-{monday}")
            for day in (monday, monday - timedelta(days=4)):
                done = ("COMPLETED", morning + timedelta(hours=2), f"{name}-{day}")
                world.execute('UPDATE missions SET "status" = %s, "completedAt" = %s WHERE "id" = %s', *done)


def say(world, service, names: list[str]) -> None:
    """What people do with predictions: a word, a dismissal, an intervention applied, one asked for now."""
    rows = world.rows('SELECT "id", "userId" FROM struggle_predictions ORDER BY "id"')
    for number, (prediction, _) in enumerate(rows[:3]):
        said = {"actual_struggle": number == 0, "feedback_type": "HELPFUL", "comments": "as I feared"}
        service.post(f"/predictions/{prediction}/feedback", **said)
    world.execute(
        """UPDATE struggle_predictions SET "predictionStatus" = 'DISMISSED', "acknowledgedAt" = '2026-03-13 08:00'
        WHERE "id" = %s""",
        rows[3][0],
    )
    advised = world.rows(
        """SELECT i."id", m."id" FROM intervention_recommendations i JOIN missions m ON m."userId" = i."userId"
        WHERE m."date" = '2026-03-16' OR m."date" = '2026-03-16 09:00' ORDER BY i."id" """
    )
    service.post(f"/interventions/{advised[0][0]}/apply", mission_id=advised[0][1])
    answer_now = service.ask("/predictions/generate", method="POST", json={"user_id": rows[4][1]})
    assert answer_now.status_code == 201, answer_now.text


def tell(world) -> None:
    """What the archive holds of each kind."""
    counts = {
        "episodes open": "ml.episodes WHERE outcome IS NULL",
        "episodes closed": "ml.episodes WHERE outcome IS NOT NULL",
        "held out": "ml.assignments WHERE arm = 'holdout'",
        "treated": "ml.assignments WHERE arm = 'treated'",
        "feedback": "ml.prediction_feedback",
        "alerts": "ml.alerts",
        "tokens": "ml.api_tokens",
        "forgettings": "ml.forgettings",
        "applied": 'struggle_predictions WHERE "interventionApplied"',
        "misses": "struggle_predictions WHERE \"predictionStatus\"::text = 'MISSED'",
        "open at midnight": """ml.episodes e JOIN missions m ON m."userId" = e.user_id AND m."date"::time = '00:00'
            AND m."date" >= '2026-03-15' WHERE outcome IS NULL""",
        "models": "ml.model_versions",
    }
    for name, what in counts.items():
        ((number,),) = world.rows(f"SELECT count(*) FROM {what}")
        print(f"{name}: {number}")
    print(world.rows("SELECT planned_day, outcome, count(*) FROM ml.episodes GROUP BY 1, 2 ORDER BY 1, 2"))
    print(world.rows("SELECT study_day, model_version FROM ml.study_days ORDER BY 1"))
    print(world.rows("SELECT event, decided_by FROM ml.model_events"))


def pack(server, archive: Path) -> None:
    """The home without its server and what every night makes again, and a dump of each database."""
    from americano_assets.resources.embedded import DATABASES

    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for database in DATABASES:
            command = [server._binaries / "pg_dump", "--no-owner", "--no-privileges", "--restrict-key=fixture"]
            dump = subprocess.run([*command, server.url(database)], check=True, capture_output=True).stdout
            entry = tarfile.TarInfo(f"dumps/{database}.sql")
            entry.size = len(dump)
            packed.addfile(entry, io.BytesIO(dump))
        for path in sorted(HOME.iterdir()):
            if path.name not in LEFT_OUT:
                packed.add(path, f"home/{path.name}", filter=wanted)
    print(archive, archive.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1])
