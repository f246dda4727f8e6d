-- Grain: one row a prediction that may leave the app's table: its outcome was recorded, and what it was for and when it
-- was last made both lie before %(before)s (UTC). {unused}: conditions on p, that no row of the app points at it.
SELECT p."id"
FROM struggle_predictions p
WHERE p."actualOutcomeRecordedAt" IS NOT NULL AND p."predictionDate" < %(before)s AND p."predictedAt" < %(before)s
{unused}
ORDER BY p."predictionDate", p."id"
LIMIT %(most)s
FOR UPDATE OF p
