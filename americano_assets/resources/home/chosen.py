"""Which home a command works on: the user's own, else that of the last demo or import, which lie in the user's.

Demos have theirs in `demos/`, what was imported has `imported/`.
"""

from collections.abc import Iterable
from pathlib import Path

from americano_assets.installation import HOME_SETTINGS_FILE, is_a_demos_alone, is_an_imports
from americano_assets.resources.home.folder import is_demo_home, is_home
from americano_assets.settings import load_settings, named_home

DEMOS, IMPORTED = "demos", "imported"


def own_home() -> Path:
    """The user's own home, whether it is there or not."""
    home = named_home()
    if home.name == IMPORTED and is_an_imports(home):
        return home.parent
    return home.parent.parent if home.parent.name == DEMOS and is_a_demos_alone(home) else home


def has_own() -> bool:
    """Whether there is a database of the user's own, or a home that is no demo's."""
    own = own_home()
    return load_settings(own).database_url is not None or (is_home(own) and not is_demo_home(own))


def usual_home() -> Path:
    """The home that is worked on where nobody chooses one; a demo that a version before put into the own goes on."""
    named, own = named_home(), own_home()
    return named if named != own or has_own() or is_demo_home(own) else _last_beside() or own


def last_demo() -> Path | None:
    """The home of the demo that ran last; a version before put it into the user's own."""
    own = own_home()
    return _last(home for home in (own, *(own / DEMOS).glob("*")) if is_demo_home(home))


def beside(own: Path) -> list[Path]:
    """Where homes of demos and of imports may be that are not the user's own."""
    return [*sorted((own / DEMOS).glob("*")), own / IMPORTED]


def _last_beside() -> Path | None:
    own = own_home()
    return _last(home for home in (own, *beside(own)) if is_demo_home(home) or is_an_imports(home))


def _last(homes: Iterable[Path]) -> Path | None:
    return max(homes, key=lambda home: (home / HOME_SETTINGS_FILE).stat().st_mtime, default=None)
