-- Grain: one row a row of the log, in the order of study days. source_id numbers a learner's rows of a day by what
-- they say: names and the order of rows do not enter. Times UTC; an objective belongs to one course: of several the
-- first by name. Reads: normal, calendar (day, opens_at).
WITH courses AS (SELECT objective_id, min(course_id) AS course_id FROM normal GROUP BY objective_id),
dated AS (
  SELECT n.* EXCLUDE (course_id), COALESCE(c.course_id, 'log') AS course_id, d.day
  FROM normal n
  JOIN courses c USING (objective_id)
  ASOF JOIN calendar d ON n.occurred_at >= d.opens_at
)
SELECT *, day || '-' || lpad((row_number() OVER (
    PARTITION BY learner_id, day ORDER BY occurred_at, objective_id, kind, item_id, score, rating, session_id
  ))::VARCHAR, 7, '0') AS source_id
FROM dated ORDER BY day
