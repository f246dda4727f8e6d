"""A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from americano_assets.core.effects.before_after import BASELINE_WEEKS
from americano_assets.core.effects.caution import caution
from americano_assets.core.effects.effects import (
    EXPERIMENT,
    FIRST_FLAG_ONLY,
    INTENTION_TO_TREAT,
    OBSERVATIONAL,
    STUDIED_ONLY,
)
from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK
from americano_assets.core.morning_list.capacity import WEEKS
from americano_assets.core.outcomes.drift import PSI_LIMITS
from americano_assets.core.outcomes.drift_told import means_apart
from americano_assets.core.outcomes.performance import maker, whose
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.training.fit import RULES
from americano_assets.core.training.flagging import NOBODY
from americano_assets.stages.s9_report.page.data import DAYS, LATER_NIGHTS, Report
from americano_assets.stages.s9_report.page.templates import page_environment

_ESTIMANDS = {
    "intention_to_treat": "struggles, all flagged",
    "first_flag_only": "struggles, first flag of each draw",
    "studied_only": "struggles, studied only",
    "unstudied": "not studied at all",
    "mean_score": "mean score",
    "answers": "graded answers",
}
_MOST_PARTS = _MOST_OBJECTIVES = 12
MINUS = "\N{MINUS SIGN}"  # as wide as a plus
_PLOT = 260  # side of the calibration plot, in its own units
_NIGHTS_WIDTH, _NIGHTS_HEIGHT, _LINE = 300, 110, 14  # the last: height of a line of text
_CLAIMED = {
    True: "fewer struggles: the interval leaves out 0",
    False: "more struggles: the interval leaves out 0",
    None: "cannot be told from no effect",
}


def render(report: Report) -> str:
    """The page."""
    environment = page_environment(Path(__file__).parent)
    environment.filters |= {"percent": percent, "points": points, "signed": signed, "count": count, "span": span}
    own = report.performance[0] if report.performance else None
    drawn = [one for one in report.effects if one["estimand"] == INTENTION_TO_TREAT and one["low"] is not None]
    truth = abs(report.planted["effect"]) if report.planted else 0.0
    reach = max([0.05, truth, *(max(abs(one["low"]), abs(one["high"])) for one in drawn)])
    return environment.get_template("page.html.j2").render(
        report=report,
        days=DAYS,
        least=LEAST_ROWS,
        most_objectives=_MOST_OBJECTIVES,
        scored_by=_scored_by(report.scoring),
        by_rules=own is not None and own["model_type"] == RULES,
        risks=(HIGH_RISK, MEDIUM_RISK),
        own=own,
        whose=[_whose(one) for one in report.performance],
        makers=[{**one, "maker": maker(one["model_type"])} for one in report.performance],
        parts=_parts(own),
        means=means_apart,
        limits=PSI_LIMITS,
        minus=MINUS,
        baseline_weeks=BASELINE_WEEKS,
        later_nights=LATER_NIGHTS,
        caution=caution(report.before_after["reduction_percentage"] if report.before_after else None),
        primary=_primary(report),
        verdict=_verdict,
        forest=[_bar(one, reach, report.planted) for one in drawn],
        reach=reach,
        nights=_nights(report.effect_by_night),
        unknown=_unknown(report),
        beside=[
            one
            for one in report.effects
            if one["evidence"] == EXPERIMENT and one["scope"] == "all" and one["estimand"] != INTENTION_TO_TREAT
        ],
        estimands=_ESTIMANDS,
        not_random=(STUDIED_ONLY,),
        first_flag=FIRST_FLAG_ONLY,
        curve=_curve(own),
        list_weeks=WEEKS,
        side=_PLOT,
    )


def percent(value: float | None, digits: int = 0) -> str:
    """A share in per cent; a dash where there is none."""
    return "—" if value is None else f"{100 * value:.{digits}f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "—" if value is None else signed(100 * value, 1)


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign; the minus is as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def count(value: int | None) -> str:
    """A whole number with its thousands told apart."""
    return "—" if value is None else f"{value:,}"


def span(days: tuple[date, date]) -> str:
    """Study days from the first to the last."""
    first, last = days
    return f"{first:%d %b}" if first == last else f"{first:%d %b} to {last:%d %b}"


def _scored_by(scoring: Mapping[str, Any] | None) -> str | None:
    """Which model scored the night, and from which p on it flags, in a sentence; None where none did."""
    if scoring is None:
        return None
    flags = "nobody is flagged" if scoring["threshold"] >= NOBODY else f"flagged from p = {scoring['threshold']:.2f} on"
    if scoring["model_type"] == RULES:
        return f"Scored by the rules, {flags}: their p is a score by which to rank, not how often a struggle comes."
    name = maker(scoring["model_type"])
    return f"Scored by a trained model, {name}, {flags}: p is the chance that who studies it struggles."


def _whose(one: Mapping[str, Any]) -> str:
    return whose(one["model_type"], one["versions"], one["n"], one["scored_from"], one["scored_to"], one["drawn_share"])


def _parts(own: Mapping[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """Figures of a model by kind of part; of a kind with many parts the largest."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in own["slices"] if own else []:
        found.setdefault(one["by"], []).append(one)
    return {
        by: rows if len(rows) <= _MOST_PARTS else sorted(rows, key=lambda row: -row["n"])[:_MOST_PARTS]
        for by, rows in found.items()
    }


