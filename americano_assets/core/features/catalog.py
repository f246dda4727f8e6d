"""The features' names, their neutral values and what they mean to a student. Their values come from sql/features.

FEATURES are the fifteen, each with an observed bit, on which rules, indicators and the data quality stand. EXTENDED are
further inputs of the trained models alone. MODEL_INPUTS is every input column, in order: models never list features
themselves.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature of a (learner, objective) at a cut-off; every value is in 0-1.

    Attributes:
        name: Column name.
        neutral: Value where it was not observed; None where the query supplies `<name>_neutral`.
        higher_is: What a high value says, in words for a student.
        lower_is: What a low value says, in words for a student.
        worse_when_low: Which side is the worry; the words of the other side reassure.
    """

    name: str
    neutral: float | None
    higher_is: str
    lower_is: str
    worse_when_low: bool = False

    @property
    def worry(self) -> str:
        """Why this feature would speak for a struggle, in words for a student."""
        return self.lower_is if self.worse_when_low else self.higher_is


FEATURES: tuple[Feature, ...] = (
    Feature(
        "retention_score",
        0.5,
        "You have been recalling this topic's cards well",
        "Cards of this topic have been slipping lately",
        worse_when_low=True,
    ),
    Feature(
        "retention_decline_rate",
        0.0,
        "Your recall of this topic has been falling",
        "Your recall of this topic is steady",
    ),
    Feature(
        "review_lapse_rate",
        0.5,
        "You often had to start over on cards of this objective",
        "You rarely have to start over on cards of this objective",
    ),
    Feature(
        "session_performance_score",
        0.5,
        "Your last sessions went well",
        "Your last sessions were harder than usual",
        worse_when_low=True,
    ),
    Feature(
        "validation_score",
        0.5,
        "Your recent answers on this topic were strong",
        "Your recent answers on this topic were weak or missing",
        worse_when_low=True,
    ),
    Feature(
        "prerequisite_gap_count",
        0.0,
        "What this builds on is not secure yet",
        "What this builds on is mostly secure",
    ),
    Feature(
        "prerequisite_mastery_gap",
        0.0,
        "The groundwork for this objective is still thin",
        "The groundwork for this objective is solid",
    ),
    Feature("content_complexity", 0.6, "This objective is demanding", "This objective is one of the easier ones"),
    Feature(
        "complexity_mismatch",
        None,
        "This objective is a big step from where you are in the topic",
        "This objective fits where you are in the topic",
    ),
    Feature(
        "historical_struggle_score",
        0.5,
        "Earlier objectives of this topic were often hard for you",
        "Earlier objectives of this topic mostly went well",
    ),
    Feature(
        "content_type_mismatch",
        0.0,
        "The format of this objective is not the one you learn best from",
        "The format of this objective suits you",
    ),
    Feature("cognitive_load_indicator", 0.5, "Your last day of study was heavy", "Your last day of study was light"),
    Feature("days_until_exam", 0.0, "The exam is close", "The exam is still some way off"),
    Feature(
        "days_since_last_study",
        1.0,
        "It has been a while since you worked on this topic",
        "You worked on this topic recently",
    ),
    Feature("workload_level", 0.0, "Your plan for the coming days is full", "Your plan for the coming days is light"),
)
# What a trained model reads beside the fifteen; docs/features.md shows what each group gave.
EXTENDED: tuple[Feature, ...] = (
    Feature(
        "elo_chance",
        0.5,
        "By all your answers so far, this objective should go well",
        "By all your answers so far, this objective may be hard for you",
        worse_when_low=True,
    ),
    Feature(
        "elo_learner",
        0.5,
        "Your answers have mostly been right",
        "Your answers have often been wrong or missing",
        worse_when_low=True,
    ),
    Feature(
        "elo_topic",
        0.5,
        "You do better on this topic than on others",
        "This topic has been harder for you than others",
        worse_when_low=True,
    ),
    Feature(
        "elo_pair",
        0.5,
        "You do better on this objective than elsewhere",
        "This objective has been harder for you than others",
        worse_when_low=True,
    ),
    Feature(
        "elo_practice",
        0.5,
        "By how much and how lately you practised this, it should still be there",
        "You have practised this little, or some time ago",
        worse_when_low=True,
    ),
    Feature(
        "elo_difficulty",
        0.5,
        "Most students find this objective hard",
        "Most students find this objective easy",
    ),
    Feature(
        "cohort_first_try",
        0.6,
        "Most students get this objective right at the first try",
        "Many students do not get this objective right at the first try",
        worse_when_low=True,
    ),
    Feature(
        "cohort_recent",
        0.6,
        "Other students have been doing well on this objective",
        "Other students have been struggling with this objective lately",
        worse_when_low=True,
    ),
    Feature(
        "cohort_before",
        0.0,
        "Many students have worked on this objective already",
        "You are among the first to work on this objective",
        worse_when_low=True,
    ),
    Feature(
        "last_score",
        0.6,
        "Your last answer here went well",
        "Your last answer here did not go well",
        worse_when_low=True,
    ),
    Feature(
        "objective_success",
        0.6,
        "Your answers on this objective were mostly right",
        "Your answers on this objective were often wrong or missing",
        worse_when_low=True,
    ),
    Feature(
        "topic_last_score",
        0.6,
        "Your last answer on this topic went well",
        "Your last answer on this topic did not go well",
        worse_when_low=True,
    ),
    Feature(
        "topic_success",
        0.6,
        "Your answers on this topic were mostly right",
        "Your answers on this topic were often wrong or missing",
        worse_when_low=True,
    ),
    Feature(
        "log_successes",
        0.0,
        "You have got this objective right many times",
        "You have not got this objective right many times yet",
        worse_when_low=True,
    ),
    Feature(
        "log_failures",
        0.0,
        "You have had misses on this objective",
        "You have had few misses on this objective",
    ),
    Feature(
        "topic_log_successes",
        0.0,
        "You have got much of this topic right",
        "You have not got much of this topic right yet",
        worse_when_low=True,
    ),
    Feature(
        "topic_log_failures",
        0.0,
        "You have had misses on this topic",
        "You have had few misses on this topic",
    ),
    Feature(
        "days_since_lapse",
        1.0,
        "Your last lapse on this objective is some time ago",
        "You had to start over on a card here lately",
        worse_when_low=True,
    ),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
EXTENDED_NAMES: tuple[str, ...] = tuple(feature.name for feature in EXTENDED)
OBSERVED_NAMES: tuple[str, ...] = tuple(f"observed_{name}" for name in FEATURE_NAMES)
MODEL_INPUTS: tuple[str, ...] = FEATURE_NAMES + OBSERVED_NAMES + EXTENDED_NAMES
DATA_QUALITY = "data_quality"
# Known for every learner from the curriculum and the plan: observing them says nothing about the learner's behaviour.
CURRICULUM_FEATURES: frozenset[str] = frozenset(
    {
        "prerequisite_gap_count",
        "prerequisite_mastery_gap",
        "content_complexity",
        "content_type_mismatch",
        "days_until_exam",
        "workload_level",
    }
)


def select_list() -> str:
    """The select list that turns `<name>_seen` columns into values, observed bits and the data quality (0-1)."""
    values, extended = ([_value(feature) for feature in listed] for listed in (FEATURES, EXTENDED))
    bits = [f"{name}_seen IS NOT NULL AS observed_{name}" for name in FEATURE_NAMES]
    observed = " + ".join(f"({name}_seen IS NOT NULL)::INTEGER" for name in FEATURE_NAMES)
    quality = f"({observed})::DOUBLE / {len(FEATURES)} AS {DATA_QUALITY}"
    return ",\n  ".join([*values, *bits, quality, *extended])


def _value(feature: Feature) -> str:
    neutral = f"{feature.name}_neutral" if feature.neutral is None else feature.neutral
    return f"COALESCE({feature.name}_seen, {neutral})::DOUBLE AS {feature.name}"
