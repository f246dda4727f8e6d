"""One bug planted in a scratch copy of the project, and the tests that see it there."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.query_files import PACKAGE, query_files

CAUGHT = "caught"
LABELS = "labels"
FEATURE_TESTS = "americano_assets_tests/stages/s2_features/test_feature_values.py"
_LABEL_TESTS = "americano_assets_tests/stages/s2_features/test_labels.py"


@dataclass(frozen=True)
class Mutation:
    """One planted bug.

    Attributes:
        touches: Feature, or what else it changes.
        file: Under `americano_assets`.
        text: Occurs there once.
        planted: What stands in its place.
        tests: Those that should see it: files or tests, with spaces between them.
    """

    touches: str
    file: str
    text: str
    planted: str
    tests: str

    @property
    def path(self) -> Path:
        """The file that it changes."""
        return PACKAGE / self.file


def in_query(query: str, *listed: tuple[str, str, str], tests: str = FEATURE_TESTS) -> tuple[Mutation, ...]:
    """Mutations of one query: what each touches, its text, what is planted. Those of labels have tests of their own."""
    file = query_files()[query].relative_to(PACKAGE).as_posix()
    return tuple(
        Mutation(touches, file, text, planted, _LABEL_TESTS if touches == LABELS else tests)
        for touches, text, planted in listed
    )


def run(mutation: Mutation) -> tuple[str, list[str]]:
    """Plant a mutation in a scratch copy and run the tests there.

    Returns:
        "caught", "survived" or why it proves nothing; and the first test that saw it.
    """
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch:
        for name in ("americano_assets", "americano_assets_tests"):
            # With what is compiled already: a file's time stays its own, so only the mutated one is compiled anew.
            shutil.copytree(PROJECT_ROOT / name, Path(scratch) / name, ignore=shutil.ignore_patterns("data"))
        for name in ("pyproject.toml", "dagster.yaml"):
            shutil.copy(PROJECT_ROOT / name, scratch)
        path = Path(scratch) / mutation.path.relative_to(PROJECT_ROOT)
        text = path.read_text()
        path.write_text(text.replace(mutation.text, mutation.planted))
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "--no-header",
                "-p",
                "no:cacheprovider",
                "-W",
                "ignore",
                *mutation.tests.split(),
            ],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
    failed = re.findall(r"^FAILED (?:\S*/)?(\S+?\.py::.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if re.search(r"^ERROR ", done.stdout, re.MULTILINE) or done.returncode not in (0, 1):
        return "breaks the code instead of its meaning, so it proves nothing", []
    return (CAUGHT if failed else "survived"), failed
