-- Grain: one row a graded interaction of the last 180 study days before the cut-off. age in whole study days.
-- A view: each query reads the columns and days that it names, and no others.
SELECT learner_key, objective_key, course_key, item_key, session_key, kind, occurred_at, study_day, score, rating,
  skipped, source, source_id,
  age_days(study_day, into_day, $cutoff_day, $cutoff_into) AS age
FROM interactions {of_interest}
WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 181 AND age < 180
