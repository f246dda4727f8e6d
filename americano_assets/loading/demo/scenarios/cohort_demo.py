"""The simulated cohort as a demo: which one, loaded up to now, and what the best forecast could have reached."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.study_days.cutoff import Target
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.loading.demo.oulad.load import LoadReport, Progress
from americano_assets.loading.demo.scenarios.living_cohort import cohort_of
from americano_assets.loading.demo.simulator import Arguments, load_simulated, load_since, stored_arguments
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.loading.demo.simulator.truth import HORIZON_DAYS, STRUGGLE_BELOW, expected_auc
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import model_of_day

LEARNERS, DAYS, SEED = 250, 150, 1
# Later runs of the demo bring what happened since, for so many days.
DAYS_AHEAD = 60
_BEFORE_EVERYTHING = datetime.min.replace(tzinfo=UTC)
TARGET = Target(HORIZON_DAYS, STRUGGLE_BELOW)
# About nine struggles fewer in a hundred flagged episodes, half of which are never studied.
HELP_LOGITS = 1.3


def load(
    connection: psycopg.Connection[Any],
    *,
    now: datetime,
    learners: int | None = None,
    days: int | None = None,
    seed: int | None = None,
    help_logits: float | None = None,
    until: Callable[[Arguments], datetime] | None = None,
    progress: Progress | None = None,
) -> LoadReport:
    """Load a cohort into an empty database, or add what happened since to the one that is there.

    Args:
        connection: To a database with the app's tables and schema `ml`.
        now: Aware; nothing that happened after it is loaded.
        learners: How many; None: as the database holds, else 250.
        days: Study days before the first load; None: as the database holds, else 150.
        seed: None: as the database holds, else 1.
        help_logits: By how much help eases an answer; None: as the database holds, else 1.3.
        until: Where the first load of a cohort ends; later ones then add nothing, since whoever lives through it brings
            it on (`loading/demo/scenarios/living_cohort.py`). None: now.
        progress: Called with a table's name and the rows written to it.

    Raises:
        AmericanoError: The database holds rows of somebody else or a cohort of other arguments, or no cohort can be
            made of these.
    """
    stored = stored_arguments(connection)
    known = stored or Arguments(LEARNERS, DAYS, SEED, last_closed(now, ZONE), DAYS_AHEAD, HELP_LOGITS)
    wanted = replace(
        known,
        learners=known.learners if learners is None else learners,
        days=known.days if days is None else days,
        seed=known.seed if seed is None else seed,
        help_logits=known.help_logits if help_logits is None else help_logits,
    )
    cohort = cohort_of(connection, wanted)
    if stored is None:
        return load_simulated(connection, cohort, now=until(wanted) if until else now, progress=progress)
    return load_since(connection, cohort, now=_BEFORE_EVERYTHING if until else now, progress=progress)


@dataclass(frozen=True)
class Yardstick:
    """AUC on held-out rows of which the simulator knows the true probability.

    Attributes:
        rows: How many.
        best: What the true probabilities themselves can be expected to reach there.
        reached: By model type, what its ranking of the same rows can be expected to reach: by the true probabilities
            too, so that chance in how the rows turned out stands on neither side.
    """

    rows: int
    best: float
    reached: dict[str, float]


def is_simulated(deployment: Deployment) -> bool:
    """Whether the database holds a simulated cohort."""
    with deployment.connect() as connection:
        row = connection.execute("SELECT cohort FROM ml.demo_load").fetchone()
    return row is not None and row[0] == "simulated"


def yardstick(deployment: Deployment, day: date) -> Yardstick | str:
    """How near the day's model comes to what is possible, on rows that it was not trained on.

    Of the held-out rows those whose planned study day opens with the cut-off: for these the truth is exact.

    Returns:
        Why it is not known, in a clause, of fewer than LEAST_ROWS such rows, or where the settings ask for something
        else than the truth answers.
    """
    if (deployment.target, deployment.zone) != (TARGET, ZONE):
        return (
            f"the simulator knows it for {TARGET.horizon_days} days, {TARGET.struggle_below} and study days in {ZONE}"
            " alone"
        )
    stored, truth = deployment.store.read_day("training_set", day), known_truth(deployment)
    if stored is None or truth is None:
        return f"of study day {day} no {'training set' if stored is None else 'truth'} is kept"
    rows = stored.to_pandas()
    held_out = rows[rows["split"] == "test"]
    both = of_known_truth(held_out, truth)
    if len(both) < LEAST_ROWS:
        return (
            f"of the {len(held_out):,} rows that were never seen {len(both):,} are planned for the day after their"
            f" cut-off, and {LEAST_ROWS} are needed"
        )
    model = model_of_day(deployment.store, deployment.models, day)
    scorers = {"rule_based": Scorer(None, model.scorer.cohort_rate, model.scorer.threshold)}
    scorers[model.model_type] = model.scorer
    p = both["p_struggle"].to_numpy()
    reached = {name: expected_auc(scorer.probability(both), p) for name, scorer in scorers.items()}
    return Yardstick(len(both), expected_auc(p, p), reached)


def known_truth(deployment: Deployment) -> pd.DataFrame | None:
    """`Cohort.truth` of the cohort that the database holds; None where there is none."""
    with deployment.connect() as connection:
        arguments = stored_arguments(connection)
        return None if arguments is None else cohort_of(connection, arguments).truth


def of_known_truth(rows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Of rows of a training set those whose planned study day opens with the cut-off, with `p_struggle`."""
    opened = pd.to_datetime(truth["day"]) - timedelta(days=1)
    dated = rows.assign(cutoff_day=pd.to_datetime(rows["cutoff_day"]))
    return dated.merge(truth.assign(cutoff_day=opened), on=["learner_id", "objective_id", "cutoff_day"])
