-- Grain: one row a card review in a session, of the last 30 study days before the cut-off.
-- A view: each query reads the columns and days that it names, and no others.
SELECT source, source_id, learner_key, session_key, rating
FROM interactions
WHERE study_day BETWEEN $cutoff_day - 31 AND $cutoff_day AND rating IS NOT NULL
  AND age_days(study_day, into_day, $cutoff_day, $cutoff_into) BETWEEN 0 AND 29
