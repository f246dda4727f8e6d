"""What stands in the JSON columns that the pipeline looks into."""

from americano_assets.contract.declaration import JsonShape

PLANNED_OBJECTIVES = JsonShape(
    """[
  {"id": "c8k1objective000000000001", "completed": false, "cardCount": 12, "estimatedMinutes": 15,
   "objective": {"id": "c8k1objective000000000001", "objective": "Name the valves of the heart",
                 "complexity": "BASIC", "isHighYield": true, "lectureId": "c8k1lecture00000000000001"}},
  {"objectiveId": "c8k1objective000000000002", "completed": true}
]""",
    (
        ("[].id", "text", "The objective: learning_objectives.id."),
        ("[].objectiveId", "text", "The same, in an older form; read where there is no id."),
        ("[].completed", "boolean", "The learner is done with it; absent: not yet."),
        (
            "[].recommendations",
            "list",
            "Recommendations that the learner applied: id, type, description; written by the API.",
        ),
    ),
)
EVENT_DATA = JsonShape(
    """{"sessionId": "c8k1session00000000000001", "objectiveId": "c8k1objective000000000001",
 "cardId": "c8k1card00000000000000001", "reviewId": "c8k1review000000000000001", "rating": "AGAIN"}""",
    (
        ("sessionId", "text", "The study session: study_sessions.id."),
        ("objectiveId", "text", "The objective; without it the card's or the prompt's."),
        ("cardId", "text", "CARD_REVIEWED: the card."),
        ("reviewId", "text", "CARD_REVIEWED: its row of reviews; a review that has both counts once."),
        ("rating", "ReviewRating", "CARD_REVIEWED: how the learner rated the card."),
        ("promptId", "text", "VALIDATION_COMPLETED: the prompt."),
        ("responseId", "text", "VALIDATION_COMPLETED: its row of validation_responses; one that has both counts once."),
        ("score", "number", "VALIDATION_COMPLETED: how right the answer was, 0-1; absent: not graded."),
        ("durationMs", "number", "SESSION_ENDED: how long the session was, in milliseconds."),
        ("eventType", "text", "SESSION_ENDED: pause where the session is not over."),
    ),
)
STUDY_TIMES = JsonShape(
    '[{"dayOfWeek": 1, "startHour": 18, "endHour": 21, "effectiveness": 0.8}]',
    (
        ("[].startHour", "number", "First hour, 0-23."),
        ("[].endHour", "number", "The hour at which it ends, up to 24."),
        ("[].effectiveness", "number", "How well the learner does then; the highest is recommended."),
    ),
)
LEARNING_STYLE = JsonShape(
    '{"visual": 0.5, "auditory": 0.1, "reading": 0.3, "kinesthetic": 0.1}',
    (
        ("visual", "number", "Share of pictures, 0-1."),
        ("reading", "number", "Share of text, 0-1."),
        ("kinesthetic", "number", "Share of practice, 0-1."),
    ),
)
FACTORS = JsonShape(
    '[{"feature": "retention_score", "value": 0.31, "contribution": 0.82, "text": "You forget this topic quickly"}]',
    (
        ("[].feature", "text", "What is told of: a feature, or cold_start or cohort_rate."),
        ("[].value", "number", "Its value, 0-1."),
        ("[].contribution", "number", "How much it raises the risk, in log-odds for most models."),
        ("[].text", "text", "The same in a student's words."),
    ),
)
