-- Keeps the actions of staged interventions that stand in the app's table; those of others were taken out of staging.
INSERT INTO ml.intervention_actions AS i (intervention_id, prediction_id, user_id, actions)
SELECT r."id", r."predictionId", r."userId", s.actions::jsonb
FROM staged_actions s
JOIN staged_intervention_recommendations g ON g."id" = s.intervention_id
JOIN intervention_recommendations r ON r."id" = s.intervention_id
ON CONFLICT (intervention_id) DO UPDATE SET actions = EXCLUDED.actions
WHERE i.actions IS DISTINCT FROM EXCLUDED.actions
