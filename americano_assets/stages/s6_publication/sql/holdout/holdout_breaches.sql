-- Grain: one row: interventions of ours that belong to holdout episodes, of all learners or (%(learner)s given) of one.
SELECT count(*)::integer AS n
FROM ml.assignments a
JOIN intervention_recommendations r ON r."predictionId" = a.prediction_id
JOIN ml.published p ON p.table_name = 'intervention_recommendations' AND p.row_id = r."id"
WHERE a.arm = 'holdout' AND (%(learner)s::text IS NULL OR a.user_id = %(learner)s::text)
