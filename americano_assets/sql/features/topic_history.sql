-- Grain: one row a (learner, topic) studied in the last 180 days; the topic is a course.
WITH daily AS (
  SELECT learner_key, course_key, study_day,
    nano(count(*) FILTER (rating <> 'AGAIN')::DOUBLE / count(*)) AS success_nano
  FROM past WHERE kind = 'review' AND age < 30
  GROUP BY ALL
),
trend AS (
  -- Least squares over whole numbers; x = 0 at the cut-off keeps the products small.
  SELECT learner_key, course_key, count(*) AS n_days,
    (count(*) * sum((study_day - $cutoff_day) * success_nano::HUGEINT)
      - sum(study_day - $cutoff_day) * sum(success_nano::HUGEINT))::DOUBLE / 1000000000
    / nullif(count(*) * sum((study_day - $cutoff_day) * (study_day - $cutoff_day))
      - sum(study_day - $cutoff_day) * sum(study_day - $cutoff_day), 0) AS slope_per_day
  FROM daily GROUP BY ALL
),
log AS (
  SELECT learner_key, course_key,
    max(occurred_at) AS last_studied_at,
    count(*) FILTER (kind = 'review' AND age < 30) AS n_reviews_30,
    count(*) FILTER (rating <> 'AGAIN' AND age < 30) AS n_success_30,
    count(*) FILTER (kind = 'validation') AS n_validations,
    sum(nano(score)) FILTER (kind = 'validation') AS validation_nano
  FROM graded WHERE NOT replaced GROUP BY ALL
),
mastery AS (
  SELECT learner_key, course_key, nano_mean(sum(nano(mastery)), count(*)) AS mean_mastery
  FROM objective_history GROUP BY ALL
),
windows AS (
  SELECT learner_key, course_key, objective_key, window_back,
    struggled_by(count(*) FILTER (kind = 'review'), count(*) FILTER (kind = 'validation'),
      count(*) FILTER (rating = 'AGAIN'), sum(nano(score)), $struggle_below) AS struggled
  FROM graded
  WHERE NOT replaced_in_window AND objective_key IS NOT NULL AND window_back < 180 // $horizon_days
  GROUP BY ALL
),
struggles AS (
  SELECT learner_key, course_key, count(*) FILTER (struggled) AS n_struggles, count(struggled) AS n_windows
  FROM windows GROUP BY ALL
)
SELECT learner_key, course_key, log.last_studied_at, log.n_reviews_30, log.n_success_30, log.n_validations,
  log.validation_nano, trend.n_days, trend.slope_per_day, mastery.mean_mastery, COALESCE(n_struggles, 0) AS n_struggles, COALESCE(n_windows, 0) AS n_windows
FROM log
LEFT JOIN trend USING (learner_key, course_key)
LEFT JOIN mastery USING (learner_key, course_key)
LEFT JOIN struggles USING (learner_key, course_key)
