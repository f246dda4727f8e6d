"""Evaluation on this deployment's own data: as a night splits it, all learners in turn, and on OULAD the hard way."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import IntArray
from americano_assets.core.evaluation.folds import Fold
from americano_assets.core.evaluation.report import Evaluated
from americano_assets.core.statistics.metrics import share
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.core.training.splits import TURNS, assign_splits
from americano_assets.core.training.treated_rows import TREATED, withheld
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_tables import Progress, with_record
from americano_assets.evaluation.run import judged, row_facts
from americano_assets.resources.home.folder import demo_sentence
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import OULAD, ReadBackgrounds, demo_cohort, no_backgrounds
from americano_assets.stages.s3_training.training_rows import training_rows

SETTINGS = ("demo", "hard")
_TRAIN_TERMS, _CALIBRATION_TERM, _TEST_TERM = ("2013B", "2013J"), "2014B", "2014J"
# All of OULAD's weeks, not only those that a night trains on.
_ALL_WEEKS = 520
_DRIFTED = "BBB"


def evaluate_own(
    settings: Settings, setting: str, progress: Progress, backgrounds: ReadBackgrounds = no_backgrounds
) -> Evaluated:
    """Judge the models on the stored rows of this deployment.

    Args:
        settings: The deployment.
        setting: demo: train, calibration and test as every training splits them, five times, so that every learner is
            tested once. hard: OULAD alone.
        progress: Told the step, how far it is, and of how much.
        backgrounds: What is known of learners beside the app's tables, to show figures by.

    Raises:
        AmericanoError: There is nothing stored yet, or the hard setting is asked of other data than OULAD's.
    """
    if setting not in SETTINGS:
        raise AmericanoError(f"--setting {setting}: there are {' and '.join(SETTINGS)}.")
    if setting == "hard":
        settings = settings.model_copy(update={"americano_training_weeks": _ALL_WEEKS})
    deployment = Deployment(settings, claims=False)
    courses, oulad = _courses(deployment)
    day = newest_day(deployment)
    if setting == "hard" and not oulad:
        raise AmericanoError("--setting hard needs OULAD's presentations: run `americano demo` in a home of its own.")
    progress(f"rows as of study day {day}", 0, 1)
    taught = training_rows(deployment, day)
    rows, drawn = taught.rows, taught.drawn
    if rows.empty:
        raise AmericanoError(f"Study day {day} has no row with a known outcome yet: nothing can be evaluated.")
    rows = with_record(taught.tables, rows)
    progress(f"rows as of study day {day}", 1, 1)
    course = rows["course_id"].map(courses["code"]).fillna(rows["course_id"])
    term = rows["course_id"].map(courses["term"])
    demo = settings.americano_horizon_days, settings.americano_training_rows
    folds, note = demo_folds(rows, *demo) if setting == "demo" else _hard_fold(rows, term, settings)
    facts = {
        "source": {"kind": "store", "name": "OULAD" if oulad else "this deployment"},
        "setting": setting,
        "target": {
            "horizon_days": settings.americano_horizon_days,
            "struggle_below": settings.americano_struggle_below,
            "every_days": 7,
            "timezone": settings.americano_timezone,
            "set_by": {name: f"AMERICANO_{name.upper()}" for name in ("horizon_days", "struggle_below", "timezone")},
        },
        "conversions": [],
        "data": {"study_day": day.isoformat(), **row_facts(rows)},
        "notes": [
            *(note, *([f"These are {drawn}."] if drawn else []), *_shift(rows, folds, course)),
            *filter(None, [demo_sentence(settings)]),
        ],
    }
    slices = {"course": course}
    if oulad:
        module = course.str[:3]
        slices[f"without_{_DRIFTED}"] = pd.Series(
            np.where(module == _DRIFTED, f"{_DRIFTED} alone", f"without {_DRIFTED}"), index=rows.index
        )
    with deployment.connect() as connection:
        slices |= backgrounds(connection, rows["learner_id"])
    return judged(rows, folds, facts, progress, slices, own_names=True)


def newest_day(deployment: Deployment) -> date:
    """The newest closed study day that was read.

    Raises:
        AmericanoError: None was.
    """
    closed = last_closed(deployment.now(), deployment.zone)
    store = deployment.store
    known = store.current_days("interactions", [day for day in store.days("interactions") if day <= closed])
    if not known:
        raise AmericanoError(
            f"{deployment.settings.americano_home.name} holds no interactions yet: run `americano demo` or "
            "`americano nightly` first, or name an interaction log."
        )
    return max(known)


def _courses(deployment: Deployment) -> tuple[pd.DataFrame, bool]:
    with deployment.connect() as connection:
        rows = connection.execute('SELECT "id", COALESCE("code", "name"), "term" FROM courses').fetchall()
        oulad = demo_cohort(connection) == OULAD
    return pd.DataFrame(rows, columns=["id", "code", "term"]).set_index("id"), oulad


def demo_folds(rows: pd.DataFrame, horizon_days: int, training_rows: str) -> tuple[list[Fold], str]:
    """Who teaches and who tests as every training splits them, each fifth of the learners in its turn; a note on it.

    Args:
        rows: As schemas.TRAINING_SET.
        horizon_days: H.
        training_rows: AMERICANO_TRAINING_ROWS.
    """
    found = []
    for turn in range(TURNS):
        split = assign_splits(rows, horizon_days, turn=turn)
        split = withheld(split, rows[TREATED], training_rows)
        train, calibration, test = (np.flatnonzero(split == name) for name in ("train", "calibration", "test"))
        found.append(Fold(f"fifth {turn + 1}", train, calibration, test))
    ships, *others = found
    folds = [ships, *(fold for fold in others if len(fold.test))]
    note = (
        "Trained as a night trains, once for each fifth of the learners that is held out; the first is the one that "
        "ships. Tested are learners and weeks that neither model nor calibration nor threshold of their training saw."
    )
    return folds, note


def _hard_fold(rows: pd.DataFrame, term: pd.Series, settings: Settings) -> tuple[list[Fold], str]:
    tested = (term == _TEST_TERM).to_numpy()
    if not tested.any():
        raise AmericanoError(f"--setting hard: no row of {_TEST_TERM} has a known outcome yet.")
    first_test = pd.to_datetime(rows["cutoff_day"])[tested].min()
    closed = (
        pd.to_datetime(rows["cutoff_day"]) + timedelta(days=settings.americano_horizon_days) <= first_test
    ).to_numpy()
    train = term.isin(_TRAIN_TERMS).to_numpy() & closed
    calibration = (term == _CALIBRATION_TERM).to_numpy() & closed
    learner = rows["learner"].to_numpy()
    calibration &= ~np.isin(learner, learner[train])
    tested &= ~np.isin(learner, learner[~(term == _TEST_TERM).to_numpy()])
    note = (
        f"Trained on {' and '.join(_TRAIN_TERMS)}, calibrated on other students of {_CALIBRATION_TERM}, tested on "
        f"students of {_TEST_TERM} without a row in an earlier presentation; every training and calibration window "
        "closed before the first test cut-off."
    )
    taught, calibrated, judges = (np.flatnonzero(part) for part in (train, calibration, tested))
    return [Fold("2013, 2014B, 2014J", taught, calibrated, judges)], note


def _shift(rows: pd.DataFrame, folds: list[Fold], course: pd.Series) -> list[str]:
    parts = [
        (told, np.concatenate([getattr(fold, name) for fold in folds]))
        for told, name in (("training", "train"), ("calibration", "calibration"), ("test", "test"))
    ]
    drifted = course.str.startswith(_DRIFTED)
    notes = [f"Struggle rates: {_rates(rows['struggled'], parts)}."]
    if drifted.any():
        rates = _rates(rows["struggled"], [(name, at[drifted.iloc[at]]) for name, at in parts])
        notes.append(f"Of module {_DRIFTED} alone: {rates}. In 2014J its computer-marked assessments are gone.")
    return notes


def _rates(struggled: pd.Series, parts: Sequence[tuple[str, IntArray]]) -> str:
    found = [(name, share(struggled.iloc[at])) for name, at in parts]
    return ", ".join(f"{name} {'—' if rate is None else f'{rate:.3f}'}" for name, rate in found)
