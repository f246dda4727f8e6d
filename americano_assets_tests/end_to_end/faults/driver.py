"""Runs one night on a small school in a process of its own, which is killed where it is told to."""

import importlib
import os
import signal
import sys
from pathlib import Path

import dagster as dg
from pydantic import SecretStr

from americano_assets_tests.end_to_end.faults.points import Point, Reached, watched
from americano_assets_tests.end_to_end.story import FIRST, school
from americano_assets_tests.world import Nights, World, world_settings

NOWHERE = "nowhere://at-all"
__all__ = ["FIRST", "main", "nights", "school", "start"]


def nights(url: str, home: Path, instance: dg.DagsterInstance, mlflow: str = NOWHERE) -> Nights:
    """The rules score, because their thresholds are known; MLflow is out of reach, which stops no night."""
    settings = world_settings(url, home, model_type="rule_based", mlflow_tracking_uri=SecretStr(mlflow))
    return Nights(settings, instance)


def start(url: str, world: World, home: Path) -> None:
    """The school, and its log up to the night."""
    school(world)
    with dg.DagsterInstance.ephemeral() as instance:
        assert nights(url, home, instance).history("2026-02-20", FIRST).success


def main(url: str, home: str, mlflow: str, day: str, *points: str) -> int:
    """One night of a study day for each point, killed there; 0 if each was.

    A child for each: what is imported once need not be imported again.
    """
    importlib.import_module("matplotlib.pyplot")
    with dg.DagsterInstance.ephemeral() as instance:
        nights(url, Path(home), instance)
    for point in points:
        child = os.fork()
        if child == 0:
            with dg.DagsterInstance.ephemeral() as instance, watched(Path(home), _die_at(point)):
                nights(url, Path(home), instance, mlflow).night(day)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            print(f"not killed: {point}", file=sys.stderr)
            return 1
        print(point, flush=True)
        sys.stdin.readline()  # The test looks at what is left before the next night begins.
    return 0


def _die_at(wanted: str) -> Reached:
    def reached(point: Point) -> None:
        if str(point) == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
