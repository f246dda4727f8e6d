-- Grain: one row: interventions of ours that belong to holdout episodes.
SELECT count(*)::integer AS n
FROM ml.assignments a
JOIN intervention_recommendations r ON r."predictionId" = a.prediction_id
JOIN ml.published p ON p.table_name = 'intervention_recommendations' AND p.row_id = r."id"
WHERE a.arm = 'holdout'
