-- Grain: one row a (learner, topic, objective or null for the whole topic): the mean of the last ten graded
-- validations within 30 days, 0-1.
WITH lately AS MATERIALIZED (
  SELECT learner_key, course_key, objective_key, score, chronological(study_day, place) AS answer
  FROM validations
  ANTI JOIN (FROM skips WHERE replaced) USING (learner_key, item_key, occurred_at)
  WHERE study_day >= $cutoff_day - 31 AND age < 30
),
ranked AS (
  SELECT learner_key, course_key, objective_key, score FROM lately
  WHERE objective_key IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY learner_key, objective_key ORDER BY answer DESC) <= 10
  UNION ALL
  SELECT learner_key, course_key, NULL, score FROM lately
  QUALIFY row_number() OVER (PARTITION BY learner_key, course_key ORDER BY answer DESC) <= 10
)
SELECT learner_key, course_key, objective_key, nano_mean(sum(nano(score)), count(*)) AS mean_score
FROM ranked GROUP BY ALL
