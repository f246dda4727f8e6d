-- Keeps verdicts that were told before and are another now, before they are written over. staged_outcomes.basis names
-- the window.
INSERT INTO ml.outcome_changes (prediction_id, user_id, basis, old_outcome, new_outcome, known_at, reason)
SELECT s.prediction_id, s.user_id, s.basis, old.outcome, s.outcome, %(known_at)s,
  'what was known of the window changed: now ' || s.n_reviews || ' reviews, ' || s.n_validations || ' graded answers'
FROM staged_outcomes s
JOIN (
  SELECT prediction_id, 'last_refresh' AS basis, outcome FROM ml.episodes
  UNION ALL
  SELECT prediction_id, 'first_flag', outcome FROM ml.first_flag_outcomes
) old ON old.prediction_id = s.prediction_id AND old.basis = s.basis
WHERE old.outcome IS NOT NULL AND old.outcome <> s.outcome
ORDER BY s.basis, s.prediction_id
