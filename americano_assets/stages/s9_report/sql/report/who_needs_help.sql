-- Grain: one row a name of a course, as people say it, with predictions as of %(cutoff)s (UTC), made by then, open and not yet due, of learners
-- who count in aggregates:
-- predictions by risk, from %(medium)s and %(high)s on, and how many learners they are about.
SELECT ml.first_words(c."code"::text, c."name", c."id", 'no course') AS course,
  count(*) FILTER (WHERE p."predictedStruggleProbability" >= %(high)s)::integer AS high,
  count(*) FILTER (WHERE p."predictedStruggleProbability" >= %(medium)s
    AND p."predictedStruggleProbability" < %(high)s)::integer AS medium,
  count(*) FILTER (WHERE p."predictedStruggleProbability" < %(medium)s)::integer AS low,
  count(DISTINCT p."userId")::integer AS learners
FROM struggle_predictions p
JOIN users u ON u."id" = p."userId" AND u."includeInAnalytics"
LEFT JOIN courses c ON c."id" = p."topicId"
WHERE p."predictedAt" <= %(cutoff)s AND p."predictionDate" >= %(cutoff)s AND p."predictionStatus"::text = 'PENDING'
GROUP BY 1
ORDER BY 2 DESC, 3 DESC, 1
