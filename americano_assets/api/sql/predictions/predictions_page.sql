-- One page of a learner's predictions, with counts over everything that the filters let through.
-- Grain: one row a prediction of the page; a single row with a null id where the page is empty.
-- Order: planned at or after `anchor` (upcoming) soonest first, then the past, latest first; ties by id. A page goes
-- on after the row (after_date, after_id), whether or not that row is still there.
-- ids: only these predictions; null: all of the learner's.
-- Units: probabilities 0-1, times UTC without zone.
WITH filtered AS (
    SELECT p.id,
           p."userId" AS user_id,
           p."learningObjectiveId" AS learning_objective_id,
           p."topicId" AS topic_id,
           p."predictionDate" AS prediction_date,
           p."predictedStruggleProbability" AS predicted_struggle_probability,
           p."predictionConfidence" AS prediction_confidence,
           p."predictionStatus"::text AS prediction_status,
           p."featureVector" AS feature_vector,
           p."strugglingFactors" AS struggling_factors,
           p."predictionDate" < %(anchor)s::timestamp AS is_past,
           abs(extract(epoch FROM p."predictionDate" - %(anchor)s::timestamp)) AS distance
    FROM struggle_predictions AS p
    WHERE p."userId" = %(user_id)s::text
      AND (%(ids)s::text[] IS NULL OR p.id = ANY (%(ids)s::text[]))
      AND (%(statuses)s::text[] IS NULL OR p."predictionStatus"::text = ANY (%(statuses)s::text[]))
      AND (%(min_probability)s::float8 IS NULL
           OR p."predictedStruggleProbability" >= %(min_probability)s::float8
           OR p."predictionStatus"::text = ANY (%(below_threshold_statuses)s::text[]))
), counts AS (
    SELECT count(*) AS total_count,
           count(*) FILTER (WHERE predicted_struggle_probability >= %(high_risk)s::float8) AS high_risk_count,
           count(*) FILTER (WHERE predicted_struggle_probability >= %(medium_risk)s::float8
                              AND predicted_struggle_probability < %(high_risk)s::float8) AS medium_risk_count,
           count(*) FILTER (WHERE predicted_struggle_probability < %(medium_risk)s::float8) AS low_risk_count
    FROM filtered
), page AS (
    SELECT *
    FROM filtered
    WHERE %(after_id)s::text IS NULL
       OR (is_past, distance, id) > (
              %(after_date)s::timestamp < %(anchor)s::timestamp,
              abs(extract(epoch FROM %(after_date)s::timestamp - %(anchor)s::timestamp)),
              %(after_id)s::text)
    ORDER BY is_past, distance, id
    LIMIT %(rows)s::int
)
SELECT counts.*,
       page.*,
       ml.first_words(o.objective, o.id) AS objective_name,
       ml.first_words(c.name, c.code::text, c.id) AS course_name
FROM counts
LEFT JOIN page ON true
LEFT JOIN learning_objectives AS o ON o.id = page.learning_objective_id
LEFT JOIN lectures AS l ON l.id = o."lectureId"
LEFT JOIN courses AS c ON c.id = coalesce(page.topic_id, l."courseId")
ORDER BY page.is_past, page.distance, page.id
