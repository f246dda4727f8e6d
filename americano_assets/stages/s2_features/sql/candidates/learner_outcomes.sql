-- Grain: one row a learner who was graded often enough to tell an outcome: of how many objectives. A skipped validation
-- counts, as it does in a label, answered or not.
-- Reads: interactions of a label window, whole study days.
SELECT learner_key, count(*) AS outcomes
FROM (
  SELECT learner_key FROM interactions WHERE objective_key IS NOT NULL
  GROUP BY learner_key, objective_key
  HAVING struggled_by(count(*) FILTER (kind = 'review'), count(*) FILTER (kind = 'validation'), 0, 0, 0) IS NOT NULL
)
GROUP BY learner_key
