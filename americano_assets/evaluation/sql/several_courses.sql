-- Grain: one row: how many objectives stand in more than one course. Reads: normal.
SELECT count(*) AS n FROM (FROM normal SELECT objective_id GROUP BY objective_id HAVING count(DISTINCT course_id) > 1)
