-- Grain: one row a graded validation of the log, as stages/s1_snapshots/sql/interactions.sql reads them. Reads: staged.
SELECT learner_id, objective_id, course_id, item_id AS prompt_id, occurred_at, day, session_id, score,
  false AS skipped, source_id AS response_id
FROM staged WHERE kind = 'validation' AND day BETWEEN $first_day::DATE - 1 AND $last_day::DATE
