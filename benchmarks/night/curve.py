"""What several scales say together: a picture of the nights, and a straight line through the two largest to scale 1."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.night.table import WANTED, Stage, nights_of

_LEAST_SECONDS, _LEAST_MEMORY = 60.0, 1.0

# What is drawn of a night: title, unit, and the figure itself.
_PANELS: tuple[tuple[str, str, Callable[[list[Stage]], float]], ...] = (
    ("clock", "minutes", lambda night: sum(stage.clock for stage in night) / 60),
    ("processors, PostgreSQL's too", "minutes", lambda night: sum(stage.worked for stage in night) / 60),
    ("most memory, PostgreSQL apart", "GB", lambda night: max(stage.peak for stage in night)),
)


@dataclass(frozen=True)
class _Grown:
    """A stage at scale 1, and its peak at the largest scale that was measured."""

    name: str
    clock: float
    processor: float
    peak: float
    peak_now: float


def read(folder: Path) -> list[dict[str, Any]]:
    """The figures of a folder, the smallest scale first."""
    found = [json.loads(path.read_text()) for path in folder.glob("night-*.json")]
    return sorted(found, key=lambda one: float(one["scale"]))


def draw(figures: Sequence[dict[str, Any]], picture: Path) -> None:
    """Minutes by the clock and of the processors, and the most memory, of each kind of night against pairs."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(1, len(_PANELS), figsize=(13, 3.8), constrained_layout=True)
    for axes, (title, unit, of) in zip(places, _PANELS, strict=True):
        for name in WANTED:
            measured = [one for one in figures if name in nights_of(one)]
            pairs = [one["learners"] * one["objectives"] / 1000 for one in measured]
            axes.plot(pairs, [of(nights_of(one)[name]) for one in measured], "o-", label=name)
        axes.set(title=title, ylabel=unit, xlabel="thousand pairs (learner, objective)", xlim=(0, None), ylim=(0, None))
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=110)


def extrapolated(figures: Sequence[dict[str, Any]]) -> str:
    """Markdown of what would take a minute or grow by a GB at scale 1, going on as between the two last scales."""
    smaller, larger = figures[-2:]
    scales = f"{smaller['scale']:g} and {larger['scale']:g}"
    lines = [
        f"A straight line through scales {scales}, at scale 1: a minute of processor time and more, or 1 GB more.",
        "",
        "| night | stage | clock, s | processor, s | peak, GB |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    times = (1 - larger["scale"]) / (larger["scale"] - smaller["scale"])
    for name, night in nights_of(larger).items():
        before = {stage.name: stage for stage in nights_of(smaller).get(name, [])}
        if not before:
            continue
        told = [_at_one(before[stage.name], stage, times) for stage in night if stage.name in before]
        grown = [one for one in told if one.processor >= _LEAST_SECONDS or one.peak - one.peak_now >= _LEAST_MEMORY]
        lines += [_line(name, f"`{one.name}`", [one]) for one in sorted(grown, key=lambda one: -one.processor)]
        lines.append(_line(name, "all", told))
    return "\n".join(lines) + "\n"


def _at_one(smaller: Stage, larger: Stage, times: float) -> _Grown:
    def grown(name: str) -> float:
        two = float(getattr(larger, name))
        return two + times * max(0.0, two - float(getattr(smaller, name)))

    return _Grown(larger.name, grown("clock"), grown("processor"), grown("peak"), larger.peak)


def _line(night: str, stage: str, of: Sequence[_Grown]) -> str:
    clock, processor = sum(one.clock for one in of), sum(one.processor for one in of)
    return f"| {night} | {stage} | {clock:,.0f} | {processor:,.0f} | {max(one.peak for one in of):.1f} |"
