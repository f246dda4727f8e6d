-- Grain: one row a table: how many of its rows belong to holdout episodes, whoever wrote them.
SELECT 'intervention_recommendations' AS table_name, count(*)::integer AS n
FROM intervention_recommendations r
JOIN ml.assignments a ON a.prediction_id = r."predictionId" AND a.arm = 'holdout'
UNION ALL
SELECT 'ml.alerts', count(*)::integer FROM ml.alerts JOIN ml.assignments a USING (prediction_id) WHERE a.arm = 'holdout'
