-- Grain: one row an indicator that is staged for one of %(predictions)s.
SELECT s."id", s."predictionId" AS prediction_id, s."indicatorType"::text AS indicator_type,
  s."severity"::text AS severity
FROM staged_struggle_indicators s
WHERE s."predictionId" = ANY (%(predictions)s)
