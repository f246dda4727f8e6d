"""Forgets a learner in children that are killed (-9) at their first change, their second, … until one ends by itself.

    python -m americano_assets_tests.stages.maintenance.killed_forgetting URL HOME LEARNER

Prints how many were killed.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets_tests.stages.maintenance.belongings import AT
from americano_assets_tests.world import ClockedDeployment, world_settings

_CHANGES = ("os.rename", "os.remove", "os.truncate")
_WRITES = ("DELETE", "UPDATE", "INSERT")


def main(url: str, home: str, learner: str) -> int:
    """0 once a child has ended by itself."""
    number = 0
    while True:
        child = os.fork()
        if child == 0:
            _die_at(number)
            forget(ClockedDeployment(world_settings(url, Path(home)), AT), learner)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(number)
            return os.WEXITSTATUS(status)
        number += 1


def _die_at(number: int) -> None:
    left = number

    def reached() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def audit(event: str, _: Any) -> None:
        if event in _CHANGES:
            reached()

    execute, commit = psycopg.Connection.execute, psycopg.Connection.commit

    def executing(connection: Any, statement: Any, *given: Any, **options: Any) -> Any:
        if isinstance(statement, bytes | str):
            text = statement.decode() if isinstance(statement, bytes) else statement
            if text.startswith(_WRITES):
                reached()
        return execute(connection, statement, *given, **options)

    def committing(connection: Any) -> None:
        commit(connection)
        reached()

    sys.addaudithook(audit)
    psycopg.Connection.execute = executing  # type: ignore[method-assign,assignment]
    psycopg.Connection.commit = committing  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
