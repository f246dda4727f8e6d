-- Grain: one row an exam of a learner, with the integer keys of the log tables. Times UTC.
SELECT exam_id, md5_number_lower(learner_id) AS learner_key, md5_number_lower(course_id) AS course_key, exam_at, created_at
FROM exams
