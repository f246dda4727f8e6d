"""How near an observer would come who knows how the simulated cohort's answers come about, but not by whom.

.venv/bin/python -m benchmarks.observer [--learners N --days D]

Told are the formula of docs/simulator.md, how its parameters are spread, what every answer added to mastery and which
prerequisites are missing. Estimated from the answers before a day, once a week and all at once, are every learner's
ability, strengths, forgetting and tolerance and every objective's difficulty: the mode of their posterior, the form of
a day integrated out. Not known are the day's hour, its cards, whether a validation is asked. Ranked are the planned
rows of the day, over the last eight weeks; what to expect of the ranking follows from the true probabilities.
"""

import argparse
from datetime import date

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from americano_assets.loading.demo.simulator.cohort import Cohort, simulate
from americano_assets.loading.demo.simulator.draw.answers import AT_NIGHT, OVERLOAD
from americano_assets.loading.demo.simulator.draw.curriculum import COURSES, OBJECTIVES, Floats, Ints, course_of
from americano_assets.loading.demo.simulator.draw.memory import AGAIN
from americano_assets.loading.demo.simulator.draw.plan import Step, overload
from americano_assets.loading.demo.simulator.truth import (
    FOLLOW_UP_EASE,
    FORM_SPREAD,
    VALIDATION_EASE,
    VALIDATION_POINTS,
    expected_auc,
    struggle_probability,
)

END, WEEKS = date(2026, 11, 23), 8
# How the simulator draws (learners.py, curriculum.py); a difficulty is seen through the complexity that the app shows.
_ABILITY, _STRENGTH, _FORGETTING, _TOLERANCE = (1.4, 0.8), 0.45, (0.5, 0.4), (2, 4)
_DIFFICULTY_BY_COMPLEXITY, _DIFFICULTY_LEFT = np.array([-0.89, 0.04, 0.95]), 0.55
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)


