-- Grain: one row an open prediction due at or after %(cutoff)s (UTC), riskiest first, at most %(limit)s.
SELECT p."userId", o."objective", c."name", p."predictionDate", p."predictedStruggleProbability",
  p."strugglingFactors"->0->>'text'
FROM struggle_predictions p
JOIN learning_objectives o ON o."id" = p."learningObjectiveId"
LEFT JOIN courses c ON c."id" = p."topicId"
WHERE p."predictionDate" >= %(cutoff)s AND p."predictionStatus"::text = 'PENDING'
ORDER BY p."predictedStruggleProbability" DESC, p."predictionDate", p."id"
LIMIT %(limit)s
