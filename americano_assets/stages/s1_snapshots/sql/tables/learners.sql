-- Grain: one row a learner whose behaviour may be analysed. Times UTC.
SELECT "id" AS learner_id, "includeInAnalytics" AS in_analytics, ml.instant("createdAt") AS created_at
FROM users
WHERE "behavioralAnalysisEnabled" AND "performanceTrackingEnabled"
ORDER BY "id" COLLATE "C"
