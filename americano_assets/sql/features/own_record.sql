-- Grain: one row a (learner, objective) studied in the last 180 days: what became of the learner's own answers to it.
-- Scores in 10^-9; the last one by the order of time, source and id.
SELECT learner_key, objective_key, max(course_key) AS course_key,
  count(*) AS n_graded,
  sum(nano(score)) AS score_nano,
  arg_max(nano(score), (occurred_at, source, source_id)) AS last_nano,
  max((occurred_at, source, source_id)) AS last_at,
  max(occurred_at) FILTER (rating = 'AGAIN') AS last_lapse_at
FROM graded WHERE NOT replaced AND objective_key IS NOT NULL
GROUP BY learner_key, objective_key
