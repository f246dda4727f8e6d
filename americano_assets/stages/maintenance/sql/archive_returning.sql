-- Grain: one row an archived prediction that can be put back: its objective is still in the app, its id is not taken,
-- and it was for a time from %(since)s on (UTC; null: any).
SELECT a.prediction_id, a.prediction, a.indicators, a.recommendations
FROM ml.struggle_predictions_archive a
WHERE (%(since)s::timestamp IS NULL OR a.prediction_date >= %(since)s)
  AND EXISTS (SELECT FROM learning_objectives o WHERE o."id" = a.prediction ->> 'learningObjectiveId')
  AND NOT EXISTS (SELECT FROM struggle_predictions p WHERE p."id" = a.prediction_id)
