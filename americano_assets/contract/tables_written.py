"""The app's tables that the pipeline writes, column for column."""

from americano_assets.contract import enums
from americano_assets.contract.columns import ID, USER_ID, boolean, double, instant, integer, jsonb, stamped, text
from americano_assets.contract.declaration import Column, ForeignKey, Index, Table

# `userId` has no foreign key in these three: the rows outlive a deleted account.
WRITTEN: tuple[Table, ...] = (
    Table(
        "struggle_predictions",
        (
            ID,
            USER_ID,
            text("learningObjectiveId"),
            text("topicId", nullable=True),
            double("predictedStruggleProbability"),
            double("predictionConfidence"),
            Column("predictionStatus", enums.PredictionStatus, default="'PENDING'"),
            jsonb("featureVector", nullable=True),
            jsonb("strugglingFactors"),
            instant("predictionDate"),
            stamped("predictedAt"),
            instant("acknowledgedAt", nullable=True),
            boolean("actualOutcome", nullable=True),
            instant("actualOutcomeRecordedAt", nullable=True),
            boolean("interventionApplied", default="false"),
            text("interventionId", nullable=True),
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
        written=True,
    ),
    Table(
        "struggle_indicators",
        (
            ID,
            USER_ID,
            text("learningObjectiveId"),
            text("predictionId", nullable=True),
            Column("indicatorType", enums.IndicatorType),
            Column("severity", enums.Severity),
            jsonb("context", nullable=True),
            stamped("detectedAt"),
        ),
        foreign_keys=(ForeignKey("predictionId", "struggle_predictions", "SET NULL"),),
        indexes=(
            Index(("userId",)),
            Index(("learningObjectiveId",)),
            Index(("predictionId",)),
            Index(("indicatorType",)),
            Index(("severity",)),
        ),
        written=True,
    ),
    Table(
        "intervention_recommendations",
        (
            ID,
            USER_ID,
            text("predictionId", nullable=True),
            Column("interventionType", enums.InterventionType),
            text("description"),
            text("reasoning"),
            integer("priority"),
            Column("status", enums.InterventionStatus, default="'PENDING'"),
            text("relatedObjectiveId", nullable=True),
            text("appliedToMissionId", nullable=True),
            instant("appliedAt", nullable=True),
            stamped("createdAt"),
            instant("acknowledgedAt", nullable=True),
        ),
        foreign_keys=(ForeignKey("predictionId", "struggle_predictions", "SET NULL", also=("CASCADE",)),),
        indexes=(Index(("userId",)), Index(("predictionId",)), Index(("status",)), Index(("priority",))),
        written=True,
    ),
)
