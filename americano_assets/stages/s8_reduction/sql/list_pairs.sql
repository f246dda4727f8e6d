-- Grain: one row a prediction of a night, whoever was flagged, of learners who count in aggregates, without what was held out by
-- then. course_id: empty of what belongs to no course. struggled: within the horizon; null: too few answers to tell.
-- Reads: scored, label_files, advised (prediction_id, intervention_type), shared (learner_id), held (prediction_id).
SELECT COALESCE(s.course_id, '') AS course_id, s.learner_id, s.prediction_id, s.probability, s.confidence, s.flagged,
  a.types, l.struggled
FROM scored s
JOIN label_files l USING (learner_id, objective_id)
JOIN shared USING (learner_id)
LEFT JOIN (
  SELECT prediction_id, list(DISTINCT intervention_type) AS types FROM advised GROUP BY prediction_id
) a USING (prediction_id)
WHERE s.prediction_id NOT IN (SELECT prediction_id FROM held)
