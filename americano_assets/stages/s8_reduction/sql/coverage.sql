-- Grain: one row a course: pairs that struggled in the window, and those of them that a night had scored.
-- Reads: judged (learner_id, objective_id, struggled), studied (learner_id, objective_id, course_id: as stored), scored
-- (learner_id, objective_id), shared (learner_id: who counts in aggregates), objectives: the curriculum, which says what
-- course an objective is of now; of one that it does not know the stored one stands.
SELECT COALESCE(o.course_id, p.course_id) AS course_id, count(*)::INTEGER AS struggles, count(s.learner_id)::INTEGER AS scored
FROM judged j
JOIN studied p USING (learner_id, objective_id)
SEMI JOIN shared USING (learner_id)
LEFT JOIN objectives o USING (objective_id)
LEFT JOIN (SELECT DISTINCT learner_id, objective_id FROM scored) s USING (learner_id, objective_id)
WHERE j.struggled
GROUP BY 1
ORDER BY 1
