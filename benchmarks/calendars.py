"""`evaluate --setting demo` on each of seven calendars: OULAD's first load 0 to 6 days earlier.

.venv/bin/python -m benchmarks.calendars [--keep FOLDER] [--only DAYS …]

The students' days are shifted onto the day of the first load, and the weekly cut-offs lie on a grid of their own: on
each calendar they meet other days of the courses. The figures are those of `evaluate`: all learners in five turns.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.evaluation.folds import judge
from americano_assets.core.evaluation.report import Evaluated, report
from americano_assets.core.training.treated_rows import TREATED
from americano_assets.evaluation.own_data import demo_folds
from americano_assets.loading.demo.homes import OULAD_SETTINGS
from benchmarks.made_rows import Cohort, made

CALENDARS = range(7)
_FIGURES = ("auc_roc", "ece", "accuracy", "recall", "log_loss")
_MODULE = "BBB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder of rows that were made before")
    parser.add_argument("--only", type=int, nargs="+", default=list(CALENDARS), help="days before yesterday")
    options = parser.parse_args()
    print(f"| first load | rows | scores | {' | '.join(_FIGURES)} | log loss, ECE of {_MODULE} | without it |")
    print("| --- | ---: | --- |" + " --- |" * (len(_FIGURES) + 2))
    for days_ago in options.only:
        rows, _ = made(Cohort(days_ago), options.keep)
        print(_line(days_ago, rows), flush=True)


def _line(days_ago: int, rows: pd.DataFrame) -> str:
    assert not rows[TREATED].any()
    folds, _ = demo_folds(rows, int(OULAD_SETTINGS["AMERICANO_HORIZON_DAYS"]), "all")
    judged = [judge(rows, fold, own_names=True) for fold in folds]
    module = np.where(rows["code"].str.startswith(_MODULE), _MODULE, "without")
    slices = {"module": pd.Series(module, index=rows.index)}
    facts: dict[str, Any] = {
        "setting": "demo",
        "notes": [],
        "data": {},
        "target": {},
        "source": {},
        "shortcoming": None,
    }
    found = report(Evaluated(rows, judged, facts, slices))
    champion = found["champion"]
    every = found["models"][champion]["all"]
    parts = {one["value"]: one["figures"] for one in found["slices"] if one["slice"] == "module"}
    of_parts = [" ".join(_told(parts[name][key]) for key in ("log_loss", "ece")) for name in (_MODULE, "without")]
    cells = [
        f"{days_ago} days ago",
        f"{every['n']:,}",
        champion.replace("_", " "),
        *(_told(every[key]) for key in _FIGURES),
    ]
    return f"| {' | '.join([*cells, *of_parts])} |"


def _told(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


if __name__ == "__main__":
    main()
