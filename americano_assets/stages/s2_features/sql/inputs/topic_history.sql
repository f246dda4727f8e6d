-- Grain: one row a (learner, topic) studied in the last 180 days; the topic is a course. Which one an answer counts
-- for is said in `objective_history`; of a card without an objective it is the one that it was stored with.
WITH daily AS (
  SELECT d.learner_key, COALESCE(o.course_key, d.course_key) AS course_key, d.study_day, sum(d.n_reviews) AS n_reviews,
    sum(d.n_reviews - d.n_again)::DOUBLE AS n_success
  FROM objective_days d LEFT JOIN objectives_known o USING (objective_key)
  WHERE study_day >= $cutoff_day - 31 AND age < 30 AND n_reviews > 0 GROUP BY ALL
),
trend AS (
  -- Least squares over whole numbers; x = 0 at the cut-off keeps the products small.
  SELECT learner_key, course_key, count(*) AS n_days, sum(n_reviews) AS n_reviews_30, sum(n_success) AS n_success_30,
    (count(*) * sum((study_day - $cutoff_day) * success_nano) - sum(study_day - $cutoff_day) * sum(success_nano))::DOUBLE
      / 1000000000
    / nullif(count(*) * sum((study_day - $cutoff_day) * (study_day - $cutoff_day))
      - sum(study_day - $cutoff_day) * sum(study_day - $cutoff_day), 0) AS slope_per_day
  FROM (SELECT *, nano(n_success / n_reviews)::HUGEINT AS success_nano FROM daily)
  GROUP BY ALL
),
-- What objectives were added up to is added up again: days are many more. They are read where an answer is of none.
parts AS (
  SELECT learner_key, course_key, last_studied_at, n_validations, validation_nano
  FROM objective_history
  UNION ALL
  SELECT learner_key, course_key, last_studied_at, n_validations - n_late, validation_nano
  FROM objective_days WHERE objective_key IS NULL AND last_studied_at IS NOT NULL
),
log AS (
  SELECT learner_key, course_key, max(last_studied_at) AS last_studied_at, sum(n_validations) AS n_validations,
    sum(validation_nano) AS validation_nano
  FROM parts GROUP BY ALL
),
mastery AS (
  SELECT learner_key, course_key, nano_mean(sum(nano(mastery)), count(*)) AS mean_mastery
  FROM objective_history GROUP BY ALL
),
struggles AS (
  SELECT w.learner_key, COALESCE(o.course_key, w.course_key) AS course_key, count(*) FILTER (w.struggled) AS n_struggles,
    count(*) AS n_windows
  FROM topic_windows w LEFT JOIN objectives_known o USING (objective_key)
  GROUP BY ALL
)
SELECT learner_key, course_key, log.last_studied_at, trend.n_reviews_30, trend.n_success_30, log.n_validations,
  log.validation_nano, trend.n_days, trend.slope_per_day, mastery.mean_mastery,
  COALESCE(n_struggles, 0) AS n_struggles, COALESCE(n_windows, 0) AS n_windows
FROM log
LEFT JOIN trend USING (learner_key, course_key)
LEFT JOIN mastery USING (learner_key, course_key)
LEFT JOIN struggles USING (learner_key, course_key)
