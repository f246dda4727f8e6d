-- One row an objective. What the app computes for one learner stays at its start: these objectives are shared.
SELECT
  objective_id AS id,
  lecture_id AS "lectureId",
  text AS objective,
  is_high_yield AS "isHighYield",
  complexity,
  '{}' AS "boardExamTags",
  published_at AS "createdAt",
  NULL::TIMESTAMP AS "lastStudiedAt",
  'NOT_STARTED' AS "masteryLevel",
  0 AS "totalStudyTimeMs",
  0.5 AS "weaknessScore"
FROM objective
