"""How this project is installed, as a checkout with files of its own around it or as a package; where settings lie."""

from pathlib import Path

from platformdirs import user_data_path

__version__ = "0.2.0"
PACKAGE = Path(__file__).resolve().parent
PROJECT_ROOT = PACKAGE.parent
IS_CHECKOUT = (PROJECT_ROOT / "pyproject.toml").exists()
# As people call it, in messages.
COMMAND = "./americano" if IS_CHECKOUT else "americano"
_DATA = user_data_path("americano")
# Where `.env` lies, and the home unless another is named.
DOTENV = (PROJECT_ROOT if IS_CHECKOUT else _DATA) / ".env"
USUAL_HOME = PROJECT_ROOT / ".americano" if IS_CHECKOUT else _DATA
# Where dagster.yaml and workspace.yaml lie.
CONFIGURATION = PROJECT_ROOT if IS_CHECKOUT else PACKAGE
# In a home, and before `.env` where it begins as those of a home do that was made for a demo and nobody else.
HOME_SETTINGS_FILE = "settings.env"
BY_A_DEMO = "# Written by `americano demo`"
_GOES_FIRST = "for a home of its own: it goes before the environment and .env."
ALONE = f"{BY_A_DEMO} {_GOES_FIRST}"
BY_AN_IMPORT = f"# Written by `americano import` {_GOES_FIRST}"


def is_a_demos_alone(home: Path) -> bool:
    """Whether the home was made for a demo and nobody else."""
    return _begins(home, ALONE)


def is_an_imports(home: Path) -> bool:
    """Whether the home was made for what was imported."""
    return _begins(home, BY_AN_IMPORT)


def stands_alone(home: Path) -> bool:
    """Whether the home was made for a demo or an import: its databases are its own, and its settings go first."""
    return is_a_demos_alone(home) or is_an_imports(home)


def _begins(home: Path, head: str) -> bool:
    try:
        return (home / HOME_SETTINGS_FILE).read_text().startswith(head)
    except (OSError, UnicodeDecodeError):
        return False
