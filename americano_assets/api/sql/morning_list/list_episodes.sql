-- The open warnings that a list is made of, whoever is to be left out already left out: held-out episodes and learners
-- who opted out stand on no list and take nobody's place.
-- Grain: one row a prediction that is open, due at or after %(opened)s, at or above %(threshold)s now, and treated; of
-- %(courses)s where they are given. A learner's in a course follow one another. Times UTC without zone; p and confidence 0-1.
SELECT p.id AS prediction_id, p."topicId" AS course_id, p."userId" AS user_id,
  p."predictedStruggleProbability" AS probability, p."predictionConfidence" AS confidence, a.flagged_at,
  ARRAY(
    SELECT DISTINCT r."interventionType"::text
    FROM intervention_recommendations r
    WHERE r."predictionId" = p.id AND r.status::text = 'PENDING'
    ORDER BY 1
  ) AS types
FROM struggle_predictions p
JOIN ml.assignments a ON a.prediction_id = p.id AND a.arm = 'treated'
JOIN users u ON u.id = p."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
WHERE p."predictionStatus"::text = 'PENDING' AND p."predictionDate" >= %(opened)s::timestamp
  AND p."predictedStruggleProbability" >= %(threshold)s::float8
  AND (%(courses)s::text[] IS NULL OR p."topicId" = ANY (%(courses)s::text[]))
ORDER BY p."topicId", p."userId", p.id
