-- Grain: one row an exam of a learner. Times UTC.
SELECT x."id" AS exam_id, x."userId" AS learner_id, x."courseId" AS course_id, ml.instant(x."date") AS exam_at,
  ml.instant(x."createdAt") AS created_at
FROM exams x
JOIN users u ON u."id" = x."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
ORDER BY x."id" COLLATE "C"
