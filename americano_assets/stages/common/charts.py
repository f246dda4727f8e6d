"""Pictures as PNG bytes, for Dagster's metadata and MLflow. Nothing is computed here that a table does not hold."""

import io
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from americano_assets.core.base.escaping import label
from americano_assets.core.effects.effects import EXPERIMENT, Effect
from americano_assets.core.statistics.metrics import Calibration

_INK, _MUTED, _ACCENT, _SECOND = "#1f2933", "#9aa5b1", "#2563eb", "#d97706"
_DARK_FROM = 0.6
_MOST_ROWS, _MOST_COLUMNS, _MOST_FEATURES = 20, 14, 12
_THIRD, _FOURTH = "#0f766e", "#9d174d"


def calibration_plot(curves: Mapping[str, Calibration], of: str = "held-out learners") -> bytes:
    """Observed struggle rate over mean p, a line a model; the diagonal is perfect calibration."""
    figure = Figure(figsize=(5, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle="--", label="perfect")
    for (name, curve), colour in zip(curves.items(), (_SECOND, _ACCENT, _THIRD, _INK, _FOURTH), strict=False):
        axes.plot(
            curve.prob_pred, curve.prob_true, marker="o", markersize=4, color=colour, label=name.replace("_", " ")
        )
    axes.set(xlabel="mean predicted probability", ylabel="share that struggled", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"Calibration on {of}", fontsize=11)
    return _png(figure, axes)


def importance_plot(importance: Mapping[str, float]) -> bytes:
    """`importance_figure` as a picture."""
    figure = importance_figure(importance)
    return _png(figure, figure.axes[0], legend=False)


def importance_figure(importance: Mapping[str, float]) -> Figure:
    """Share of each feature in the model, largest on top; beyond _MOST_FEATURES the rest together, below them."""
    largest = sorted(importance.items(), key=lambda item: -item[1])
    shown, rest = largest[:_MOST_FEATURES], largest[_MOST_FEATURES:]
    bars = [(name.replace("_", " "), value) for name, value in shown]
    if rest:
        bars.append((f"{len(rest)} others", sum(value for _, value in rest)))
    figure = Figure(figsize=(6, 1.1 + 0.28 * len(bars)), dpi=110, layout="constrained")
    axes = figure.subplots()
    colours = [_ACCENT] * len(shown) + [_MUTED] * (len(bars) - len(shown))
    axes.barh([name for name, _ in bars], [value for _, value in bars], color=colours)
    axes.invert_yaxis()
    axes.set(xlabel="share of the model")
    axes.set_title("What the model looks at", fontsize=11)
    return figure


def confusion_plot(counts: Mapping[str, int], name: str) -> bytes:
    """What was said over what came, in rows and in shares of what came."""
    values = np.array([[counts["hits"], counts["misses"]], [counts["false_alarms"], counts["rightly_quiet"]]])
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4.2, 3.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if shares[row, column] > _DARK_FROM else _INK
        text = f"{value:,}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=11)
    axes.set_xticks([0, 1], ["flagged", "not flagged"])
    axes.set_yticks([0, 1], ["struggled", "did not"], rotation=90, va="center")
    axes.tick_params(length=0)
    axes.set_title(f"Held-out learners: {name.replace('_', ' ')}", fontsize=11)
    return _png(figure, axes, legend=False)


def reduction_plot(timeline: list[dict[str, float | str | None]]) -> bytes:
    """Weekly struggle rate of the learners who were ever flagged."""
    figure = Figure(figsize=(6, 3.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    known = [
        (str(point["date"]), float(point["struggle_rate"])) for point in timeline if point["struggle_rate"] is not None
    ]
    days = [f"{date.fromisoformat(day):%d %b}" for day, _ in known]
    axes.plot(range(len(days)), [rate for _, rate in known], marker="o", markersize=4, color=_ACCENT)
    axes.set_xticks(range(len(days)), days)
    axes.set(ylabel="struggled / studied", ylim=(0, 1))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title("Struggle rate by week (observational)", fontsize=11)
    return _png(figure, axes, legend=False)


def history_plot(days: Sequence[date], figures: Mapping[str, Sequence[float | None]], maker: str) -> bytes:
    """Figures of one maker's matured predictions by night, a line each; a night without a figure breaks its line."""
    figure = Figure(figsize=(6.4, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(figures.items(), (_ACCENT, _SECOND, _THIRD, _FOURTH), strict=False):
        known = [np.nan if value is None else value for value in values]
        axes.plot(
            np.array(days, dtype="datetime64[D]"),
            known,
            marker="o",
            markersize=3,
            color=colour,
            label=name.replace("_", " "),
        )
    axes.set(ylim=(0, 1), xlabel="study day")
    axes.tick_params(axis="x", rotation=45, labelsize=8)
    axes.set_title(f"Matured predictions by {maker}, night by night", fontsize=11)
    axes.legend(frameon=False, fontsize=9, loc="center left")
    return _png(figure, axes, legend=False)


def drift_plot(indices: Mapping[str, Mapping[str, float]], limit: float) -> bytes:
    """Stability index of each feature in each course, courses and features with the largest on top and left.

    Args:
        indices: By course and feature.
        limit: From here on it alarms; the colour is strongest at five times as much.
    """
    courses = sorted(indices, key=lambda course: -sum(indices[course].values()))[:_MOST_ROWS]
    features = sorted(
        {name for course in courses for name in indices[course]},
        key=lambda name: -sum(indices[course].get(name, 0.0) for course in courses),
    )[:_MOST_COLUMNS]
    values = np.array([[indices[course].get(name, np.nan) for name in features] for course in courses])
    figure = Figure(figsize=(2.6 + 0.55 * len(features), 2.1 + 0.34 * len(courses)), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.minimum(values, 5 * limit), cmap="Oranges", vmin=0, vmax=5 * limit, aspect="auto")
    for row, column in np.argwhere(values >= limit):
        shade = "white" if values[row, column] >= 4 * limit else _INK
        axes.text(column, row, f"{values[row, column]:.1f}", ha="center", va="center", fontsize=8, color=shade)
    axes.set_xticks(range(len(features)), [name.replace("_", " ") for name in features], rotation=45, ha="right")
    axes.set_yticks(range(len(courses)), list(map(label, courses)))
    axes.tick_params(labelsize=8, length=0)
    axes.set_title(f"Population stability index (a number: {limit} or more)", fontsize=11)
    return _png(figure, axes, legend=False)


def forest_plot(effects: Sequence[Effect]) -> bytes:
    """Estimates with their intervals, one below the other; left of 0 it helps."""
    figure = Figure(figsize=(6.5, 1.2 + 0.34 * len(effects)), dpi=110, layout="constrained")
    axes = figure.subplots()
    for place, one in enumerate(effects):
        found = one.comparison
        if found.estimate is None or found.low is None or found.high is None:
            continue
        colour = _ACCENT if one.evidence == EXPERIMENT else _MUTED
        axes.plot([100 * found.low, 100 * found.high], [place, place], color=colour, linewidth=2)
        axes.plot(100 * found.estimate, place, marker="s", markersize=6, color=colour)
    axes.axvline(0, color=_INK, linewidth=0.8, linestyle="--")
    names = [label(f"{(one.scope_id or 'all').replace('_', ' ').lower()} ({one.evidence})") for one in effects]
    axes.set_yticks(range(len(effects)), names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.set(xlabel="points of struggle rate, treated minus holdout (left: it helps)")
    axes.set_title("What the help changed, 95 % under nightly looks", fontsize=11)
    return _png(figure, axes, legend=False)


def _png(figure: Figure, axes: Axes, *, legend: bool = True) -> bytes:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if legend:
        axes.legend(frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
