-- Grain: one row an exam of a learner. Times UTC.
SELECT md5_number_lower(learner_id) AS learner_key, md5_number_lower(course_id) AS course_key, exam_at, created_at
FROM exams
