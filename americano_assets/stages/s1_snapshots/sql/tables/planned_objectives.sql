-- Grain: one row a (mission, objective planned in it), from either shape of missions.objectives, and one, without an
-- objective, an item or a list that cannot be read: objectives_json tells which. Times UTC; a calendar date is its first
-- moment in {zone}. Where an episode was begun under the date read as an instant, it stays that.
-- Without missions that were finished before {finished_since}, or at no known time where that is one: at a later cut-off
-- they are open no more (stages/s2_features/sql/candidates/open_plans.sql).
SELECT
  m."id" AS mission_id,
  m."userId" AS learner_id,
  CASE
    WHEN ml.planned_instant(m."date", '{zone}') <> m."date" AND EXISTS (
      SELECT FROM ml.episodes e JOIN struggle_predictions p ON p."id" = e.prediction_id
      WHERE e.user_id = m."userId" AND e.learning_objective_id = COALESCE(item->>'id', item->>'objectiveId')
        AND p."predictionDate" = m."date"
    ) THEN m."date"
    ELSE ml.instant(ml.planned_instant(m."date", '{zone}'))
  END AS planned_at,
  m."status"::text AS status,
  ml.instant(m."completedAt") AS completed_at,
  COALESCE(item->>'id', item->>'objectiveId') AS objective_id,
  -- A mission may name an objective twice, as after a merge of two: it is done where no mention of it is open.
  bool_and(COALESCE((item->'completed') = 'true'::jsonb, false)) AS objective_completed,
  jsonb_typeof(item) = 'object' AS objectives_json
FROM missions m
JOIN users u ON u."id" = m."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
CROSS JOIN LATERAL (SELECT ml.json_content(m."objectives") AS listed OFFSET 0) j
CROSS JOIN LATERAL jsonb_array_elements(
  CASE COALESCE(jsonb_typeof(j.listed), 'null') WHEN 'array' THEN j.listed WHEN 'null' THEN '[]' ELSE '["unreadable"]' END
) AS item
WHERE (COALESCE(item->>'id', item->>'objectiveId') IS NOT NULL OR jsonb_typeof(item) <> 'object')
  AND (m."completedAt" < {finished_since}) IS NOT TRUE
  AND NOT ({finished_since} > '-infinity' AND m."completedAt" IS NULL AND m."status"::text IN ('COMPLETED', 'SKIPPED'))
GROUP BY 1, 2, 3, 4, 5, 6, 8
ORDER BY m."id" COLLATE "C", COALESCE(item->>'id', item->>'objectiveId') COLLATE "C"
