"""The app's native enum types, label for label."""

from enum import StrEnum


class EventType(StrEnum):
    """What a behavioural event records."""

    MISSION_STARTED = "MISSION_STARTED"
    MISSION_COMPLETED = "MISSION_COMPLETED"
    CARD_REVIEWED = "CARD_REVIEWED"
    VALIDATION_COMPLETED = "VALIDATION_COMPLETED"
    SESSION_STARTED = "SESSION_STARTED"
    SESSION_ENDED = "SESSION_ENDED"
    LECTURE_UPLOADED = "LECTURE_UPLOADED"
    SEARCH_PERFORMED = "SEARCH_PERFORMED"
    GRAPH_VIEWED = "GRAPH_VIEWED"
    RECOMMENDATION_VIEWED = "RECOMMENDATION_VIEWED"
    RECOMMENDATION_CLICKED = "RECOMMENDATION_CLICKED"
    RECOMMENDATION_DISMISSED = "RECOMMENDATION_DISMISSED"
    RECOMMENDATION_RATED = "RECOMMENDATION_RATED"


class ReviewRating(StrEnum):
    """How a learner rated a card; AGAIN is a lapse."""

    AGAIN = "AGAIN"
    HARD = "HARD"
    GOOD = "GOOD"
    EASY = "EASY"


class ObjectiveComplexity(StrEnum):
    """How demanding a learning objective is."""

    BASIC = "BASIC"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"


class MasteryLevel(StrEnum):
    """How far an objective is mastered, as the app keeps it."""

    NOT_STARTED = "NOT_STARTED"
    BEGINNER = "BEGINNER"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    MASTERED = "MASTERED"


class MissionStatus(StrEnum):
    """State of a planned day of study."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"


class CompletionQuality(StrEnum):
    """How thoroughly something was completed."""

    RUSHED = "RUSHED"
    NORMAL = "NORMAL"
    THOROUGH = "THOROUGH"


class EngagementLevel(StrEnum):
    """How engaged a learner was."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class PromptType(StrEnum):
    """Kind of a validation prompt."""

    EXPLAIN_TO_PATIENT = "EXPLAIN_TO_PATIENT"
    CLINICAL_REASONING = "CLINICAL_REASONING"
    CONTROLLED_FAILURE = "CONTROLLED_FAILURE"


class CardType(StrEnum):
    """Kind of a flash card."""

    BASIC = "BASIC"
    CLOZE = "CLOZE"
    CLINICAL_REASONING = "CLINICAL_REASONING"


class AnalysisStatus(StrEnum):
    """State of a researcher's analysis run."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class PredictionStatus(StrEnum):
    """State of a published prediction; DISMISSED is the app's alone to write."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    FALSE_POSITIVE = "FALSE_POSITIVE"
    MISSED = "MISSED"
    DISMISSED = "DISMISSED"
    RESOLVED = "RESOLVED"


class IndicatorType(StrEnum):
    """Why a struggle is foreseen."""

    LOW_RETENTION = "LOW_RETENTION"
    PREREQUISITE_GAP = "PREREQUISITE_GAP"
    COMPLEXITY_MISMATCH = "COMPLEXITY_MISMATCH"
    COGNITIVE_OVERLOAD = "COGNITIVE_OVERLOAD"
    HISTORICAL_STRUGGLE_PATTERN = "HISTORICAL_STRUGGLE_PATTERN"
    BEHAVIORAL = "BEHAVIORAL"
    PERFORMANCE = "PERFORMANCE"
    ENGAGEMENT = "ENGAGEMENT"
    COGNITIVE = "COGNITIVE"


class Severity(StrEnum):
    """How strong an indicator is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class InterventionType(StrEnum):
    """What is recommended against a foreseen struggle."""

    PREREQUISITE_REVIEW = "PREREQUISITE_REVIEW"
    DIFFICULTY_PROGRESSION = "DIFFICULTY_PROGRESSION"
    CONTENT_FORMAT_ADAPT = "CONTENT_FORMAT_ADAPT"
    COGNITIVE_LOAD_REDUCE = "COGNITIVE_LOAD_REDUCE"
    SPACED_REPETITION_BOOST = "SPACED_REPETITION_BOOST"
    BREAK_SCHEDULE_ADJUST = "BREAK_SCHEDULE_ADJUST"
    SPACING_ADJUSTMENT = "SPACING_ADJUSTMENT"
    CONTENT_VARIATION = "CONTENT_VARIATION"
    BREAK_RECOMMENDATION = "BREAK_RECOMMENDATION"
    FOCUS_SESSION = "FOCUS_SESSION"


class InterventionStatus(StrEnum):
    """State of a recommended intervention."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


ENUMS: tuple[type[StrEnum], ...] = (
    EventType,
    ReviewRating,
    ObjectiveComplexity,
    MasteryLevel,
    MissionStatus,
    CompletionQuality,
    EngagementLevel,
    PromptType,
    CardType,
    AnalysisStatus,
    PredictionStatus,
    IndicatorType,
    Severity,
    InterventionType,
    InterventionStatus,
)

# Labels that the app has and that nothing of ours writes or compares with: their absence stops nothing.
UNUSED_LABELS: dict[type[StrEnum], frozenset[str]] = {
    EventType: frozenset(EventType)
    - {EventType.CARD_REVIEWED, EventType.VALIDATION_COMPLETED, EventType.SESSION_ENDED},
    MissionStatus: frozenset({"SKIPPED"}),
    PredictionStatus: frozenset({"DISMISSED"}),
    InterventionStatus: frozenset({"COMPLETED", "SKIPPED", "FAILED"}),
    IndicatorType: frozenset({"BEHAVIORAL", "PERFORMANCE", "ENGAGEMENT", "COGNITIVE"}),
    InterventionType: frozenset({"SPACING_ADJUSTMENT", "CONTENT_VARIATION", "BREAK_RECOMMENDATION", "FOCUS_SESSION"}),
}

# Labels beside the contract's that libraries of the app's write: ts-fsrs notes by Manual that somebody moved a card.
NEVER_GRADED: dict[type[StrEnum], frozenset[str]] = {ReviewRating: frozenset({"MANUAL"})}

# What becomes of rows with a label of the app's that is not in the contract, where that makes a difference.
UNKNOWN_LABELS: dict[type[StrEnum], str] = {
    ReviewRating: "reviews with it are left out and counted",
    MissionStatus: "missions with it are left out and counted",
    ObjectiveComplexity: "objectives with it are of unknown complexity",
}
