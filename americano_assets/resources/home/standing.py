"""How a home and a database stand to each other, and why they may not be used together: read only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from americano_assets.resources.home.claim_records import (
    Claim,
    Identity,
    StoreMark,
    claim_place,
    database_claim,
    home_claim,
    identity,
    moved_to,
    rows_if_there,
    store_mark,
)
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, is_demo_home
from americano_assets.resources.home.overlap import foreign_home, overlap
from americano_assets.resources.parquet_store.files import Folder
from americano_assets.resources.parquet_store.places import model_files, model_versions, store_files
from americano_assets.settings import Settings

_AFTER_A_MOVE = (
    "After a restore or a move `americano home adopt` binds this home and this database to each other. Nothing was"
    " changed."
)
_WRONG = "Correct DATABASE_URL, AMERICANO_HOME or AMERICANO_STORE."


@dataclass(frozen=True)
class Standing:
    """A home and a database as they stand to each other.

    Attributes:
        database: What the database says of itself.
        in_home: The home's claim.
        in_database: The database's.
        in_store: What the home's files say; None where they are of before, or not there.
        former: Ids of this database's claims before it was bound anew.
        models_here: Models of the home, by version.
        models_there: Models that the database knows.
        place: Where the home's store is.
        moved_to: Where the store was moved from there, in a move that was broken off.
        not_alone: Why the home or its store may not be this database's: they are another's as well.
        files_here: The home's store holds something.
        demo_here: A demo's settings lie in the home.
        demo_there: The database holds a demo's learners.
        timezone: Time zone that the settings name.
    """

    home: Path
    database: Identity
    in_home: Claim | None
    in_database: Claim | None
    in_store: StoreMark | None
    former: frozenset[str]
    models_here: frozenset[str]
    models_there: frozenset[str]
    place: str
    moved_to: str | None
    not_alone: str | None
    files_here: bool
    demo_here: bool
    demo_there: bool
    timezone: str

    @property
    def is_bound(self) -> bool:
        """Whether home, files and database hold the same claim."""
        claim = self.in_home
        if claim is None or self.in_store is None or claim != self.in_database:
            return False
        return claim.marks_files and self.in_store.id == claim.id

    @property
    def ids_of_files(self) -> set[str]:
        """Ids of the claims that the home's files were written under; without a mark the home's own."""
        if self.in_store is not None:
            return {self.in_store.id, *self.in_store.former}
        return {self.in_home.id} if self.in_home is not None else set()

    @property
    def files_are_gone(self) -> bool:
        """Whether the home had files that bear a mark, and none are there: as where their disk is not mounted."""
        return self.in_home is not None and self.in_home.marks_files and self.in_store is None

    def obstacle(self, *, claims: bool = True) -> str | None:
        """Why they may not be used together, in a sentence with what to do; None where they may.

        Args:
            claims: The home is to belong to the database. Without it, a home that holds nothing yet fits every one.
        """
        return (
            self.demo_obstacle
            or self.not_alone
            or self._claims_obstacle(claims=claims)
            or self._files_obstacle(claims=claims)
            or self._zone_obstacle
        )

    def _claims_obstacle(self, *, claims: bool) -> str | None:
        name = self.database.database_name
        if self.in_home is None:
            strangers = not self.models_here & self.models_there
            if self.in_database is not None and (claims or (self.models_here and strangers)):
                return f'Database "{name}" belongs to another home than {self.home}. {_WRONG} {_AFTER_A_MOVE}'
            if self.in_database is None and strangers and (self.models_here or (claims and self.models_there)):
                return (
                    f'The home {self.home} and database "{name}" were not filled together: no model of the one is known'
                    f" to the other ({len(self.models_here)} here, {len(self.models_there)} there). {_WRONG}"
                    f" {_AFTER_A_MOVE}"
                )
            return None
        theirs = self.in_home.database
        if self.in_database is None and not theirs.differs_from(self.database):
            # The very same database: its claim was never committed, or schema ml was dropped.
            return self._loss_of_ours if self.models_here and not self.models_here & self.models_there else None
        if self.in_database is None or self.in_database.id != self.in_home.id:
            return (
                f'The home {self.home} belongs to database "{theirs.database_name}", and database "{name}"'
                f" {'holds no record of it' if self.in_database is None else 'belongs to another home'}. {_WRONG}"
                f" {_AFTER_A_MOVE}"
            )
        if theirs.differs_from(self.database):
            return (
                f'Database "{name}" is a copy of the one that the home {self.home} belongs to'
                f' ("{theirs.database_name}"), or was moved: {_difference(theirs, self.database)}. {_WRONG}'
                f" {_AFTER_A_MOVE}"
            )
        return None

    def _files_obstacle(self, *, claims: bool) -> str | None:
        if self.files_are_gone and self.moved_to is not None:
            return (
                f"The store was moved from {self.place} to {self.moved_to}, and that was broken off: all of it is"
                " there, and what is left here is to go. Run the same `americano store move` again, then set"
                " AMERICANO_STORE as it says. Nothing was changed."
            )
        if self.files_are_gone and (claims or self.files_here):
            return (
                f"The files of the home {self.home} are not there: {self.place} has no {STORE_CLAIM_FILE}, which says"
                " whose they are. If it is on a disk, mount the disk; set AMERICANO_STORE to where `store move` brought"
                " them, or unset it if it brought them home; or restore them from a back-up. Where they are lost for"
                " good, `americano home adopt` begins with an empty store, and `forget` can no longer reach what is on"
                " that disk. Nothing was changed."
            )
        claimed = {claim.id for claim in (self.in_home, self.in_database) if claim is not None}
        if self.in_store is None:
            return None
        if self.in_store.id in claimed:
            return self._age_obstacle(self.in_store)
        return (
            f"The files in the home {self.home} were written for another database than"
            f' "{self.database.database_name}": is another disk mounted, or a folder of another home linked?'
            f" {_AFTER_A_MOVE}"
        )

    def _age_obstacle(self, in_store: StoreMark) -> str | None:
        if self.in_database is None or in_store.id != self.in_database.id:
            return None
        missed = self.in_database.writings - in_store.writings
        if missed <= 0:
            return None
        return (
            f"The files in the home {self.home} are an older copy: since then database"
            f' "{self.database.database_name}" was worked on {missed:,} times with others. Is the disk that data/ is on'
            " mounted? After a restore of the files alone `americano home adopt` goes on with them; then repeat"
            " `forget` for everybody whom you forgot since (ml.forgettings has the times). Nothing was changed."
        )

    @property
    def _loss_of_ours(self) -> str:
        return (
            f'Schema ml of database "{self.database.database_name}" was dropped or made anew: it knows none of the'
            f" {len(self.models_here):,} models of the home {self.home}, nor what was published before, which would"
            " count as the app's own from now on. Restore schema ml from a back-up. Where there is none,"
            " docs/homes.md says how to begin anew. Nothing was changed."
        )

    @property
    def _zone_obstacle(self) -> str | None:
        noted = self.in_database.timezone if self.in_database is not None else None
        if noted is None or noted == self.timezone:
            return None
        return (
            f"The study days of the home {self.home} end in {noted}, and AMERICANO_TIMEZONE is {self.timezone}, in"
            " which the same date is another study day: what is open would be published twice. Set"
            f" AMERICANO_TIMEZONE={noted}. Where the zone itself is to change, `americano home adopt` notes"
            f" {self.timezone}. Nothing was changed."
        )

    @property
    def missed_files(self) -> str | None:
        """What `forget` did not reach, or no longer does, where files are bound that saw less than the database."""
        here, there = self.in_store, self.in_database
        if there is None or (here is not None and here.writings >= there.writings):
            return None
        name = f'database "{self.database.database_name}"'
        if self.files_here:
            return (
                f"{name} was worked on with other files than those of the home {self.home}: repeat `forget` for"
                " everybody whom you forgot since (ml.forgettings has the times)."
            )
        return (
            f"the home {self.home} holds no files: those of the nights of {name} are elsewhere, where `forget` no"
            " longer reaches them. Where another home has them, set AMERICANO_HOME to it and adopt that."
        )

    @property
    def demo_obstacle(self) -> str | None:
        """Why a demo's home may not be used here, adopted or not; None where it is none, or the demo is here too."""
        if not self.demo_here or self.demo_there:
            return None
        return (
            f'The home {self.home} is a demo\'s, and database "{self.database.database_name}" holds no demo: its'
            " horizon, threshold, holdout and models would decide about other people. Set AMERICANO_HOME to another"
            " folder. Where this database's own nights are in the home, a demo was in it once: move settings.env out of"
            " it, and bind it by `americano home adopt`; no file is lost. Nothing was changed."
        )

    @property
    def filled_elsewhere(self) -> str | None:
        """Why a home may not be given to this database, whatever somebody says: nothing of the home is known there."""
        if self.not_alone is not None:
            return self.not_alone
        mine = self.ids_of_files
        there = {self.in_database.id, *self.former} if self.in_database else set()
        # Of before there were claims. The rules of a first week are the same model in every school.
        alike = not mine and self.models_here & self.models_there
        if mine & there or alike:
            return None
        if not (self.models_here or (mine and (self.files_here or self.files_are_gone))):
            return None
        return (
            f"The home {self.home} holds nights of another database ({len(self.models_here):,} models), and database"
            f' "{self.database.database_name}" knows nothing of them. Is DATABASE_URL set to the one that they were'
            " made with? (Unset, it is the home's own embedded server.) Restore schema ml too where only the app's"
            " tables were, or set AMERICANO_HOME to another folder. Nothing was changed."
        )


