-- The indicators of some predictions.
-- Grain: one row an indicator. Times UTC without zone; severity LOW, MEDIUM, HIGH or CRITICAL.
SELECT i.id,
       i."predictionId" AS prediction_id,
       i."indicatorType"::text AS indicator_type,
       i.severity::text AS severity,
       i.context,
       i."detectedAt" AS detected_at
FROM struggle_indicators AS i
WHERE i."predictionId" = ANY (%(prediction_ids)s::text[])
ORDER BY i."detectedAt", i.id
