"""The report of an evaluation: one structure for the terminal, `--json`, the model card and the tests."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.evaluation.baselines import ALWAYS_NO
from americano_assets.core.evaluation.figures import Figure, figures_with_intervals
from americano_assets.core.evaluation.folds import Judged
from americano_assets.core.evaluation.verdict import YARDSTICKS, choice, says_something, verdict
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.statistics.cluster_bootstrap import REPLICATES, paired_difference
from americano_assets.core.statistics.metrics import LEAST_ROWS, row_log_loss, share
from americano_assets.core.training.slices import COLD_START, CONFIDENCE, terciles

SCHEMA = "americano-evaluation/1"
# Rows are drawn a thousand times; with very many of them fewer draws give the same interval.
_ROWS_DRAWN = 200_000_000
_LEAST_REPLICATES = 200
_MOST_COURSES = 40
# Why there is no AUC of a rule that says the same of everybody.
ONE_FOR_ALL = "one p for all rows"
# Sets of rows whose figures are worked out at once: the drawing of learners leaves Python to others meanwhile.
_SIDE_BY_SIDE = 2
# What is read of a row beside what the models said of it.
_READ = ["struggled", "learner", "course_id", "answers_before", "ever_answered"]


@dataclass(frozen=True)
class Evaluated:
    """What is reported on.

    Attributes:
        rows: Rows with features, `struggled`, `learner` (a number), `course_id`, `answers_before`, `ever_answered`.
        judged: What the models said, fold by fold.
        facts: Parts of the report that the rows do not tell: source, target, data, split, notes.
        slices: Further slices: name to the value of each row, None where it has none.
    """

    rows: pd.DataFrame
    judged: Sequence[Judged]
    facts: Mapping[str, Any]
    slices: Mapping[str, pd.Series] = field(default_factory=dict)


def report(evaluated: Evaluated) -> dict[str, Any]:
    """The whole report, as JSON-able values; docs/evaluation.md describes it."""
    rows = evaluated.rows[_READ].assign(**{COLD_START: cold_start(evaluated.rows)})
    rows = predictions(replace(evaluated, rows=rows))
    names = sorted({name for one in evaluated.judged for name in one.probability}, key=_place)
    champion = _champion(evaluated.judged)
    cold = rows[COLD_START].to_numpy(dtype=bool)
    parts: dict[str, BoolArray] = {
        "all": np.ones(len(rows), dtype=bool),
        "without_cold_starts": ~cold,
        "cold_starts": cold,
        "without_never_active": rows["ever_answered"].to_numpy(dtype=bool),
    }
    folds = {one.fold.name: (rows["fold"] == one.fold.name).to_numpy() for one in evaluated.judged}
    figures = _figures_by_name(rows, names, {**parts, **folds})
    found = {
        **evaluated.facts,
        "champion": champion,
        "folds": [_fold(one, evaluated.rows) for one in evaluated.judged],
        "models": {
            name: {
                **{part: figures[name][part] for part in parts},
                "folds": [
                    {
                        "fold": one.fold.name,
                        "threshold": one.threshold.get(name),
                        "threshold_told": one.threshold_told.get(name),
                        "figures": figures[name][one.fold.name],
                    }
                    for one in evaluated.judged
                    if name in one.probability
                ],
            }
            for name in names
        },
        "differences": [_difference(rows, champion, other) for other in names if other != champion],
        "slices": _slices(rows, champion, evaluated.slices),
    }
    return {
        "schema": SCHEMA,
        "evaluated": says_something(found),
        "verdict": verdict(found),
        **found,
        "choice": choice(evaluated.judged, champion, found["models"]),
    }


def predictions(evaluated: Evaluated) -> pd.DataFrame:
    """The test rows of all folds, with `fold`, and `prediction_NAME`, `flagged_NAME` and `confidence_NAME` of each."""
    parts = []
    for one in evaluated.judged:
        part = evaluated.rows.iloc[one.fold.test].assign(fold=one.fold.name)
        columns: dict[str, FloatArray | BoolArray] = {f"prediction_{name}": p for name, p in one.probability.items()}
        columns |= {f"flagged_{name}": flagged for name, flagged in one.flagged.items()}
        columns |= {f"confidence_{name}": sure for name, sure in one.confidence.items()}
        parts.append(part.assign(**columns))
    if not parts:
        return evaluated.rows.head(0).assign(fold="")
    return pd.concat(parts).sort_index(kind="stable")


def _place(name: str) -> tuple[int, str]:
    order = ("rule_based", "logistic_regression", "gradient_boosting", "blend")
    if name in order:
        return order.index(name), ""
    return len(order) + (1 + YARDSTICKS.index(name) if name in YARDSTICKS else 0), name


def _champion(judged: Sequence[Judged]) -> str | None:
    """The model that most folds would let score; of equals the first in order."""
    chosen = [one.chosen for one in judged]
    return max(sorted(set(chosen), key=_place), key=chosen.count) if chosen else None


def _fold(one: Judged, rows: pd.DataFrame) -> dict[str, Any]:
    parts = {name: rows.iloc[getattr(one.fold, name)] for name in ("train", "calibration", "test")}
    return {
        "fold": one.fold.name,
        "chosen": one.chosen,
        "why": one.why,
        **{
            name: {
                "rows": len(part),
                "learners": int(part["learner"].nunique()),
                "base_rate": share(part["struggled"]),
                "first_cutoff": str(part["cutoff_day"].min())[:10] if len(part) else None,
                "last_cutoff": str(part["cutoff_day"].max())[:10] if len(part) else None,
            }
            for name, part in parts.items()
        },
    }


def _figures_by_name(
    rows: pd.DataFrame, names: Sequence[str], parts: Mapping[str, BoolArray]
) -> dict[str, dict[str, Any]]:
    """Figures of each model on each part of the rows; of parts that are all rows they are worked out once."""
    whole = next((part for part, inside in parts.items() if inside.all()), "")
    same = {part: whole if inside.all() else part for part, inside in parts.items()}
    asked = [(name, part) for name in names for part in dict.fromkeys(same.values())]
    figures = _figures_of_each(rows, [(name, parts[part]) for name, part in asked])
    found = dict(zip(asked, figures, strict=True))
    return {name: {part: found[name, same[part]] for part in parts} for name in names}


def _figures_of_each(rows: pd.DataFrame, asked: Sequence[tuple[str, BoolArray]]) -> list[dict[str, Any]]:
    """Figures of models, each on some of the rows, in the order in which they are asked."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda one: _figures(rows, *one), asked))


