"""What the code imports is declared, so that no other package's next release takes it away; and locked."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from americano_assets.installation import PROJECT_ROOT

_PROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
_OURS = {"americano_assets", "americano_assets_tests", "benchmarks", "tools"}


def _plain(name: str) -> str:
    """A distribution's name without version, extras and ways of spelling."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=~!;]", name, maxsplit=1)[0]).lower()


def _named(requirements: list[str]) -> set[str]:
    """Distributions that requirements name, their extras as the packages that bear such a name: psycopg[pool]."""
    extras = {f"{_plain(one)}-{extra}" for one in requirements for extra in re.findall(r"[\[,](\w+)(?=[\],])", one)}
    return extras | {_plain(one) for one in requirements}


_RUNTIME = _named(_PROJECT["dependencies"])
_STORE = _named(_PROJECT["optional-dependencies"]["store"])
_ALL = _RUNTIME | _named(_PROJECT["optional-dependencies"]["dev"])


def _imported(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - _OURS


@pytest.mark.parametrize(
    ("folder", "declared"),
    # `americano test` runs pytest, which an installation without the tests does without; a bucket needs an extra.
    [
        ("americano_assets", _RUNTIME | _STORE | {"pytest"}),
        # The script that once made the collections of cards runs in an environment of its own: anki's licence is AGPL.
        ("americano_assets_tests", _ALL | {"anki"}),
        ("benchmarks", _ALL),
        ("tools", _ALL),
    ],
)
def test_every_import_is_declared(folder: str, declared: set[str]) -> None:
    sources = packages_distributions()
    undeclared = {
        name
        for name in _imported(PROJECT_ROOT / folder)
        if not {_plain(one) for one in sources.get(name, [name])} & declared
    }
    assert undeclared == set()


def test_every_declared_package_is_locked() -> None:
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", (PROJECT_ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert _ALL - {_plain(one) for one in locked} == set()
