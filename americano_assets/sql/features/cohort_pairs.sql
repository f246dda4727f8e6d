-- Grain: one row a (learner, objective) of the last 180 study days before the last closed cut-off, of learners who
-- count in numbers of the cohort: the first score, and what came in the last 30 days. Scores in 10^-9.
SELECT i.learner_key, i.objective_key,
  arg_min(nano(i.score), (i.occurred_at, i.source, i.source_id)) AS first_nano,
  count(*) FILTER (i.study_day >= $cutoff_day - 30) AS n_30,
  COALESCE(sum(nano(i.score)) FILTER (i.study_day >= $cutoff_day - 30), 0) AS score_nano_30
FROM interactions i
SEMI JOIN (FROM learners_known WHERE in_analytics) l USING (learner_key)
WHERE i.objective_key IS NOT NULL AND i.study_day < $cutoff_day AND i.study_day >= $cutoff_day - 180
GROUP BY i.learner_key, i.objective_key
