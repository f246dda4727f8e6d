-- One recommendation, locked until the transaction ends, and the objective that it is about.
-- Grain: one row, or none. applied_at: UTC without zone.
SELECT r.id,
       r."userId" AS user_id,
       r."predictionId" AS prediction_id,
       r."interventionType"::text AS intervention_type,
       r.description,
       r.status::text AS status,
       r."appliedAt" AS applied_at,
       r."appliedToMissionId" AS applied_to_mission_id,
       coalesce(r."relatedObjectiveId", p."learningObjectiveId") AS objective_id
FROM intervention_recommendations AS r
LEFT JOIN struggle_predictions AS p ON p.id = r."predictionId"
WHERE r.id = %(id)s::text
FOR UPDATE OF r
