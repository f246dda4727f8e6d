"""Each command of README and docs is there and, but for those of one table, was run."""

import ast
import subprocess
import sys

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.documented.commands import BY_A_TEST, NOT_RUN, RUN, all_commands, ours, parts

TESTS = PROJECT_ROOT / "americano_assets_tests"
COMMANDS = all_commands()
OURS = [one for one in COMMANDS if ours(one) is not None]


@pytest.mark.parametrize("command", OURS)
def test_every_command_and_option_is_there(command: str) -> None:
    assert parts(ours(command) or [])


def test_each_of_ours_is_run_or_says_why_not() -> None:
    known = [words for one in (*RUN, *BY_A_TEST, *NOT_RUN) if (words := ours(one)) is not None]
    tried = {part for words in known for part in parts(words)}
    missing = {one: COMMANDS[one] for one in OURS if not parts(ours(one) or []) <= tried}
    assert missing == {}


def test_each_of_other_programs_is_run_or_says_why_not() -> None:
    """But for measurements, of which the long test below looks that they begin, and containers, marked `full`."""
    others = {one for one in COMMANDS if one not in OURS and not one.startswith(("python -m benchmarks.", "docker "))}
    known = {one for one in (*BY_A_TEST, *NOT_RUN) if ours(one) is None}
    assert others - known == set()
    assert known - others == set(), "documented no more"


@pytest.mark.parametrize("test", sorted(set(BY_A_TEST.values())))
def test_the_test_that_runs_it_is_there(test: str) -> None:
    path, name = test.split("::")
    tree = ast.parse((TESTS / path).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.long
def test_every_measurement_begins() -> None:
    modules = sorted({command.split()[2] for command in COMMANDS if command.startswith("python -m benchmarks.")})
    modules.remove("benchmarks.NAME")
    done = subprocess.run(
        [sys.executable, "-c", "".join(f"import {name}; {name}.main\n" for name in modules)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
