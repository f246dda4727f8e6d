-- Grain: one row a learner with predictions as of %(cutoff)s (UTC), made by then, open and not yet due, at most %(limit)s: each one's riskiest.
-- First the riskiest of each (objective, leading reason), then the least risky of each, then the second riskiest …: so that
-- they differ in objective, reason and risk.
WITH open AS (
  SELECT p."id", p."userId" AS learner_id, p."learningObjectiveId" AS objective_id, p."topicId" AS course_id,
    p."predictionDate" AS due, p."predictedStruggleProbability" AS probability, p."strugglingFactors"->0->>'text' AS reason,
    row_number() OVER (
      PARTITION BY p."userId" ORDER BY p."predictedStruggleProbability" DESC, p."predictionDate", p."id"
    ) AS of_learner
  FROM struggle_predictions p
  WHERE p."predictedAt" <= %(cutoff)s AND p."predictionDate" >= %(cutoff)s AND p."predictionStatus"::text = 'PENDING'
),
kinds AS (
  SELECT *, row_number() OVER (PARTITION BY objective_id, reason ORDER BY probability DESC, "id") AS from_top,
    row_number() OVER (PARTITION BY objective_id, reason ORDER BY probability, "id" DESC) AS from_bottom
  FROM open
  WHERE of_learner = 1
)
SELECT k.learner_id, ml.first_words(c."code"::text, c."name", c."id", 'no course') AS course, k.objective_id, n."objective", k.due,
  k.probability, k.reason
FROM kinds k
JOIN learning_objectives n ON n."id" = k.objective_id
LEFT JOIN courses c ON c."id" = k.course_id
ORDER BY least(k.from_top, k.from_bottom), k.from_top > k.from_bottom, k.probability DESC, k."id"
LIMIT %(limit)s