def standing(connection: psycopg.Connection[Any], settings: Settings) -> Standing:
    """Read both sides; changes nothing.

    Raises:
        HomeError: The home's record cannot be read.
    """
    home, files = settings.americano_home, store_files(settings)
    # Where the store is, but for one that is not there: then the home says whose files are missed.
    in_home = home_claim(*claim_place(settings)) or home_claim(Folder(home), CLAIM_FILE)
    in_database, in_store = database_claim(connection), store_mark(files, STORE_CLAIM_FILE)
    former = frozenset(rows_if_there(connection, "former_homes", "SELECT id FROM ml.former_homes"))
    known = {one.id for one in (in_home, in_database, in_store) if one is not None}
    known |= former | set(in_store.former if in_store is not None else ())
    return Standing(
        home,
        identity(connection),
        in_home,
        in_database,
        in_store,
        former,
        frozenset(model_versions(model_files(settings))),
        frozenset(rows_if_there(connection, "model_versions", "SELECT model_version FROM ml.model_versions")),
        files.place,
        moved_to(files),
        foreign_home(settings, known) or overlap(settings, is_marked=in_store is not None),
        files.holds_contents(),
        is_demo_home(home),
        bool(rows_if_there(connection, "demo_load", "SELECT cohort FROM ml.demo_load")),
        settings.americano_timezone,
    )


def _difference(before: Identity, now: Identity) -> str:
    if before.database_name != now.database_name:
        return f'its name was "{before.database_name}"'
    if None not in (before.schema_name, now.schema_name) and before.schema_name != now.schema_name:
        return f'the app\'s tables were in its schema "{before.schema_name}", and are looked for in "{now.schema_name}"'
    if before.system_identifier != now.system_identifier and before.system_identifier and now.system_identifier:
        return f"it was on the server {before.system_identifier}, and this one is {now.system_identifier}"
    return "it was made anew on its server"
