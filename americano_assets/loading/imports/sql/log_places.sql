-- Grain: one row an objective of a log, which names courses and objectives by their ids alone. Reads: staged.
SELECT DISTINCT course_id, course_id AS course, import_id('lecture', course_id) AS lecture_id, course_id AS lecture,
  objective_id, objective_id AS objective
FROM staged
