-- Grain: one row a (learner, objective) studied in the last 180 days: what became of the learner's own answers to it.
-- Scores in 10^-9; the last one by the order of time, source and id.
SELECT learner_key, objective_key, max(course_key) AS course_key,
  sum(n_reviews + n_validations - n_late) AS n_graded,
  sum(score_nano(n_reviews, n_again, validation_nano)) AS score_nano,
  arg_max(last_nano, chronological(study_day, last_place)) AS last_nano,
  max(chronological(study_day, last_place)) AS last_at,
  max(last_lapse_at) AS last_lapse_at
FROM objective_days WHERE last_studied_at IS NOT NULL AND objective_key IS NOT NULL
GROUP BY learner_key, objective_key
