-- Keeps that a learner's word went before the computed outcome, once each time that it was said; what is planned for a study
-- day after %(opened)s waits until that opens.
INSERT INTO ml.outcome_changes (prediction_id, user_id, basis, old_outcome, new_outcome, known_at, reason)
SELECT f.prediction_id, f.user_id, 'feedback', e.outcome,
  CASE WHEN f.actual_struggle THEN 'struggled' ELSE 'not_struggled' END, f.submitted_at, 'the learner said so'
FROM ml.prediction_feedback f
JOIN ml.episodes e ON e.prediction_id = f.prediction_id AND e.user_id = f.user_id
WHERE e.planned_day <= %(opened)s AND e.outcome IS DISTINCT FROM CASE WHEN f.actual_struggle THEN 'struggled' ELSE 'not_struggled' END
ON CONFLICT (prediction_id, known_at) WHERE basis = 'feedback' DO NOTHING
