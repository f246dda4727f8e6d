-- Grain: one row a (learner, topic, objective, study day, whole days before the cut-off) with graded interactions, and
-- one more for skipped validations: one pass over the log, and every total of the look-back adds these rows up.
-- Weights halve every 90 days of exact age. n_validations and score_nano are a label's, in which a skip counts until
-- the same window answers it; `n_late` of them are skips that a later window answered: they count in nothing else.
SELECT learner_key, course_key, objective_key, study_day, age,
  count(rating) AS n_reviews,
  count(*) - count(rating) AS n_validations,
  0 AS n_late,
  sum(nano(score)) AS score_nano,
  sum(CASE WHEN rating IS NULL THEN nano(score) ELSE 0 END) AS validation_nano,
  sum(nano(decay(occurred_at, $cutoff) * score)) AS weighted_score_nano,
  sum(nano(decay(occurred_at, $cutoff))) AS weight_nano,
  max(occurred_at) AS last_studied_at
FROM past WHERE NOT skipped
GROUP BY learner_key, course_key, objective_key, study_day, age
UNION ALL
SELECT learner_key, course_key, objective_key, study_day, age,
  0,
  count(*),
  count(*) FILTER (replaced),
  0,
  0,
  0,
  COALESCE(sum(nano(decay(occurred_at, $cutoff))) FILTER (NOT replaced), 0),
  max(occurred_at) FILTER (NOT replaced)
FROM past JOIN skips USING (learner_key, item_key, occurred_at)
WHERE skipped AND NOT replaced_in_window
GROUP BY learner_key, course_key, objective_key, study_day, age
