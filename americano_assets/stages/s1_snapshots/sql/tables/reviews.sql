-- Grain: one row a card review. Times UTC; stability in days as FSRS left it after the review.
SELECT
  r."id" AS review_id,
  r."userId" AS learner_id,
  r."reviewedAt" AS occurred_at,
  r."cardId" AS card_id,
  c."objectiveId" AS objective_id,
  COALESCE(l."courseId", c."courseId") AS course_id,
  r."sessionId" AS session_id,
  r."rating"::text AS rating,
  r."timeSpentMs" AS time_spent_ms,
  r."stabilityAfter"::double precision AS stability_after,
  r."difficultyAfter"::double precision AS difficulty_after
FROM reviews r
JOIN users u ON u."id" = r."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
JOIN cards c ON c."id" = r."cardId"
LEFT JOIN learning_objectives o ON o."id" = c."objectiveId"
LEFT JOIN lectures l ON l."id" = o."lectureId"
WHERE r."reviewedAt" >= {start} AND r."reviewedAt" < {end}
ORDER BY width_bucket(r."reviewedAt", {openings}), r."userId" COLLATE "C", r."reviewedAt", r."id" COLLATE "C"
