-- Grain: one row a (learner, objective) with a graded interaction in [$window_start, $window_end). course_id: the one that
-- the last of them was stored with.
SELECT learner_id, objective_id, arg_max(course_id, (occurred_at, source, source_id)) AS course_id
FROM interactions
WHERE objective_id IS NOT NULL AND occurred_at >= $window_start AND occurred_at < $window_end
GROUP BY learner_id, objective_id
ORDER BY learner_id, objective_id
