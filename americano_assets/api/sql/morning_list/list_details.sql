-- What stands beside the warnings that are shown: %(ids)s.
-- Grain: one row a prediction. reasons: at most %(reasons)s; advice: the open recommendation of the highest priority. due UTC.
SELECT p.id AS prediction_id, ml.first_words(o.objective, o.id) AS objective, p."predictionDate" AS due,
  ARRAY(
    SELECT f->>'text'
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(p."strugglingFactors") = 'array' THEN p."strugglingFactors" END)
      WITH ORDINALITY AS t (f, place)
    WHERE f->>'text' IS NOT NULL
    ORDER BY place
    LIMIT %(reasons)s::int
  ) AS reasons,
  (
    SELECT r.description
    FROM intervention_recommendations r
    WHERE r."predictionId" = p.id AND r.status::text = 'PENDING'
    ORDER BY r.priority DESC, r.id
    LIMIT 1
  ) AS advice
FROM struggle_predictions p
JOIN learning_objectives o ON o.id = p."learningObjectiveId"
WHERE p.id = ANY (%(ids)s::text[])
