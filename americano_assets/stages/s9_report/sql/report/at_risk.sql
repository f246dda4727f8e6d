-- Grain: one row a (course, objective) with predictions as of %(cutoff)s (UTC), made by then, open and not yet due, of learners
-- who count in aggregates, most learners first: how many learners, when the first is due, and at most %(reasons)s reasons, each with how many learners have it, commonest first; of
-- how many learners it is planned, and the first such date (an unplanned one is due %(horizon)s days of %(zone)s after the
-- cut-off that it was made at).
WITH open AS (
  SELECT p."topicId" AS course_id, p."learningObjectiveId" AS objective_id, p."userId" AS learner_id,
    p."predictionDate" AS due, p."strugglingFactors" AS factors,
    p."predictionDate" <> timezone('UTC', timezone(%(zone)s::text,
      timezone(%(zone)s::text, timezone('UTC', p."predictedAt")) + make_interval(days => %(horizon)s))) AS planned
  FROM struggle_predictions p
  JOIN users u ON u."id" = p."userId" AND u."includeInAnalytics"
  WHERE p."predictedAt" <= %(cutoff)s AND p."predictionDate" >= %(cutoff)s AND p."predictionStatus"::text = 'PENDING'
),
objectives AS (
  SELECT course_id, objective_id, count(DISTINCT learner_id) AS learners, min(due) AS due,
    count(DISTINCT learner_id) FILTER (WHERE planned) AS planned, min(due) FILTER (WHERE planned) AS planned_from
  FROM open GROUP BY 1, 2
),
reasons AS (
  SELECT course_id, objective_id, f->>'text' AS reason, count(DISTINCT learner_id) AS learners,
    row_number() OVER (PARTITION BY course_id, objective_id ORDER BY count(DISTINCT learner_id) DESC, f->>'text') AS place
  FROM open, jsonb_array_elements(CASE WHEN jsonb_typeof(factors) = 'array' THEN factors END) AS f
  WHERE f->>'text' IS NOT NULL
  GROUP BY 1, 2, 3
)
SELECT o.course_id, o.objective_id, ml.first_words(c."code"::text, c."name", c."id", 'no course') AS course, n."objective",
  o.due, o.learners,
  (
    SELECT jsonb_agg(jsonb_build_array(r.learners, r.reason) ORDER BY r.place)
    FROM reasons r
    WHERE r.course_id IS NOT DISTINCT FROM o.course_id AND r.objective_id = o.objective_id AND r.place <= %(reasons)s
  ) AS reasons,
  o.planned, o.planned_from
FROM objectives o
JOIN learning_objectives n ON n."id" = o.objective_id
LEFT JOIN courses c ON c."id" = o.course_id
ORDER BY o.learners DESC, o.due, o.objective_id
