-- Grain: one row a learner whose behaviour may be analysed.
SELECT "id" AS learner_id, "includeInAnalytics" AS in_analytics
FROM users
WHERE "behavioralAnalysisEnabled" AND "performanceTrackingEnabled"
ORDER BY "id" COLLATE "C"
