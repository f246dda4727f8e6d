-- Grain: one row a card review in a session, of the last 30 study days before the cut-off.
-- A view: each query reads the columns and days that it names, and no others.
SELECT learner_key, session_key, rating
FROM interactions
WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 31 AND kind = 'review'
  AND age_days(study_day, into_day, $cutoff_day, $cutoff_into) < 30
