-- Grain: one row a (study day, status): how many predictions were made while it was the last that had closed, by the time
-- zone %(zone)s.
SELECT date(timezone(%(zone)s, timezone('UTC', "predictedAt")) - interval '23 hours') - 1 AS study_day,
  "predictionStatus"::text AS status, count(*) AS n
FROM struggle_predictions
GROUP BY 1, 2
ORDER BY 1, 2
