-- Grain: one row a prediction about which its own learner said what became of it, by %(before)s (UTC; null: ever), and that
-- is planned for a study day up to %(opened)s: what is said before that day opens counts from then on.
-- planned_day in days since 1970-01-01: with learner and objective it names the episode, in every night's rows.
SELECT f.prediction_id, f.user_id AS learner_id, e.learning_objective_id AS objective_id,
  (e.planned_day - DATE '1970-01-01')::integer AS planned_day, f.actual_struggle, f.submitted_at,
  e.first_flagged_at IS NOT NULL AS flagged, e.outcome
FROM ml.prediction_feedback f
JOIN ml.episodes e ON e.prediction_id = f.prediction_id AND e.user_id = f.user_id
WHERE (%(before)s::timestamp IS NULL OR f.submitted_at < %(before)s) AND e.planned_day <= %(opened)s
ORDER BY f.prediction_id
