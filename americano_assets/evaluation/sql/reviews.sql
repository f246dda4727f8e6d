-- Grain: one row a review of the log, as stages/s1_snapshots/sql/interactions.sql reads them. Reads: staged.
SELECT learner_id, objective_id, course_id, item_id AS card_id, occurred_at, day, session_id, rating,
  source_id AS review_id
FROM staged WHERE kind = 'review' AND day BETWEEN $first_day::DATE - 1 AND $last_day::DATE
