-- Grain: one row: what the log holds before %(cutoff)s (UTC) of learners who may be analysed.
WITH answers AS (
  SELECT r."userId" AS learner, c."objectiveId" AS objective, r."reviewedAt" AS answered_at
  FROM reviews r JOIN cards c ON c."id" = r."cardId"
  UNION ALL
  SELECT v."userId", p."objectiveId", v."respondedAt"
  FROM validation_responses v JOIN validation_prompts p ON p."id" = v."promptId"
)
SELECT count(*) AS answers, count(DISTINCT learner) AS learners, count(DISTINCT objective) AS objectives
FROM answers
JOIN users u ON u."id" = learner AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
WHERE answered_at < %(cutoff)s
