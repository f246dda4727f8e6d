-- Grain: one row a learning objective; its topic is the course of its lecture. Columns that the app overwrites
-- (mastery, weakness, last study) are not selected: what they mean is computed from the log.
SELECT
  o."id" AS objective_id,
  l."courseId" AS course_id,
  o."complexity"::text AS complexity,
  o."isHighYield" AS is_high_yield,
  o."objective" AS objective_text,
  array_to_string(o."boardExamTags" || l."topicTags", ' ') AS tags,
  EXISTS (SELECT 1 FROM cards c WHERE c."objectiveId" = o."id") AS has_card
FROM learning_objectives o
JOIN lectures l ON l."id" = o."lectureId"
ORDER BY o."id" COLLATE "C"
