-- Grain: one row a (learner, objective, window) that live interventions speak of and that was still open at %(loaded)s
-- (UTC): what learners can see, whatever the ledger says of their arm.
SELECT DISTINCT a.user_id, a.learning_objective_id, a.flagged_at, a.window_end
FROM ml.assignments a
JOIN intervention_recommendations r ON r."predictionId" = a.prediction_id
WHERE a.live AND a.window_end > %(loaded)s
ORDER BY a.user_id, a.learning_objective_id, a.flagged_at
