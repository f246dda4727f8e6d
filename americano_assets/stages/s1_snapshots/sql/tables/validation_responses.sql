-- Grain: one row an answer to a validation prompt, or a skipped one. Times UTC; score 0-1.
SELECT
  v."id" AS response_id,
  v."userId" AS learner_id,
  v."respondedAt" AS occurred_at,
  v."promptId" AS prompt_id,
  p."objectiveId" AS objective_id,
  l."courseId" AS course_id,
  v."sessionId" AS session_id,
  v."score"::double precision AS score,
  v."skipped" AS skipped
FROM validation_responses v
JOIN users u ON u."id" = v."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
JOIN validation_prompts p ON p."id" = v."promptId"
LEFT JOIN learning_objectives o ON o."id" = p."objectiveId"
LEFT JOIN lectures l ON l."id" = o."lectureId"
WHERE v."respondedAt" >= {start} AND v."respondedAt" < {end}
ORDER BY width_bucket(v."respondedAt", {openings}), v."userId" COLLATE "C", v."respondedAt", v."id" COLLATE "C"
