"""Which database a home belongs to: the same id in both, and a refusal wherever they do not fit each other.

Files of a home (manifests, models, what a demo decided) and rows of schema `ml` speak of each other. With another
database, or beside another home, either would quietly spoil the other. So the first write binds them.
"""

import sys
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import psycopg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.home.claim_records import Claim, HomeError, StoreMark, claim_place, kept_in_home
from americano_assets.resources.home.folder import STORE_CLAIM_FILE
from americano_assets.resources.home.standing import standing
from americano_assets.resources.parquet_store.atomic_files import as_json, write_json
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.postgres.migrate import lock_database
from americano_assets.settings import Settings


def require_own_home(connection: psycopg.Connection[Any], settings: Settings, *, claims: bool = True) -> None:
    """Refuse a home and a database that do not belong together; changes nothing.

    Raises:
        HomeError: They do not.
    """
    if obstacle := standing(connection, settings).obstacle(claims=claims):
        raise HomeError(obstacle)


def require_adoptable(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """Refuse what nobody may adopt: a demo's home, or one that another database filled; changes nothing.

    Raises:
        HomeError: It is one.
    """
    found = standing(connection, settings)
    if obstacle := found.demo_obstacle or found.filled_elsewhere:
        raise HomeError(obstacle)


def adopt(connection: psycopg.Connection[Any], settings: Settings, *, anew: bool = False) -> Claim:
    """Bind home and database to each other and, if they were not, say so on standard error.

    What opens them for writing comes through here, and is counted in both: files that counted less are an older copy.

    Args:
        connection: In autocommit, on a database with schema `ml` as it should be.
        settings: Whose home.
        anew: Whatever either of them was bound to before.

    Raises:
        HomeError: They do not belong together.
    """
    with connection.transaction():
        lock_database(connection)
        found = standing(connection, settings)
        obstacle = (found.demo_obstacle or found.filled_elsewhere) if anew else found.obstacle()
        if obstacle:
            raise HomeError(obstacle)
        known = None if anew else found.in_home
        sides = [side for side in (found.in_database, found.in_store) if side is not None]
        claim = Claim(
            known.id if known else uuid.uuid4().hex,
            found.database,
            marks_files=True,
            writings=1 + max((side.writings for side in sides), default=0),
            timezone=found.timezone,
        )
        former = found.ids_of_files | ({found.in_home.id} if found.in_home else set())
        mark = StoreMark(claim.id, claim.writings, tuple(sorted(former - {claim.id})))
        connection.execute(
            "INSERT INTO ml.former_homes SELECT id FROM ml.home WHERE id <> %s ON CONFLICT DO NOTHING", [claim.id]
        )
        connection.execute("DELETE FROM ml.home")
        connection.execute(
            "INSERT INTO ml.home"
            " (id, database_name, database_oid, system_identifier, schema_name, adopted_at, writings, timezone)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [claim.id, *asdict(claim.database).values(), naive(datetime.now(UTC)), claim.writings, claim.timezone],
        )
        # Before the commit: a home without its record would be refused as a second one, and files that seem older as a
        # copy. The store first: it may lie on a disk that cannot be written, and then nothing changes.
        store_files(settings).write_file(STORE_CLAIM_FILE, as_json(asdict(mark)))
        where, name = claim_place(settings)
        where.write_file(name, as_json(kept_in_home(claim)))
        if settings.americano_store is not None:
            # So that this machine's home is known as one of ours.
            write_json(found.home / name, kept_in_home(claim))
    if known is not None and known == found.in_database:
        return claim
    name, host = claim.database.database_name, connection.info.host
    bound = f'The home {found.home} now belongs to database "{name}" at {host} alone'
    print(f"americano: {bound}, with study days in {claim.timezone}.", file=sys.stderr)
    if settings.americano_store is not None and found.in_home is not None:
        before = found.in_home.database
        if before.differs_from(claim.database):
            # After a move that is nobody any more; of a clone it is the original, whose store this was.
            others = f'database "{before.database_name}" of server {before.system_identifier or "(not told)"}'
            print(f"americano: The store was that of {others}, which it refuses from now on.", file=sys.stderr)
    if missed := found.missed_files:
        print(f"americano: But {missed}", file=sys.stderr)
    return claim
