"""Two processes run the same night at once, as a person and the daemon might: one result, nothing doubled."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.end_to_end.faults.conftest import Left, School

SCRIPT = """
import sys
from pathlib import Path
import dagster as dg
from americano_assets.orchestration.run_failures import why_failed
from americano_assets_tests.end_to_end.faults.driver import FIRST, nights

with dg.DagsterInstance.ephemeral() as instance:
    run = nights(sys.argv[1], Path(sys.argv[2]), instance)
    print("ready", flush=True)
    sys.stdin.readline()
    result = run.night(FIRST, raise_on_error=False)
print(why_failed(result.all_events) if not result.success else "done", flush=True)
"""


def started(school: School, stack: ExitStack) -> Iterator[subprocess.Popen[str]]:
    for _ in range(2):
        yield stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT, school.url, str(school.home)],
                env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )


@pytest.mark.long
def test_two_nights_at_once_leave_what_one_leaves(school: School, undisturbed: Left) -> None:
    with ExitStack() as stack:
        both = [*started(school, stack)]
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.stdout.readline() for process in both if process.stdout is not None] == ["done\n", "done\n"]
    assert school.left() == undisturbed
