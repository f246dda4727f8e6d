-- A recommendation is in progress from now on, and its prediction says so.
-- Grain: one row. applied_at: UTC, no zone.
WITH applied AS (
    UPDATE intervention_recommendations
    SET status = %(status)s, "appliedAt" = %(applied_at)s, "appliedToMissionId" = %(mission_id)s
    WHERE id = %(id)s::text
    RETURNING id, "predictionId"
), told AS (
    UPDATE struggle_predictions AS p
    SET "interventionApplied" = true, "interventionId" = applied.id
    FROM applied
    WHERE p.id = applied."predictionId"
)
SELECT id FROM applied
