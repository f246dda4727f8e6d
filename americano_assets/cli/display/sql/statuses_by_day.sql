-- Grain: one row a (day on which it was predicted, UTC; status): how many predictions.
SELECT date_trunc('day', "predictedAt") AS predicted_on, "predictionStatus"::text AS status, count(*) AS n
FROM struggle_predictions
GROUP BY 1, 2
ORDER BY 1, 2
