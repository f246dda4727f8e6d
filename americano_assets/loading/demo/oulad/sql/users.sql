-- One row a student, and the account that owns the courses: it learns nothing, so nothing of it may be analysed.
SELECT
  user_id AS id,
  NULL::VARCHAR AS email,
  NULL::VARCHAR AS name,
  noon(registered_on) AS "createdAt",
  "createdAt" AS "updatedAt",
  true AS "behavioralAnalysisEnabled",
  true AS "includeInAnalytics",
  true AS "performanceTrackingEnabled"
FROM learner
UNION ALL
SELECT getvariable('owner_id'), NULL, NULL, min(published_at), min(published_at), false, false, false
FROM presentation
