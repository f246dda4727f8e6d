-- Grain: one row a (learner, objective) with a graded interaction in [$window_start, $window_end).
SELECT learner_id, objective_id, max(course_id) AS course_id
FROM interactions
WHERE objective_id IS NOT NULL AND occurred_at >= $window_start AND occurred_at < $window_end
GROUP BY ALL
ORDER BY learner_id, objective_id
