-- Grain: one row a (course, objective) with open predictions due at or after %(cutoff)s (UTC), most learners first: how many
-- learners, when the first is due, and at most %(reasons)s reasons, each with how many learners have it, commonest first.
WITH open AS (
  SELECT p."topicId" AS course_id, p."learningObjectiveId" AS objective_id, p."userId" AS learner_id,
    p."predictionDate" AS due, p."strugglingFactors" AS factors
  FROM struggle_predictions p
  WHERE p."predictionDate" >= %(cutoff)s AND p."predictionStatus"::text = 'PENDING'
),
objectives AS (
  SELECT course_id, objective_id, count(DISTINCT learner_id) AS learners, min(due) AS due FROM open GROUP BY 1, 2
),
reasons AS (
  SELECT course_id, objective_id, f->>'text' AS reason, count(DISTINCT learner_id) AS learners,
    row_number() OVER (PARTITION BY course_id, objective_id ORDER BY count(DISTINCT learner_id) DESC, f->>'text') AS place
  FROM open, jsonb_array_elements(factors) AS f
  WHERE f->>'text' IS NOT NULL
  GROUP BY 1, 2, 3
)
SELECT o.course_id, o.objective_id, COALESCE(NULLIF(c."code"::text, ''), c."name", 'no course') AS course, n."objective",
  o.due, o.learners,
  (
    SELECT jsonb_agg(jsonb_build_array(r.learners, r.reason) ORDER BY r.place)
    FROM reasons r
    WHERE r.course_id IS NOT DISTINCT FROM o.course_id AND r.objective_id = o.objective_id AND r.place <= %(reasons)s
  ) AS reasons
FROM objectives o
JOIN learning_objectives n ON n."id" = o.objective_id
LEFT JOIN courses c ON c."id" = o.course_id
ORDER BY o.learners DESC, o.due, o.objective_id
