-- Grain: one row an exam of a learner. Times UTC; a calendar date is its first moment in {zone}.
SELECT x."id" AS exam_id, x."userId" AS learner_id, x."courseId" AS course_id,
  ml.instant(ml.planned_instant(x."date", '{zone}')) AS exam_at, ml.instant(x."createdAt") AS created_at
FROM exams x
JOIN users u ON u."id" = x."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
ORDER BY x."id" COLLATE "C"
