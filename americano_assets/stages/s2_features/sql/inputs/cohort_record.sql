-- Grain: one row an objective: what cohort_pairs adds up to.
SELECT objective_key, count(*) AS n_learners, sum(first_nano) AS first_nano, sum(n_30) AS n_30,
  sum(score_nano_30) AS score_nano_30
FROM cohort_pairs GROUP BY objective_key
