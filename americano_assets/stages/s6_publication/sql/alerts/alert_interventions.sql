-- Grain: one row a prediction of %(predictions)s that has an open intervention: the one of the highest priority.
SELECT DISTINCT ON (r."predictionId") r."predictionId" AS prediction_id, r."id" AS intervention_id, r."description"
FROM intervention_recommendations r
WHERE r."predictionId" = ANY (%(predictions)s) AND r."status"::text = 'PENDING'
ORDER BY r."predictionId", r."priority" DESC, r."id"
