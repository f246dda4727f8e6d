"""Where demos live: each in a home of its own beside the user's; what is written there, and how one begins anew."""

from dataclasses import replace
from pathlib import Path

from dotenv import dotenv_values

from americano_assets.contract.catalog import read_schema
from americano_assets.contract.tables import TABLES
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.loading.demo.cleaning import clean_home, holds_ours
from americano_assets.loading.demo.removing import accounts_of_others
from americano_assets.loading.demo.scenarios import cohort_demo
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.loading.demo.simulator.load import COHORT as SIMULATED
from americano_assets.resources.home.chosen import DEMOS, has_own, own_home
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, is_demo_home, is_home, open_home
from americano_assets.resources.home.standing import standing
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings

# A holdout among students of years ago, or simulated ones, withholds nothing from anybody.
_HOLDOUT = {"AMERICANO_HOLDOUT_SHARE": "0.1"}
# So few simulated learners show their effect within nine weeks where a third of their episodes goes without help.
_LARGE_HOLDOUT = {"AMERICANO_HOLDOUT_SHARE": "0.3"}
# Four trainings instead of ten keep the demo within minutes; an older model saw no more of the future than a new one.
_SELDOM = {"AMERICANO_RETRAIN_DAYS": "28"}
# A hand-in that never came shows seven days after its due day; the pass mark is 40 of 100.
OULAD_SETTINGS = {"AMERICANO_HORIZON_DAYS": "14", "AMERICANO_STRUGGLE_BELOW": "0.40", **_HOLDOUT, **_SELDOM}
SIMULATED_SETTINGS = {
    "AMERICANO_HORIZON_DAYS": f"{cohort_demo.TARGET.horizon_days}",
    "AMERICANO_STRUGGLE_BELOW": f"{cohort_demo.TARGET.struggle_below:.2f}",
    **_LARGE_HOLDOUT,
    **_SELDOM,
}


def home_of(cohort: str) -> Path:
    """Where the demo of a cohort is, or will be; one that a version before put into the user's home stays there."""
    own = own_home()
    values = SIMULATED_SETTINGS if cohort == SIMULATED else OULAD_SETTINGS
    horizon = "AMERICANO_HORIZON_DAYS"
    if not has_own() and is_demo_home(own) and dotenv_values(own / HOME_SETTINGS_FILE).get(horizon) == values[horizon]:
        return own
    return own / DEMOS / cohort


def of_its_own(settings: Settings) -> dict[str, str]:
    """What else decides, from the first command on, in a home that is a demo's alone; nothing in another."""
    alone = settings.americano_home.parent.name == DEMOS and settings.database_url is None
    # The simulated live through their days in it.
    return {"AMERICANO_TIMEZONE": f"{ZONE}"} if alone else {}


def require_allowed(settings: Settings, *, into_this_database: bool) -> None:
    """Refuse to load a demo where it does not belong.

    Args:
        settings: The deployment.
        into_this_database: Whoever asks means the database that `DATABASE_URL` names.

    Raises:
        AmericanoError: It is production, or a home that is a deployment's.
    """
    if settings.environment == "production":
        raise AmericanoError(
            "ENVIRONMENT=production: a demo's learners are never loaded beside real ones. Unset it, or run the demo"
            " with an AMERICANO_HOME and a database of its own."
        )
    if into_this_database and settings.americano_store is not None:
        raise AmericanoError(
            "AMERICANO_STORE is set, and what a demo makes must lie in its home, from which it is removed with it:"
            " unset it, or let the demo have a home of its own, without --into-this-database. Nothing was changed."
        )
    home = settings.americano_home
    if not into_this_database and holds_ours(home) and not is_demo_home(home):
        raise AmericanoError(
            f"The home {home} holds nights that are no demo's, and a demo's would mix with them: set AMERICANO_HOME to"
            " an empty folder. Nothing was changed."
        )


def holds_others(settings: Settings) -> bool:
    """Whether accounts that no demo wrote are in the database."""
    with connect(app_url(settings)) as connection:
        return accounts_of_others(connection) > 0


def start_over(settings: Settings) -> None:
    """Remove everything that a demo made, the embedded databases included; nothing where there is nothing of ours.

    Raises:
        AmericanoError: The app's database is not the embedded one, others than a demo's learners are in it, or the
            home is another database's, or no demo's: it is not ours to empty.
    """
    if settings.database_url is not None:
        raise AmericanoError(
            "--fresh empties a demo's embedded server, not the database that DATABASE_URL names: take the demo out of"
            " that with --remove."
        )
    home = settings.americano_home
    open_home(home)
    if not is_home(home):
        return
    server = EmbeddedServer(home)
    if server.data.exists():
        # Whatever state it is in: this is how one begins anew.
        with connect(app_url(settings)) as connection:
            others = accounts_of_others(connection)
            found = standing(connection, settings)
        if others:
            raise AmericanoError(
                f"The embedded database holds {others:,} accounts that no demo wrote, and --fresh would remove them:"
                " take the demo out with --remove, or set AMERICANO_HOME to another folder. Nothing was removed."
            )
        obstacle = replace(found, demo_here=False).obstacle(claims=False)
        strangers = found.models_here - found.models_there
        # One that was broken off as it began has neither, and nothing that could be lost.
        is_demos = found.demo_here or found.demo_there or not holds_ours(home)
        if strangers and not obstacle:
            obstacle = (
                f"The home {home} holds {len(strangers):,} models that its embedded database does not know: nights of"
                " another database are in it too. Nothing was changed."
            )
    else:
        elsewhere = f"The home {home} belongs to another database than one of its own. Nothing was changed."
        claims = (home / CLAIM_FILE, settings.store_root / STORE_CLAIM_FILE)
        obstacle = elsewhere if any(path.exists() for path in claims) else None
        is_demos = is_demo_home(home) or not holds_ours(home)
    if not is_demos:
        obstacle = obstacle or f"The home {home} is no demo's. Nothing was changed."
    if obstacle:
        raise AmericanoError(
            "--fresh removes a demo and nothing else: for a demo set AMERICANO_HOME to an empty folder; one that is in"
            f" another database is taken out with --remove, and DATABASE_URL set to that. {obstacle}"
        )
    server.stop()
    clean_home(home)


def require_every_column(settings: Settings) -> None:
    """Refuse a database of an app that keeps less than the contract: a demo writes all of it, a night reads a part."""
    if settings.database_url is None:
        return
    with connect(app_url(settings)) as connection:
        live, name = read_schema(connection).tables, connection.info.dbname
    there = [table for table in TABLES if table.name in live]
    missing = [f"{t.name}.{one.name}" for t in there for one in t.columns if one.name not in live[t.name].columns]
    if missing:
        raise AmericanoError(
            f'A demo writes every column of the contract, and {len(missing):,} are not in database "{name}", first'
            f" {missing[0]}: without --into-this-database it gets one of its own. Nothing was changed."
        )