def _figures(rows: pd.DataFrame, name: str, inside: BoolArray) -> dict[str, Any]:
    struggled, p, flagged = _arrays(rows, name)
    # A fold in which a model could not be trained has no opinion of it.
    inside = inside & ~np.isnan(p)
    learner = rows["learner"].to_numpy()[inside]
    found: Mapping[str, Figure] = figures_with_intervals(
        struggled[inside], p[inside], flagged[inside], learner, replicates=replicates(len(learner))
    )
    if name == ALWAYS_NO:
        # Folds answer with different rates; that their order ranks rows would be an accident.
        found = {**found, **dict.fromkeys(("auc_roc", "average_precision"), Figure(None, reason=ONE_FOR_ALL))}
    return {
        "n": len(learner),
        "learners": len(np.unique(learner)),
        **{figure: value.to_json() for figure, value in found.items()},
    }


def _difference(rows: pd.DataFrame, champion: str | None, other: str) -> dict[str, Any]:
    """Log loss of the champion minus that of another on the rows that both judged; below 0 the champion is better."""
    columns = [f"prediction_{champion}", f"prediction_{other}"]
    both = rows[rows[columns].notna().all(axis=1)] if set(columns) <= set(rows) else rows.head(0)
    found = None
    if len(both) >= LEAST_ROWS and champion is not None:
        losses = [row_log_loss(*_arrays(both, name)[:2]) for name in (champion, other)]
        found = paired_difference(losses[0], losses[1], both["learner"].to_numpy(), replicates=replicates(len(both)))
    figure = (
        Figure(None, reason="too few learners or rows")
        if found is None
        else Figure(found.estimate, found.low, found.high)
    )
    return {"champion": champion, "other": other, "n": len(both), "log_loss_difference": figure.to_json()}


def _slices(rows: pd.DataFrame, champion: str | None, further: Mapping[str, pd.Series]) -> list[dict[str, Any]]:
    if champion is None or rows.empty:
        return []
    sliced: dict[str, pd.Series] = {}
    if 1 < rows["course_id"].nunique() <= _MOST_COURSES and "course" not in further:
        sliced["course"] = rows["course_id"]
    sliced["activity"] = terciles(rows["answers_before"], "active")
    if f"confidence_{champion}" in rows:
        sliced[CONFIDENCE] = terciles(rows[f"confidence_{champion}"], "confident")
    sliced |= {name: values.reindex(rows.index) for name, values in further.items()}
    parts = []
    for name, values in sliced.items():
        code, distinct = pd.factorize(values, sort=True)
        parts += [(name, str(value), code == number) for number, value in enumerate(distinct)]
    figures = _figures_of_each(rows, [(champion, inside) for _, _, inside in parts])
    return [{"slice": part[0], "value": part[1], "figures": of} for part, of in zip(parts, figures, strict=True)]


def _arrays(rows: pd.DataFrame, name: str) -> tuple[BoolArray, FloatArray, BoolArray]:
    return (
        rows["struggled"].to_numpy(dtype=bool),
        rows[f"prediction_{name}"].to_numpy(dtype=float) if len(rows) else np.array([]),
        rows[f"flagged_{name}"].to_numpy(dtype=bool) if len(rows) else np.array([], dtype=bool),
    )


def replicates(rows: int) -> int:
    """How often learners are drawn for an interval of figures of so many rows."""
    return max(_LEAST_REPLICATES, min(REPLICATES, _ROWS_DRAWN // max(rows, 1)))
