-- A learner's recommended interventions, newest first.
-- Grain: one row an intervention. priority 1-10 (10 first); times UTC without zone.
SELECT r.id,
       r."predictionId" AS prediction_id,
       r."userId" AS user_id,
       r."interventionType"::text AS intervention_type,
       r.description,
       r.reasoning,
       r.priority,
       r.status::text AS status,
       r."appliedAt" AS applied_at,
       r."appliedToMissionId" AS applied_to_mission_id,
       r."createdAt" AS created_at
FROM intervention_recommendations AS r
WHERE r."userId" = %(user_id)s::text
ORDER BY r."createdAt" DESC, r.priority DESC, r.id
