-- Grain: one row a course with pairs: learners who struggled in it. Reads: outcomes.
SELECT course_id, count(*) FILTER (struggled) AS struggled FROM outcomes GROUP BY course_id
