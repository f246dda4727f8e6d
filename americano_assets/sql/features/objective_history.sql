-- Grain: one row a (learner, objective) studied in the last 180 days.
SELECT learner_key, objective_key,
  max(course_key) AS course_key,
  sum(n_validations - n_late) AS n_validations,
  sum(validation_nano) AS validation_nano,
  max(last_studied_at) AS last_studied_at,
  mastery_of(sum(weighted_score_nano), sum(weight_nano)) AS mastery,
  is_mastered(mastery_of(sum(weighted_score_nano), sum(weight_nano)), sum(n_reviews), sum(n_validations - n_late))
    AS mastered
FROM objective_days
WHERE objective_key IS NOT NULL AND last_studied_at IS NOT NULL
GROUP BY learner_key, objective_key
