-- One row a presentation: its assessments, as one document.
SELECT
  lecture_id AS id,
  getvariable('owner_id') AS "userId",
  course_id AS "courseId",
  'Assessments of ' || code AS title,
  code AS "fileName",
  'urn:oulad:' || code_module || ':' || code_presentation AS "fileUrl",
  0 AS "fileSize",
  NULL::INTEGER AS "weekNumber",
  '{}' AS "topicTags",
  published_at AS "uploadedAt"
FROM presentation
