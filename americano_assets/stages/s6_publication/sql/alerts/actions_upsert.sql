-- Keeps the actions of staged interventions that stand in the app's table; those of others were not staged.
INSERT INTO ml.intervention_actions AS i (intervention_id, prediction_id, user_id, actions)
SELECT r."id", r."predictionId", r."userId", s.actions::jsonb
FROM staged_intervention_recommendations s
JOIN intervention_recommendations r ON r."id" = s."id"
ON CONFLICT (intervention_id) DO UPDATE SET actions = EXCLUDED.actions
WHERE i.actions IS DISTINCT FROM EXCLUDED.actions
