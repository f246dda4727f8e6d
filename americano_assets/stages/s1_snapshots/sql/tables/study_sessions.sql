-- Grain: one row a finished study session, stamped with its end. Times UTC.
SELECT
  s."id" AS session_id,
  s."userId" AS learner_id,
  s."completedAt" AS occurred_at,
  ml.instant(s."startedAt") AS started_at,
  s."durationMs" AS duration_ms
FROM study_sessions s
JOIN users u ON u."id" = s."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
WHERE s."completedAt" >= {start} AND s."completedAt" < {end}
ORDER BY width_bucket(s."completedAt", {openings}), s."userId" COLLATE "C", s."completedAt", s."id" COLLATE "C"
