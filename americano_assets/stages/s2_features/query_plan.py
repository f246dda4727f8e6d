"""Which queries make state, features and labels, in which order, and the text that their values depend on."""

from americano_assets.core.base.canonical import canonical_sql
from americano_assets.core.features import skill_ratings
from americano_assets.core.features.catalog import select_list
from americano_assets.stages.s2_features.sql import query

# In this order: each query reads those above it. They depend on the curriculum and plans alone, not on a cut-off.
STATE_STEPS = ("prerequisites_known", "objectives_known", "learners_known", "plans", "exams_known", "format_ranks")

# What stands for the log of whole days, made once a day (`sql/features`) and kept; each is a table of its own.
DERIVED_TABLES = ("day_totals", "day_validations")

# In this order: each query reads those above it, and interesting_learners.
HISTORY_STEPS = (
    ("totals", "VIEW"),
    ("validations", "VIEW"),
    ("skips", "TABLE"),
    ("skip_days", "TABLE"),
    ("objective_days", "VIEW"),
    ("day_weights", "TABLE"),
    ("objective_history", "TABLE"),
)

# How label windows ended, made from the kept days of all learners, in this order.
WINDOW_STEPS = (
    ("totals", "VIEW"),
    ("validations", "VIEW"),
    ("skips", "TABLE"),
    ("skip_days", "TABLE"),
    ("objective_days", "VIEW"),
)
WINDOWS = "topic_windows"
# Takes its place where it was kept.
KEPT_WINDOWS = "kept_topic_windows"

# In this order: each query reads those above it.
FEATURE_STEPS = (
    ("open_plans", "TABLE"),
    ("interesting_learners", "TABLE"),
    *HISTORY_STEPS,
    ("spine", "TABLE"),
    (WINDOWS, "VIEW"),
    ("topic_history", "TABLE"),
    ("recent_validations", "TABLE"),
    ("recent_reviews", "VIEW"),
    ("learner_sessions", "TABLE"),
    ("cohort_lapses", "TABLE"),
    ("cohort_pairs", "TABLE"),
    ("cohort_record", "TABLE"),
    ("rating_terms", "TABLE"),
)

# What all learners together show of an objective, and what that is made from.
COHORT_STEPS = ("cohort_lapses", "cohort_record")
COHORT_BASIS = ("cohort_pairs",)

# Who and what is computed where the pairs are given: these take the place of the night's own choice.
_GIVEN = {"interesting_learners": "given_learners", "spine": "given_spine"}


def _meaning(*names: str) -> str:
    """What queries say, the same however their text is laid out and wherever it stands."""
    return "\n".join(canonical_sql(query(name)) for name in names)


def feature_definition(*, given: bool = False) -> str:
    """What every query says that a feature's value depends on: part of the key under which results are kept.

    Args:
        given: Of given pairs instead of the night's candidates.
    """
    names = ["macros", *STATE_STEPS]
    names += [step(name, given=given) for name, _ in FEATURE_STEPS] + ["features"]
    names += ["log_until", KEPT_WINDOWS, *DERIVED_TABLES]
    return _meaning(*names) + select_list() + str(skill_ratings.parameters())


def derived_definition(table: str) -> str:
    """What every query says that the rows of one of DERIVED_TABLES depend on."""
    return _meaning("macros", table)


def window_definition() -> str:
    """What every query says that the rows of WINDOWS depend on."""
    names = ["macros", *DERIVED_TABLES, *(name for name, _ in WINDOW_STEPS), WINDOWS]
    return _meaning(*names)


def label_definition() -> str:
    """What every query says that a label depends on."""
    return _meaning("macros", "labels")


def step(name: str, *, given: bool) -> str:
    """The query that makes a table: of given pairs it may be another one."""
    return _GIVEN.get(name, name) if given else name
