-- Grain: one row a (learner, topic, objective), of which one is null: an objective by itself, or the whole topic. The mean
-- of the last ten graded validations within 30 days, 0-1. The topic as in `topic_history`.
WITH lately AS MATERIALIZED (
  SELECT v.learner_key, COALESCE(o.course_key, v.course_key) AS course_key, v.objective_key, v.score,
    chronological(v.study_day, v.place) AS answer
  FROM validations v
  ANTI JOIN (FROM skips WHERE replaced) USING (study_day, place)
  LEFT JOIN objectives_known o USING (objective_key)
  WHERE study_day >= $cutoff_day - 31 AND age < 30
),
ranked AS (
  SELECT learner_key, NULL::UBIGINT AS course_key, objective_key, score FROM lately
  WHERE objective_key IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY learner_key, objective_key ORDER BY answer DESC) <= 10
  UNION ALL
  SELECT learner_key, course_key, NULL, score FROM lately
  WHERE course_key IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY learner_key, course_key ORDER BY answer DESC) <= 10
)
SELECT learner_key, course_key, objective_key, nano_mean(sum(nano(score)), count(*)) AS mean_score
FROM ranked GROUP BY ALL