class Observer:
    """What is known of a cohort whose parameters are not."""

    def __init__(self, cohort: Cohort) -> None:
        plan, who, given = cohort.plan, cohort.learners, cohort.answers
        self.cohort, self.plan, self.n = cohort, plan, len(cohort.learners)
        self.course = course_of(plan.objective)
        step, self.day = cohort.agenda.step[given.entry], cohort.agenda.day[given.entry]
        pair = plan.learner * OBJECTIVES + plan.objective
        studied = pd.DataFrame({"day": self.day, "pair": pair[given.row], "last": self.day}).drop_duplicates()
        asked = pd.DataFrame({"day": plan.day, "pair": pair}).reset_index().sort_values("day", kind="stable")
        joined = pd.merge_asof(asked, studied.sort_values("day"), on="day", by="pair", allow_exact_matches=False)
        last = joined.sort_values("index")["last"].to_numpy(dtype=float)
        self.log_weeks = np.log1p(np.where(np.isnan(last), 0, plan.day - last) / 7)
        fixed = who.ability[plan.learner] + who.strength[plan.learner, self.course]
        fixed -= cohort.curriculum.difficulty[plan.objective]
        fixed -= OVERLOAD * overload(plan, who.tolerance) + AT_NIGHT * (plan.at_night > 0)
        self.learned = cohort.base - fixed + who.forgetting[plan.learner] * self.log_weeks
        review = given.is_review
        right = np.where(review, given.rating != AGAIN, given.points)
        self.kinds = (
            (review & (step == Step.MAIN), 1, 0.0),
            (review & (step == Step.FOLLOW_UP), 1, FOLLOW_UP_EASE),
            (~review & ~given.skipped, VALIDATION_POINTS, VALIDATION_EASE),
        )
        self.right = right

    def parts(self, v: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Ability, strength, difficulty, forgetting and tolerance as standard normal numbers, from one vector."""
        n, k = self.n, self.n * len(COURSES)
        ability, strength, difficulty, forgetting, tolerance = np.split(v, np.cumsum([n, k, OBJECTIVES, n]))
        return ability, strength.reshape(n, -1), difficulty, forgetting, tolerance

    def logits(self, v: Floats, rows: Ints, load: Ints) -> Floats:
        """Of success on planned rows, the night left out."""
        ability, strength, difficulty, forgetting, tolerance = self.parts(v)
        who, what = self.plan.learner[rows], self.plan.objective[rows]
        hard = _DIFFICULTY_BY_COMPLEXITY[self.cohort.curriculum.complexity[what]] + _DIFFICULTY_LEFT * difficulty[what]
        borne = _TOLERANCE[0] + _TOLERANCE[1] * expit(tolerance[who])
        x = _ABILITY[0] + _ABILITY[1] * ability[who] + _STRENGTH * strength[who, self.course[rows]] - hard
        x -= _FORGETTING[0] * np.exp(_FORGETTING[1] * forgetting[who]) * self.log_weeks[rows]
        result: Floats = x + self.learned[rows] - OVERLOAD * np.maximum(0, load / borne - 1)
        return result

    def estimate(self, today: int, start: Floats) -> Floats:
        """The mode of the posterior, by the answers before a day."""
        plan, counts = self.plan, []
        for kind, size, ease in self.kinds:
            chosen = kind & (self.day < today)
            row = self.cohort.answers.row[chosen]
            right = np.bincount(row, weights=self.right[chosen], minlength=len(plan))
            counts.append((right, size * np.bincount(row, minlength=len(plan)), ease))
        rows = np.flatnonzero(sum(asked for _, asked, _ in counts) > 0)
        counts = [(right[rows], asked[rows], ease) for right, asked, ease in counts]
        who, what, load = plan.learner[rows], plan.objective[rows], plan.load[rows]
        night = AT_NIGHT * (plan.at_night[rows] > 0)

        def objective(v: Floats) -> tuple[float, Floats]:
            _, _, _, forgetting, tolerance = self.parts(v)
            x = (self.logits(v, rows, load) - night)[:, None] + FORM_SPREAD * _NODES
            fit = np.zeros_like(x)
            for right, asked, ease in counts:
                fit += right[:, None] * log_expit(x + ease) + (asked - right)[:, None] * log_expit(-x - ease)
            top = fit.max(axis=1, keepdims=True)
            share = _WEIGHTS / _WEIGHTS.sum() * np.exp(fit - top)
            whole = share.sum(axis=1, keepdims=True)
            slope = np.zeros(len(rows))
            for right, asked, ease in counts:
                slope += ((right[:, None] - asked[:, None] * expit(x + ease)) * share / whole).sum(axis=1)
            borne = _TOLERANCE[0] + _TOLERANCE[1] * expit(tolerance[who])
            bears = expit(tolerance[who]) * expit(-tolerance[who]) * _TOLERANCE[1] * load / borne**2
            rate = _FORGETTING[0] * np.exp(_FORGETTING[1] * forgetting[who])
            at = who * len(COURSES) + self.course[rows]
            gradient = np.concatenate(
                [
                    _ABILITY[1] * np.bincount(who, slope, self.n),
                    _STRENGTH * np.bincount(at, slope, self.n * len(COURSES)),
                    -_DIFFICULTY_LEFT * np.bincount(what, slope, OBJECTIVES),
                    -_FORGETTING[1] * np.bincount(who, slope * rate * self.log_weeks[rows], self.n),
                    OVERLOAD * np.bincount(who, slope * bears * (load > borne), self.n),
                ]
            )
            # All are normal but the tolerance, which is uniform and so logistic on this scale.
            normal = np.concatenate([v[: -self.n], np.zeros(self.n)])
            prior = (normal**2).sum() / 2 - (log_expit(tolerance) + log_expit(-tolerance)).sum()
            pull = np.concatenate([v[: -self.n], expit(tolerance) - expit(-tolerance)])
            return prior - (np.log(whole) + top).sum(), pull - gradient

        found: Floats = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=250)
    parser.add_argument("--days", type=int, default=180)
    options = parser.parse_args()
    cohort = simulate(learners=options.learners, days=options.days, seed=1, end=END, ahead=14)
    observer, plan = Observer(cohort), cohort.plan
    planned = pd.Series(1, range(len(plan))).groupby([plan.learner, plan.day]).transform("size").to_numpy()
    studied = cohort.judged[plan.done[cohort.judged]]
    v, rows, logits = np.zeros(observer.n * (3 + len(COURSES)) + OBJECTIVES), [], []
    for today in track(range(options.days - 7 * (WEEKS - 1), options.days + 1, 7), "Estimating"):
        v = observer.estimate(today, v)
        chosen = studied[plan.day[studied] == today]
        rows.append(chosen)
        logits.append(observer.logits(v, chosen, planned[chosen]))
    judged = np.concatenate(rows)
    p = struggle_probability(plan, cohort.curriculum, cohort.base, judged)
    best, reached = expected_auc(p, p), expected_auc(-np.concatenate(logits), p)
    print(
        f"{options.learners} learners, {options.days} days, {len(judged):,} rows: best possible AUC {best:.3f}, "
        f"of who knows the formula {reached:.3f}, {best - reached:.3f} short"
    )


if __name__ == "__main__":
    main()
