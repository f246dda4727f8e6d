-- Grain: one row an objective. What the app computes for one learner stays at its start. Reads: places, staged.
SELECT objective_id AS id, lecture_id AS "lectureId", objective, false AS "isHighYield",
  getvariable('complexity') AS complexity, '{}' AS "boardExamTags",
  (SELECT min(occurred_at) FROM staged) AS "createdAt", NULL::TIMESTAMP AS "lastStudiedAt",
  'NOT_STARTED' AS "masteryLevel", 0 AS "totalStudyTimeMs", 0.5 AS "weaknessScore"
FROM places
