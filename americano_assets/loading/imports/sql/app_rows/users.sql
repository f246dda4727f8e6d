-- Grain: one row a learner of the log, and the account that owns its courses, which learns nothing. Times UTC.
-- Reads: staged.
SELECT learner_id AS id, NULL::VARCHAR AS email, NULL::VARCHAR AS name, min(occurred_at) AS "createdAt",
  max(occurred_at) AS "updatedAt", true AS "behavioralAnalysisEnabled", true AS "includeInAnalytics",
  true AS "performanceTrackingEnabled"
FROM staged GROUP BY learner_id
UNION ALL
SELECT getvariable('owner_id'), NULL, NULL, min(occurred_at), max(occurred_at), false, false, false FROM staged
