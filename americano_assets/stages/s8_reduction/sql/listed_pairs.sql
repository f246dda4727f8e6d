-- Grain: one row a prediction that was flagged, with the outcome of its learner in its course; a learner's in a course follow one
-- another. Reads: pairs, outcomes.
SELECT p.course_id, p.learner_id, p.prediction_id, p.probability, p.confidence, p.types, o.struggled
FROM pairs p
JOIN outcomes o USING (course_id, learner_id)
WHERE p.flagged
ORDER BY p.course_id, p.learner_id, p.prediction_id