def _primary(report: Report) -> dict[str, Any] | None:
    """The one effect that matters most: by chance if there is one, else observational."""
    order = (EXPERIMENT, OBSERVATIONAL)
    found = [
        one
        for one in report.effects
        if one["scope"] == "all" and one["estimand"] == INTENTION_TO_TREAT and one["evidence"] in order
    ]
    return min(found, key=lambda one: (one["estimate"] is None, order.index(one["evidence"])), default=None)


def _unknown(report: Report) -> list[tuple[str, list[str]]]:
    """Courses and kinds of help of which no effect is known, by name."""
    found = {
        what: sorted(
            {
                _type_name(one["name"]) if scope == "type" else one["name"]
                for one in report.effects
                if one["estimand"] == INTENTION_TO_TREAT and one["low"] is None and one["scope"] == scope
            }
        )
        for scope, what in (("course", "in single courses"), ("type", "of single kinds of help"))
    }
    return [(what, names) for what, names in found.items() if names]


def _type_name(name: str) -> str:
    return name.replace("_", " ").lower()


def _verdict(one: Mapping[str, Any]) -> str:
    return _CLAIMED[True if one["high"] < 0 else False if one["low"] > 0 else None]


def _bar(one: Mapping[str, Any], reach: float, planted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Places of an interval in a drawing that is 100 wide, 0 in its middle; of the truth too, where it is known."""

    def place(value: float) -> float:
        return round(50 + 48 * value / reach, 2)

    return {
        **one,
        "label": {"all": "everybody", "type": _type_name(one["name"])}.get(one["scope"], one["name"]),
        "from": place(one["low"]),
        "to": place(one["high"]),
        "at": place(one["estimate"]),
        "truth": place(planted["effect"])
        if planted and (one["scope"], one["evidence"]) == ("all", EXPERIMENT)
        else None,
    }


def _nights(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Places of the intervals night by night, between the least and the most that is drawn; None for less than two."""
    if len(rows) < 2:
        return None
    drawn = [one[name] for one in rows for name in ("low", "high", "truth") if one[name] is not None]
    least, most = min(0.0, *drawn), max(0.0, *drawn)

    def height(value: float | None) -> float | None:
        return None if value is None else round(_NIGHTS_HEIGHT * (most - value) / (most - least), 1)

    step = _NIGHTS_WIDTH / len(rows)
    marks = [(value, height(value)) for value in (least, most) if value != 0]
    return {
        "width": _NIGHTS_WIDTH,
        "height": _NIGHTS_HEIGHT,
        "zero_at": height(0.0),
        "marks": [(0.0, height(0.0)), *(one for one in marks if abs((one[1] or 0) - (height(0.0) or 0)) > _LINE)],
        "bars": [
            {**one, "x": round((place + 0.5) * step, 1)}
            | {f"{name}_at": height(one[name]) for name in ("estimate", "low", "high", "truth")}
            for place, one in enumerate(rows)
        ],
    }


def _curve(performance: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if performance is None:
        return []
    bins = performance["calibration"]
    return [
        {"x": round(_PLOT * said, 1), "y": round(_PLOT * (1 - came), 1), "said": said, "came": came, "n": n}
        for said, came, n in zip(bins["prob_pred"], bins["prob_true"], bins["count"], strict=True)
        if n >= LEAST_ROWS
    ]
