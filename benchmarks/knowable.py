"""How much of the simulated cohort's best possible AUC could be known at the cut-off, and by whom.

.venv/bin/python -m benchmarks.knowable [--learners N]

No model is trained: the planted quantities themselves rank the rows, over all studied planned days of the last nine
weeks, as many as the demo lives through. What a ranking is to expect is exact, not sampled.
"""

import argparse
from datetime import date

import numpy as np

from americano_assets.loading.demo.simulator.cohort import simulate
from americano_assets.loading.demo.simulator.draw.answers import AT_NIGHT, OVERLOAD
from americano_assets.loading.demo.simulator.draw.curriculum import Floats, course_of
from americano_assets.loading.demo.simulator.draw.plan import overload
from americano_assets.loading.demo.simulator.truth import expected_auc, struggle_probability

DAYS, LAST_DAYS, END = 180, 63, date(2026, 11, 23)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=250)
    options = parser.parse_args()
    cohort = simulate(learners=options.learners, days=DAYS, seed=1, end=END)
    plan, who = cohort.plan, cohort.learners
    rows = cohort.judged[(cohort.plan.day[cohort.judged] > DAYS - LAST_DAYS) & plan.done[cohort.judged]]
    day: Floats = OVERLOAD * overload(plan, who.tolerance) + AT_NIGHT * (plan.at_night > 0)
    drawn = who.ability[plan.learner] + who.strength[plan.learner, course_of(plan.objective)]
    p = struggle_probability(plan, cohort.curriculum, cohort.base, rows)
    print(f"{options.learners} learners, {len(rows):,} rows, struggle rate {p.mean():.3f}\n")
    print("| who knows | AUC |\n| --- | ---: |")
    for known, ease in {
        "everything but the form of the day: the best possible": -p,
        "… and neither how many cards, which, nor whether a validation is asked": cohort.base[rows],
        "… nor the day's load and hour": (cohort.base + day)[rows],
        "ability, strength and difficulty alone": (drawn - cohort.curriculum.difficulty[plan.objective])[rows],
    }.items():
        print(f"| {known} | {expected_auc(np.asarray(-ease), p):.3f} |")


if __name__ == "__main__":
    main()
