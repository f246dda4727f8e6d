-- What was predicted of a learner and what became of it, newest first. Of a held-out episode nothing until its windows have
-- closed, and then no word of its arm: the next one of that objective has the same.
-- Grain: one row an episode of %(user_id)s, of %(courses)s where they are given (an empty one is none), at most %(most)s; none of who opted out.
-- p and threshold 0-1, as of the last refresh. outcome: null while open. Times UTC without zone.
SELECT e.course_id, ml.first_words(o.objective, e.learning_objective_id) AS objective, e.planned_day, e.first_flagged_at,
  e.probability, CASE WHEN e.window_end <= %(now)s::timestamp THEN e.outcome END AS outcome
FROM ml.episodes e
JOIN users u ON u.id = e.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
LEFT JOIN learning_objectives o ON o.id = e.learning_objective_id
LEFT JOIN ml.assignments a USING (prediction_id)
WHERE e.user_id = %(user_id)s::text AND (%(courses)s::text[] IS NULL OR COALESCE(e.course_id, '') = ANY (%(courses)s::text[]))
  AND (a.arm IS DISTINCT FROM 'holdout'
    OR e.outcome IS NOT NULL AND greatest(e.window_end, a.window_end) <= %(now)s::timestamp)
ORDER BY e.planned_day DESC, e.prediction_id
LIMIT %(most)s::int
