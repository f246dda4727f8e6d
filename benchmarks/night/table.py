"""The figures as Markdown: what was wanted beside what was measured, and a table of the stages of each night."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.night.cost import Cost

# Minutes and GB that are wanted of the whole of a night at scale 1.
WANTED = {"first": (60.0, None), "ordinary": (12.0, 6.0), "training": (20.0, None), "rerun": (20.0, None)}
_SCORING, _REASONS = "scored_predictions", "reasons"
_ADVICE = ("indicators", "interventions")
_MICROSECONDS = 20
# Times its yardstick; reasons have none that binds, features are measured by benchmarks.features.
_RATIO, _FIRST_PUBLICATION, _OTHERS = 4.0, 2.0, {_REASONS: math.inf, "features": math.inf}
# A stage that takes less than this share of its night stands with the others.
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Stage:
    """A stage of a night: seconds, GB, rows; `server` is PostgreSQL."""

    name: str
    clock: float
    processor: float
    peak: float
    server: float
    server_processor: float
    rows: int
    yardstick: Cost

    @property
    def worked(self) -> float:
        """Processor seconds, PostgreSQL's too."""
        return self.processor + self.server_processor

    @property
    def ratio(self) -> float | None:
        """By the clock; None where there is no yardstick."""
        return self.clock / self.yardstick.clock if self.yardstick.clock > 0 else None

    @property
    def ratio_of_work(self) -> float | None:
        """By processor time; as `ratio`."""
        return self.worked / self.yardstick.processor if self.yardstick.processor > 0 else None


def nights_of(figures: Mapping[str, Any]) -> dict[str, list[Stage]]:
    """The stages of each night that was measured with its yardsticks."""
    parts = figures["parts"]
    return {
        name: _stages(parts[name]["result"], parts[f"{name} yardsticks"]["result"])
        for name in WANTED
        if f"{name} yardsticks" in parts
    }


def _stages(night: list[dict[str, Any]], yardsticks: Mapping[str, Any]) -> list[Stage]:
    """The stages of a night, steps of one name together; reasons are a stage of their own."""
    names = dict.fromkeys(step["name"] for step in night)
    found = []
    scoring = yardsticks["scoring"]
    for name in names:
        steps = [step for step in night if step["name"] == name]
        sums = {key: sum(step[key] for step in steps) for key in ("clock", "processor", "server_processor", "rows")}
        most = {key: max(step[key] for step in steps) for key in ("peak", "server")}
        stage = Stage(name, **sums, **most, yardstick=Cost(**yardsticks["costs"].get(name, {})))
        if name == _SCORING:
            found.append(_without_reasons(stage, scoring))
            found.append(_reasons(stage, scoring))
        else:
            found.append(stage)
    return found


