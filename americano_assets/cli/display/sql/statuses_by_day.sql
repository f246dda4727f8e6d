-- Grain: one row a (study day that had closed last when it was predicted, by the time zone %(zone)s; status): how many
-- predictions.
SELECT date(timezone(%(zone)s, timezone('UTC', "predictedAt")) - interval '23 hours') - 1 AS study_day,
  "predictionStatus"::text AS status, count(*) AS n
FROM struggle_predictions
GROUP BY 1, 2
ORDER BY 1, 2
