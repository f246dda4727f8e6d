-- Grain: one row a (learner, objective) studied in the last 180 days.
SELECT learner_key, objective_key,
  max(course_key) AS course_key,
  sum(n_validations - n_late) AS n_validations,
  sum(validation_nano) AS validation_nano,
  sum(n_reviews) FILTER (age < 30) AS n_reviews_30,
  sum(n_again) FILTER (age < 30) AS n_again_30,
  max(last_studied_at) AS last_studied_at,
  mastery_of(sum(round(weighted_score_nano * weight)), sum(round(weight_nano * weight))) AS mastery,
  is_mastered(mastery_of(sum(round(weighted_score_nano * weight)), sum(round(weight_nano * weight))), sum(n_reviews),
    sum(n_validations - n_late)) AS mastered
FROM objective_days JOIN day_weights USING (study_day)
WHERE objective_key IS NOT NULL AND last_studied_at IS NOT NULL
GROUP BY learner_key, objective_key
