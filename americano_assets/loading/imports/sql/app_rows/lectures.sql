-- Grain: one row a lecture. Reads: places, staged.
SELECT lecture_id AS id, getvariable('owner_id') AS "userId", any_value(course_id) AS "courseId",
  any_value(lecture) AS title, NULL::INTEGER AS "weekNumber", '{}' AS "topicTags",
  (SELECT min(occurred_at) FROM staged) AS "uploadedAt", '' AS "fileName", '' AS "fileUrl", 0 AS "fileSize"
FROM places GROUP BY lecture_id
