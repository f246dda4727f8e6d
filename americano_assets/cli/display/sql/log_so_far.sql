-- Grain: one row: what was read of the log, of learners who may be analysed.
-- Reads: interactions, analysable (learner_id).
SELECT count(*) AS answers, count(DISTINCT learner_key) AS learners, count(DISTINCT objective_key) AS objectives
FROM interactions SEMI JOIN analysable USING (learner_id)
