"""Which home a command works on: the user's own, else that of the last demo; demos lie in `demos/` of the user's."""

from pathlib import Path

from americano_assets.installation import HOME_SETTINGS_FILE, is_a_demos_alone
from americano_assets.resources.home.folder import is_demo_home, is_home
from americano_assets.settings import load_settings, named_home

DEMOS = "demos"


def own_home() -> Path:
    """The user's own home, whether it is there or not."""
    home = named_home()
    return home.parent.parent if home.parent.name == DEMOS and is_a_demos_alone(home) else home


def has_own() -> bool:
    """Whether there is a database of the user's own, or a home that is no demo's."""
    own = own_home()
    return load_settings(own).database_url is not None or (is_home(own) and not is_demo_home(own))


def usual_home() -> Path:
    """The home that is worked on where nobody chooses one; a demo that a version before put into the own goes on."""
    named, own = named_home(), own_home()
    return named if named != own or has_own() or is_demo_home(own) else last_demo() or own


def last_demo() -> Path | None:
    """The home of the demo that ran last; a version before put it into the user's own."""
    own = own_home()
    found = [home for home in (own, *(own / DEMOS).glob("*")) if is_demo_home(home)]
    return max(found, key=lambda home: (home / HOME_SETTINGS_FILE).stat().st_mtime, default=None)
