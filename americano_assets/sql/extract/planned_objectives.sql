-- Grain: one row a (mission, objective planned in it), from either shape of missions.objectives. Times UTC.
SELECT
  m."id" AS mission_id,
  m."userId" AS learner_id,
  m."date" AS planned_at,
  m."status"::text AS status,
  m."completedAt" AS completed_at,
  COALESCE(item->>'id', item->>'objectiveId') AS objective_id,
  COALESCE((item->'completed') = 'true'::jsonb, false) AS objective_completed
FROM missions m
JOIN users u ON u."id" = m."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
CROSS JOIN LATERAL jsonb_array_elements(
  CASE WHEN jsonb_typeof(m."objectives") = 'array' THEN m."objectives" ELSE '[]'::jsonb END
) AS item
WHERE COALESCE(item->>'id', item->>'objectiveId') IS NOT NULL
ORDER BY m."id" COLLATE "C", COALESCE(item->>'id', item->>'objectiveId') COLLATE "C"
