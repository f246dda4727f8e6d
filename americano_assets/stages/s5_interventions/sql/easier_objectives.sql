-- Grain: one row a pair of `given_pairs` (learner_id, objective_id) that has an easier objective of its topic which the
-- learner has not mastered: one that it builds on goes first, then the smallest step down, then what is known best.
-- Reads: objectives_known, learners_known, prerequisites_known, objective_history.
SELECT g.learner_id, g.objective_id, e.objective_id AS easier_id
FROM given_pairs g
JOIN objectives_known o USING (objective_id)
JOIN learners_known l USING (learner_id)
JOIN objectives_known e ON e.course_key = o.course_key AND e.complexity < COALESCE(o.complexity, 0.6)
LEFT JOIN prerequisites_known q ON q.objective_key = o.objective_key AND q.prerequisite_key = e.objective_key
LEFT JOIN objective_history h ON h.learner_key = l.learner_key AND h.objective_key = e.objective_key
WHERE NOT COALESCE(h.mastered, false)
QUALIFY row_number() OVER (PARTITION BY g.learner_id, g.objective_id
  ORDER BY q.objective_key IS NOT NULL DESC, e.complexity DESC, h.mastery DESC NULLS LAST, e.objective_id) = 1
ORDER BY g.learner_id, g.objective_id
