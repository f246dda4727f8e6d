-- Grain: no row: a log has no exams.
SELECT '' AS exam_id, '' AS learner_id, '' AS course_id, NULL::TIMESTAMP AS exam_at, NULL::TIMESTAMP AS created_at
WHERE false
