-- Grain: one row a skipped validation in `validations`. A skip is 0 until a later answer to the same prompt replaces it
-- (`replaced`); in a label window only an answer inside that window does (`replaced_in_window`).
WITH skipped AS MATERIALIZED (
  SELECT learner_key, course_key, objective_key, item_key, occurred_at, study_day, into_day, age, place
  FROM validations WHERE skipped
),
answers AS (
  SELECT s.learner_key, s.item_key, s.occurred_at, max(a.age) AS answered_age
  FROM (SELECT DISTINCT learner_key, item_key, occurred_at FROM skipped) s
  JOIN (SELECT learner_key, item_key, occurred_at, age FROM validations WHERE NOT skipped) a
    ON a.learner_key = s.learner_key AND a.item_key = s.item_key AND a.occurred_at >= s.occurred_at
  GROUP BY ALL
)
SELECT skipped.*, answered_age IS NOT NULL AS replaced,
  COALESCE(answered_age // $horizon_days = age // $horizon_days, false) AS replaced_in_window
FROM skipped LEFT JOIN answers USING (learner_key, item_key, occurred_at)
