"""The parts of the measurement, in order. Each leaves a mark; a second call goes on where the first was broken off."""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration.local_runner import make_ready
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from benchmarks.cohort import LAST_DAY, Size
from benchmarks.night.app_rows import Load, made, unchecked
from benchmarks.night.curve import draw, extrapolated, read
from benchmarks.night.home import DeploymentOf, app_session, settings_of
from benchmarks.night.memory import Watch
from benchmarks.night.one_night import Step, run_night, steps_of
from benchmarks.night.past import WEEKS, write_past
from benchmarks.night.table import markdown
from benchmarks.night.yardsticks import measured

_WEEKLY, _ANEW = 7, 2
# (name, days after the first night's, days between two trainings): two days after the first a training is due.
NIGHTS = (("first", 0, _WEEKLY), ("ordinary", 1, _WEEKLY), ("training", 2, _ANEW), ("rerun", 2, _ANEW))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of 5,000 learners; a laptop takes 0.05")
    parser.add_argument("--work", type=Path, help="folder of the measurement, a short path; without it one in /tmp")
    parser.add_argument("--out", type=Path, help="folder into which the table and the figures are written")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the measurement as it is in the end")
    parser.add_argument("--nights", type=int, default=len(NIGHTS), help="stop after so many nights")
    parser.add_argument(
        "--picture", type=Path, help="only draw the figures in --out, of several scales, into this file"
    )
    options = parser.parse_args()
    if options.picture:
        scales = read(options.out or Path())
        draw(scales, options.picture)
        print(extrapolated(scales))
        return
    work = options.work or Path(tempfile.gettempdir()) / f"night-{options.scale:g}"
    work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Told to end, it ends what it started, too.
    try:
        figures = Parts(work, Size.scaled(options.scale), options.scale).run(options.nights)
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()
        EmbeddedServer(work / "home").stop()
    text = markdown(figures)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"night-{options.scale:g}.json").write_text(json.dumps(figures, indent=1))
        (options.out / f"night-{options.scale:g}.md").write_text(text)
    if not options.keep:
        shutil.rmtree(work)


class Parts:
    """The parts of one measurement in one folder."""

    def __init__(self, work: Path, size: Size, scale: float, weeks: int = WEEKS) -> None:
        self.work, self.home, self.size, self.scale, self.weeks = work, work / "home", size, scale, weeks
        self._marks = work / "marks"
        self._marks.mkdir(exist_ok=True)

    def run(self, nights: int) -> dict[str, Any]:
        """Everything that is not done yet; what was measured, by part."""
        found: dict[str, Any] = {"load": self._part("load", partial(self._load, 0))}
        EmbeddedServer(self.home).ensure()  # It was stopped where an earlier call was broken off.
        for number, (name, later, retrain_days) in enumerate(NIGHTS[:nights]):
            day = LAST_DAY + timedelta(days=later)
            if later and name != "rerun":
                found[f"load {name}"] = self._part(f"load-{later}", partial(self._load, later))
            found[name] = self._part(f"night-{number}", partial(self._night, number, day, retrain_days))
            found[f"{name} yardsticks"] = self._part(f"yard-{number}", partial(self._yard, number, day))
            if name == "first":
                found["past"] = self._part("past", self._past)
        return {
            "scale": self.scale,
            "learners": self.size.learners,
            "objectives": self.size.objectives,
            "commit": _git("rev-parse", "--short", "HEAD") + ("*" if _git("status", "--porcelain", "-uno") else ""),
            "cores": os.cpu_count(),
            "memory": os.environ.get("AMERICANO_MEMORY"),
            "disk": sum(file.stat().st_size for file in self.home.rglob("*") if file.is_file()) / 1e9,
            "parts": found,
        }

    def prepare(self) -> None:
        """Make the home as the ordinary night finds it, and measure nothing."""
        self._part("load", partial(self._load, 0))
        self._part("night-0", partial(self._night, 0, LAST_DAY, _WEEKLY))
        self._part("past", self._past)
        self._part("load-1", partial(self._load, 1))

    def _part(self, name: str, work: Callable[[], Any]) -> Any:
        mark = self._marks / f"{name}.json"
        if not mark.exists():
            print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
            began, load = time.perf_counter(), os.getloadavg()[0]
            done = {"result": work(), "load": (load + os.getloadavg()[0]) / 2, "clock": time.perf_counter() - began}
            mark.write_text(json.dumps(done))
        return json.loads(mark.read_text())

    def _load(self, later: int) -> dict[str, int]:
        if _alone(_make_ready, self.home):
            raise SystemExit("the home could not be made")
        with (
            made(self.size.learners, self.size.objectives, LAST_DAY, self.work) as cohort,
            app_session(self.home) as app,
            unchecked(app).transaction(),
        ):
            loaded: Load = cohort.load_day(app, later) if later else cohort.load_history(app)
        return {**loaded.rows, "interactions": loaded.interactions}

    def _night(self, number: int, day: date, retrain_days: int) -> list[dict[str, Any]]:
        file = self.work / f"steps-{number}.jsonl"
        process = multiprocessing.get_context("spawn").Process(
            target=run_night, args=(self.home, day, retrain_days, file)
        )
        process.start()
        assert process.pid is not None
        with Watch(process.pid, EmbeddedServer(self.home).data) as watch:
            process.join()
        steps = steps_of(file)
        if process.exitcode:
            most = watch.during(steps[-1].began, time.time())["ours"]
            raise SystemExit(f"{day} ended with {process.exitcode} in the step {steps[-1].name}, at {most:.1f} GB.")
        return [_told(step, watch) for step in steps]

    def _yard(self, number: int, day: date) -> dict[str, Any]:
        steps = steps_of(self.work / f"steps-{number}.jsonl")
        home = DeploymentOf(settings_of(self.home, _WEEKLY), day)
        return asdict(measured(home, day, steps, self.work / "spare.parquet"))

    def _past(self) -> None:
        if _alone(_write_past, self.home, self._marks, self.weeks):
            raise SystemExit("the nights before the first one could not be written")


def _told(step: Step, watch: Watch) -> dict[str, Any]:
    seen = watch.during(step.began, step.clock)
    return {**asdict(step), **seen, "peak": max(step.peak, seen["ours"])}


def _alone(work: Callable[..., None], *given: Any) -> int | None:
    """Run it in a process of its own; its exit code."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()
    return process.exitcode


def _make_ready(home: Path) -> None:
    make_ready(settings_of(home, _WEEKLY))


def _write_past(home: Path, marks: Path, weeks: int) -> None:
    deployment = DeploymentOf(settings_of(home, _WEEKLY), LAST_DAY)
    write_past(
        deployment,
        LAST_DAY,
        lambda week: (marks / f"week-{week}").touch(),
        lambda week: (marks / f"week-{week}").exists(),
        weeks,
    )


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
