"""The app's tables that the pipeline writes, column for column."""

from americano_assets.contract import enums, shapes
from americano_assets.contract.columns import OUR_ID, USER_ID, boolean, double, instant, integer, jsonb, stamped, text
from americano_assets.contract.declaration import Column, ForeignKey, Index, Table
from americano_assets.core.models.risk import CONFIDENCE_MEANS, P_MEANS

# `userId` has no foreign key in these three: the rows outlive a deleted account.
WRITTEN: tuple[Table, ...] = (
    Table(
        "struggle_predictions",
        (
            OUR_ID,
            USER_ID,
            text("learningObjectiveId", description="The learning objective."),
            text("topicId", nullable=True, description="The topic: the course of the objective's lecture."),
            double("predictedStruggleProbability", description=f"p of a struggle within the horizon: {P_MEANS}."),
            double("predictionConfidence", description=f"How sure p is: {CONFIDENCE_MEANS}."),
            Column(
                "predictionStatus",
                enums.PredictionStatus,
                default="'PENDING'",
                description="PENDING until the window has closed; then what became of it, or what a person said.",
            ),
            jsonb("featureVector", nullable=True, description="The fifteen features and the share observed, each 0-1."),
            jsonb(
                "strugglingFactors",
                description="What speaks for a struggle, the weightiest first.",
                shape=shapes.FACTORS,
            ),
            instant(
                "predictionDate", description="When the objective is planned (UTC); unplanned: cut-off and horizon."
            ),
            stamped("predictedAt", description="Cut-off of the run that wrote the values (UTC)."),
            instant("acknowledgedAt", nullable=True, description="When the learner acknowledged it (UTC)."),
            boolean(
                "actualOutcome",
                nullable=True,
                description="Whether the learner struggled; null: not known, or not studied.",
            ),
            instant(
                "actualOutcomeRecordedAt",
                nullable=True,
                description="End of the window, or when the learner said so (UTC).",
            ),
            boolean("interventionApplied", default="false", description="The learner applied an intervention of it."),
            text("interventionId", nullable=True, description="The intervention that was applied."),
        ),
        foreign_keys=(ForeignKey("learningObjectiveId", "learning_objectives"),),
        indexes=(
            Index(("userId",)),
            Index(("learningObjectiveId",)),
            Index(("predictedStruggleProbability",)),
            Index(("predictionStatus",)),
            Index(("predictionDate",)),
            Index(("topicId",)),
            Index(("userId", "predictionStatus", "predictedStruggleProbability")),
            Index(("userId", "topicId", "predictionDate")),
        ),
        description="One an episode: a (learner, objective, planned day) at or above the threshold once, or missed.",
        written=True,
    ),
    Table(
        "struggle_indicators",
        (
            OUR_ID,
            USER_ID,
            text("learningObjectiveId", description="The learning objective."),
            text("predictionId", nullable=True, description="The prediction that it speaks for."),
            Column("indicatorType", enums.IndicatorType, description="What speaks for a struggle."),
            Column("severity", enums.Severity, description="How much it speaks for it."),
            jsonb("context", nullable=True, description="The values behind it."),
            stamped("detectedAt", description="Cut-off of the night that wrote it first (UTC)."),
        ),
        foreign_keys=(ForeignKey("predictionId", "struggle_predictions", "SET NULL"),),
        indexes=(
            Index(("userId",)),
            Index(("learningObjectiveId",)),
            Index(("predictionId",)),
            Index(("indicatorType",)),
            Index(("severity",)),
        ),
        description="What speaks for a published prediction, one of a type.",
        written=True,
    ),
    Table(
        "intervention_recommendations",
        (
            OUR_ID,
            USER_ID,
            text("predictionId", nullable=True, description="The prediction that it is for."),
            Column("interventionType", enums.InterventionType, description="What kind of help it is."),
            text("description", description="What to do, in a student's words."),
            text("reasoning", description="Why, in a student's words."),
            integer("priority", description="1-10, 10 first."),
            Column(
                "status", enums.InterventionStatus, default="'PENDING'", description="How far the learner is with it."
            ),
            text("relatedObjectiveId", nullable=True, description="The objective that the help is about."),
            text("appliedToMissionId", nullable=True, description="The mission that it was applied to."),
            instant("appliedAt", nullable=True, description="When it was applied (UTC)."),
            stamped("createdAt", description="Cut-off of the night that wrote it first (UTC)."),
            instant("acknowledgedAt", nullable=True, description="When the learner acknowledged it (UTC)."),
        ),
        foreign_keys=(ForeignKey("predictionId", "struggle_predictions", "SET NULL", also=("CASCADE",)),),
        indexes=(Index(("userId",)), Index(("predictionId",)), Index(("status",)), Index(("priority",))),
        description="What to do about it: at most three, one of a type.",
        written=True,
    ),
)