def markdown(figures: Mapping[str, Any]) -> str:
    """All of it."""
    parts = figures["parts"]
    pairs = figures["learners"] * figures["objectives"]
    load = parts["load"]["result"]
    minutes = sum(one["clock"] for one in parts.values()) / 60
    lines = [
        (
            f"### Scale {figures['scale']:g}: {figures['learners']:,} learners, {pairs:,} pairs, "
            f"{load['interactions']:,} interactions"
        ),
        "",
        (
            f"Commit {figures['commit']}, {figures['cores']} cores, AMERICANO_MEMORY {figures['memory'] or 'unset'}; "
            f"{minutes:.0f} minutes in all, {figures['disk']:.1f} GB of disk in the end. Seconds; GB; + "
            "PostgreSQL's. Ratios are to the yardstick, by the clock and by processor time with PostgreSQL's; bold "
            f"above {_RATIO:g} (the first publication: above {_FIRST_PUBLICATION:g})."
        ),
        "",
        "| night | flagged | minutes | processor | peak | load | wanted at scale 1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    nights = nights_of(figures)
    lines += [_summary(name, stages, parts) for name, stages in nights.items()]
    if "past" in parts:
        lines += ["", f"Twenty-two weekly nights were written in {parts['past']['clock']:.0f} s."]
    for name, stages in nights.items():
        lines += ["", *_table(name, stages, parts[f"{name} yardsticks"]["result"]["scoring"])]
    return "\n".join(lines) + "\n"


def _summary(name: str, stages: list[Stage], parts: Mapping[str, Any]) -> str:
    minutes, memory = WANTED[name]
    wanted = f"{minutes:g} min" + (f", {memory:g} GB" if memory else "")
    flagged = parts[f"{name} yardsticks"]["result"]["scoring"]["flagged"]
    candidates = next((stage.rows for stage in stages if stage.name == _SCORING), 0)
    share = f"{flagged:,} ({flagged / candidates:.0%})" if candidates else f"{flagged:,}"
    clock, processor, server = (
        sum(getattr(stage, field) for stage in stages) / 60 for field in ("clock", "processor", "server_processor")
    )
    peaks = " + ".join(f"{max(getattr(stage, field) for stage in stages):.2f}" for field in ("peak", "server"))
    return (
        f"| {name} | {share} | {clock:.2f} | {processor:.2f} + {server:.2f} | {peaks} | {parts[name]['load']:.1f} | "
        f"{wanted} |"
    )


def _table(name: str, stages: list[Stage], scoring: Mapping[str, Any]) -> Iterator[str]:
    whole = sum(stage.clock for stage in stages)
    shown = [stage for stage in stages if stage.clock >= _LEAST_SHARE * whole]
    others = [stage for stage in stages if stage not in shown]
    yield f"**{name}**"
    yield ""
    yield "| stage | clock | processor | peak | rows | rows/s | yardstick | its processor | ratio | of processors |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for stage in sorted(shown, key=lambda one: -one.clock):
        rows, rate = (f"{stage.rows:,}", f"{stage.rows / stage.clock:,.0f}") if stage.rows else ("", "")
        ratios = (_told(ratio, _wanted(name, stage)) for ratio in (stage.ratio, stage.ratio_of_work))
        yield (
            f"| `{stage.name}` | {stage.clock:.1f} | {stage.processor:.1f} + {stage.server_processor:.1f} | "
            f"{stage.peak:.2f} + {stage.server:.2f} | {rows} | {rate} | {stage.yardstick.clock:.2f} | "
            f"{stage.yardstick.processor:.2f} | {' | '.join(ratios)} |"
        )
    yield f"| {len(others)} others | {sum(one.clock for one in others):.1f} | | | | | | | | |"
    if scoring["flagged"]:
        advice = [stage for stage in stages if stage.name in _ADVICE]
        clock, processor = sum(one.clock for one in advice), sum(one.processor for one in advice)
        reasons, micro = scoring["reasons"], 1e6 / scoring["flagged"]
        yield ""
        yield (
            "A flagged row, by the clock and by the processor: "
            f"advice {clock * micro:.0f} and {processor * micro:.0f} µs (wanted {_MICROSECONDS}), "
            f"reasons {reasons['clock'] * micro:.0f} and {reasons['processor'] * micro:.0f} µs."
        )


def _told(ratio: float | None, wanted: float) -> str:
    if ratio is None:
        return ""
    return f"**{ratio:.1f}**" if ratio > wanted else f"{ratio:.1f}"


def _wanted(night: str, stage: Stage) -> float:
    return _FIRST_PUBLICATION if (night, stage.name) == ("first", "publish") else _OTHERS.get(stage.name, _RATIO)


def _without_reasons(stage: Stage, scoring: Mapping[str, Any]) -> Stage:
    return replace(_part(stage, 1 - _share(stage, scoring)), yardstick=stage.yardstick + Cost(**scoring["predicted"]))


def _reasons(stage: Stage, scoring: Mapping[str, Any]) -> Stage:
    part = _part(stage, _share(stage, scoring))
    return replace(part, name=_REASONS, rows=scoring["flagged"], yardstick=Cost(**scoring["contributions"]))


def _part(stage: Stage, share: float) -> Stage:
    """So much of its time."""
    clock = stage.clock * share
    return replace(
        stage, clock=clock, processor=stage.processor * share, server_processor=stage.server_processor * share
    )


def _share(stage: Stage, scoring: Mapping[str, Any]) -> float:
    """Of the stage's time that of reasons."""
    return min(1.0, float(scoring["reasons"]["processor"]) / max(stage.processor, 1e-9))
